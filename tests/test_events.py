"""Subscribers: who is called, where, and that what they raise stays theirs."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from hourbell.errors import InvalidArguments
from hourbell.events import Event, Events, NodeLost

LOST = NodeLost(node_id="a", found_by="b", requeued=1, failed=0)


class Strange(Event):
    """Another sort."""


def test_calls_those_of_the_type_and_of_its_parents() -> None:
    events, heard = Events(), []
    events.on(NodeLost, lambda event: heard.append(("lost", event)))
    events.on(Event, lambda event: heard.append(("any", event)))
    events.on(Strange, lambda event: heard.append(("strange", event)))
    events.emit(LOST)
    assert heard == [("lost", LOST), ("any", LOST)]


def test_a_subscription_ends() -> None:
    events, heard = Events(), []
    off = events.on(NodeLost, heard.append)
    assert events.wants(NodeLost)
    off()
    off()
    events.emit(LOST)
    assert not heard
    assert not events.wants(NodeLost)


def test_what_a_subscriber_raises_is_logged_and_the_next_is_called(caplog: pytest.LogCaptureFixture) -> None:
    events, heard = Events(), []

    def fail(event: NodeLost) -> None:
        raise RuntimeError("bad subscriber")

    events.on(NodeLost, fail)
    events.on(NodeLost, heard.append)
    with caplog.at_level(logging.ERROR):
        events.emit(LOST)
    assert heard == [LOST]
    assert "bad subscriber" in caplog.text


def test_refuses_what_is_no_event() -> None:
    with pytest.raises(InvalidArguments, match="RunFailed"):
        Events().on(int, print)  # type: ignore[type-var]


async def test_an_async_subscriber_runs_and_its_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    events, heard = Events(), []

    async def hear(event: NodeLost) -> None:
        await asyncio.sleep(0)
        heard.append(event)
        raise RuntimeError("bad async subscriber")

    events.on(NodeLost, hear)
    with caplog.at_level(logging.ERROR):
        events.emit(LOST)
        await events.drained(30)
        await asyncio.sleep(0)
    assert heard == [LOST]
    assert "bad async subscriber" in caplog.text


async def test_a_subscriber_that_never_ends_is_cancelled() -> None:
    events, ended = Events(), []

    async def hang(event: NodeLost) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(event)

    events.on(NodeLost, hang)
    events.emit(LOST)
    async with asyncio.timeout(30):
        await events.drained(0.05)
    assert ended == [LOST]


async def test_an_event_of_another_thread_is_delivered_on_the_attached_loop() -> None:
    events, heard, arrived = Events(), [], asyncio.Event()
    events.attach(asyncio.get_running_loop())

    def hear(event: NodeLost) -> None:
        heard.append(threading.get_ident())
        arrived.set()

    events.on(NodeLost, hear)
    other = threading.Thread(target=events.emit, args=(LOST,))
    other.start()
    async with asyncio.timeout(30):
        await arrived.wait()
    other.join()
    assert heard == [threading.get_ident()]


def test_an_event_after_the_loop_is_closed_is_dropped() -> None:
    events, heard = Events(), []
    loop = asyncio.new_event_loop()
    events.attach(loop)
    loop.close()
    events.on(NodeLost, heard.append)
    events.emit(LOST)
    assert not heard


def test_an_async_subscriber_without_a_loop_is_not_called(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()

    async def hear(event: NodeLost) -> None:
        raise AssertionError("never")

    events.on(NodeLost, hear)
    events.emit(LOST)
    assert "no event loop" in caplog.text
