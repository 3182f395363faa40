"""Subscribers: who is called, where, and that what they raise stays theirs."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator

import pytest

from hourbell.errors import InvalidArguments
from hourbell.events import Event, Events, NodeLost
from hourbell.subscribers import MOST_WAITING

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


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit, KeyboardInterrupt])
async def test_an_async_subscriber_runs_and_its_error_is_logged(
    caplog: pytest.LogCaptureFixture, kind: type[BaseException]
) -> None:
    """Also what would end the event loop, and with it the application."""
    events, heard = Events(), []

    async def hear(event: NodeLost) -> None:
        await asyncio.sleep(0)
        heard.append(event)
        raise kind("bad async subscriber")

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


@pytest.fixture
async def attached() -> AsyncIterator[Events]:
    """Events of an application that runs."""
    events = Events()
    events.attach(asyncio.get_running_loop())
    yield events
    await events.drained(30)
    events.attach(None)


def node_lost(number: int) -> NodeLost:
    return NodeLost(node_id=str(number), found_by="b", requeued=0, failed=0)


async def test_async_subscribers_hear_on_the_loop_and_plain_ones_in_a_thread(attached: Events) -> None:
    heard: dict[str, int] = {}

    async def on_the_loop(event: NodeLost) -> None:
        heard["async"] = threading.get_ident()

    def in_a_thread(event: NodeLost) -> None:
        heard["plain"] = threading.get_ident()

    attached.on(NodeLost, on_the_loop)
    attached.on(NodeLost, in_a_thread)
    emitter = threading.Thread(target=attached.emit, args=(LOST,))
    emitter.start()
    emitter.join()
    await attached.drained(30)
    assert heard["async"] == threading.get_ident()
    assert heard["plain"] not in (threading.get_ident(), emitter.ident)


async def test_each_hears_in_their_order_and_one_after_the_other(attached: Events) -> None:
    heard: list[str] = []
    plain: list[str] = []

    async def slowly(event: NodeLost) -> None:
        await asyncio.sleep(0)
        heard.append(event.node_id)

    attached.on(NodeLost, slowly)
    attached.on(NodeLost, lambda event: plain.append(event.node_id))
    for number in range(300):
        attached.emit(node_lost(number))
    await attached.drained(30)
    assert heard == plain == [str(number) for number in range(300)]


async def test_one_that_blocks_or_raises_holds_up_neither_the_loop_nor_the_others(
    attached: Events, caplog: pytest.LogCaptureFixture
) -> None:
    gate, heard = threading.Event(), []

    def block(event: NodeLost) -> None:
        gate.wait(30)

    def fail(event: NodeLost) -> None:
        raise SystemExit("bad subscriber")

    for subscriber in (block, fail, heard.append):
        attached.on(NodeLost, subscriber)
    for number in range(3):
        attached.emit(node_lost(number))
    async with asyncio.timeout(30):
        while len(heard) < 3 or caplog.text.count("SystemExit: bad subscriber") < 3:  # noqa: ASYNC110 - a thread
            await asyncio.sleep(0.01)
    gate.set()


@pytest.mark.parametrize("kind", ["async", "plain"])
async def test_a_flood_is_bounded_counted_and_logged(
    attached: Events, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    gate, begun, heard = threading.Event(), threading.Event(), []

    async def on_the_loop(event: NodeLost) -> None:
        begun.set()
        await asyncio.to_thread(gate.wait, 30)
        heard.append(event.node_id)

    def in_a_thread(event: NodeLost) -> None:
        begun.set()
        gate.wait(30)
        heard.append(event.node_id)

    attached.on(NodeLost, on_the_loop if kind == "async" else in_a_thread)
    attached.emit(node_lost(0))
    async with asyncio.timeout(30):
        while not begun.is_set():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.001)
    for number in range(1, 5_000):
        attached.emit(node_lost(number))
    gate.set()
    await attached.drained(30)
    assert heard == [str(number) for number in range(MOST_WAITING + 1)], "the oldest, and in their order"
    assert "is too slow" in caplog.text
    assert f"has lost {5_000 - MOST_WAITING - 1} events" in caplog.text


async def test_one_that_cancels_itself_goes_on_hearing(attached: Events) -> None:
    heard: list[str] = []

    async def cancel(event: NodeLost) -> None:
        heard.append(event.node_id)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    attached.on(NodeLost, cancel)
    for number in range(3):
        attached.emit(node_lost(number))
        await asyncio.sleep(0.01)
    await attached.drained(30)
    assert heard == ["0", "1", "2"]


async def test_a_thread_that_never_ends_is_left_behind() -> None:
    events, gate = Events(), threading.Event()
    events.attach(asyncio.get_running_loop())
    events.on(NodeLost, lambda event: gate.wait(30))
    events.emit(LOST)
    async with asyncio.timeout(20):
        await events.drained(0.05)
    gate.set()


def test_an_event_after_the_loop_is_closed_is_dropped() -> None:
    events, heard = Events(), []
    loop = asyncio.new_event_loop()
    events.attach(loop)
    loop.close()

    async def hear(event: NodeLost) -> None:
        heard.append(event)

    events.on(NodeLost, hear)
    events.listen(NodeLost, heard.append)
    events.emit(LOST)
    assert not heard


async def test_a_listener_of_ours_is_called_at_once(attached: Events) -> None:
    heard: list[NodeLost] = []
    off = attached.listen(NodeLost, heard.append)
    attached.emit(LOST)
    assert heard == [LOST]
    off()
    assert not attached.wants(NodeLost)


def test_an_async_subscriber_without_a_loop_is_not_called(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()

    async def hear(event: NodeLost) -> None:
        raise AssertionError("never")

    events.on(NodeLost, hear)
    events.emit(LOST)
    assert "no event loop" in caplog.text
