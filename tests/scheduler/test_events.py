"""Each event on the real engine, as an application hears it; and a subscriber of the worst kind beside good runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hourbell import Retry, Scheduler
from hourbell.events import (
    Event,
    FireMissed,
    NodeLost,
    RunCancelled,
    RunFailed,
    RunRetried,
    RunStarted,
    RunSucceeded,
)
from hourbell.model.node import NewNode

PATIENCE = 60


class Heard:
    """What an application hears, in an async subscriber and in a plain one."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.awaited: list[Event] = []
        self.called: list[Event] = []

        async def hear(event: Event) -> None:
            self.awaited.append(event)

        scheduler.on(Event, hear)
        scheduler.on(Event, self.called.append)

    async def until(self, kind: type[Event], count: int = 1) -> list[Any]:
        async with asyncio.timeout(PATIENCE):
            while any(len(self.of(kind, place)) < count for place in (self.awaited, self.called)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.of(kind, self.awaited)

    @staticmethod
    def of(kind: type[Event], place: list[Event]) -> list[Any]:
        return [event for event in place if isinstance(event, kind)]


@asynccontextmanager
async def live(
    url: str, prepare: Callable[[Scheduler], object] = lambda _: None
) -> AsyncIterator[tuple[Scheduler, Heard]]:
    scheduler = Scheduler(url, lease=3, poll=0.2, drain=1)
    heard = Heard(scheduler)
    prepare(scheduler)
    async with scheduler.lifespan():
        yield scheduler, heard


async def test_a_run_from_its_start_to_its_end(database_url: str) -> None:
    def tasks(scheduler: Scheduler) -> None:
        scheduler.task(name="add")(lambda a: a + 1)

    async with live(database_url, tasks) as (scheduler, heard):
        run = await scheduler._core.tasks.get("add").enqueue(a=1)
        (started,) = await heard.until(RunStarted)
        (done,) = await heard.until(RunSucceeded)
        node_id = (await scheduler.list_nodes())[0].id
    assert (started.run.id, started.node_id) == (run.id, node_id)
    assert (done.run.id, done.run.result, done.run.state, done.node_id) == (run.id, 2, "succeeded", node_id)
    assert heard.awaited == heard.called


async def test_failures_and_retries(database_url: str) -> None:
    async def fail() -> None:
        raise ConnectionError("no answer")

    def tasks(scheduler: Scheduler) -> None:
        scheduler.task(name="fail", retry=Retry(attempts=2, backoff="fixed", first=0.1, jitter=False))(fail)

    async with live(database_url, tasks) as (scheduler, heard):
        run = await scheduler._core.tasks.get("fail").enqueue()
        (retried,) = await heard.until(RunRetried)
        (failed,) = await heard.until(RunFailed)
    assert (retried.run.id, retried.delay, retried.run.failures) == (run.id, 0.1, 1)
    assert retried.error.startswith("ConnectionError: no answer")
    assert (failed.run.id, failed.run.state, failed.run.failures) == (run.id, "failed", 2)
    assert failed.run.error.startswith("ConnectionError: no answer")
    assert [type(event) for event in heard.awaited] == [RunStarted, RunRetried, RunStarted, RunFailed]


async def test_a_running_run_that_is_cancelled(database_url: str) -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    async with live(database_url, lambda scheduler: scheduler.task(name="wait")(wait)) as (scheduler, heard):
        run = await scheduler._core.tasks.get("wait").enqueue()
        later = await scheduler._core.tasks.get("wait").options(delay=3600).enqueue()
        await heard.until(RunStarted)
        await scheduler.cancel_run(later)
        await scheduler.cancel_run(run)
        cancelled = await heard.until(RunCancelled, 2)
    assert [event.run.id for event in cancelled] == [later.id, run.id]
    assert [event.run.state for event in cancelled] == ["cancelled", "cancelled"]


async def test_what_is_missed_and_what_is_skipped(database_url: str) -> None:
    past = datetime.now(UTC) - timedelta(hours=1)

    def tasks(scheduler: Scheduler) -> None:
        scheduler.at(past, id="late", grace=60)(nothing)

    async with live(database_url, tasks) as (_, heard):
        (missed,) = await heard.until(FireMissed)
    assert (missed.schedule_id, missed.reason, missed.covers_count) == ("late", "missed", 1)
    assert missed.fire_at == missed.covers_until == past


async def test_a_node_that_died(database_url: str) -> None:
    async with live(database_url, lambda scheduler: scheduler.task(name="t")(lambda: None)) as (scheduler, heard):
        store = scheduler._core.store
        await store.register_node(NewNode(id="gone", host="h", pid=1, lease=timedelta(seconds=0.5), version="1"))
        (lost,) = await heard.until(NodeLost)
        node_id = (await scheduler.list_nodes())[0].id
    assert (lost.node_id, lost.found_by, lost.requeued, lost.failed) == ("gone", node_id, 0, 0)


async def test_the_worst_subscribers_hurt_no_run(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    def block(_: Event) -> None:
        gate.wait(PATIENCE)

    async def hang(_: Event) -> None:
        await asyncio.Event().wait()

    async def fail(_: Event) -> None:
        raise RuntimeError("bad subscriber")

    gate = threading.Event()

    def prepare(scheduler: Scheduler) -> None:
        scheduler.task(name="quick")(nothing)
        for subscriber in (block, hang, fail):
            scheduler.on(Event, subscriber)

    async with asyncio.timeout(PATIENCE), live(database_url, prepare) as (scheduler, heard):
        quick = scheduler._core.tasks.get("quick")
        runs = [await quick.enqueue() for _ in range(20)]
        assert [(await scheduler.wait(run)).state for run in runs] == ["succeeded"] * 20
        await heard.until(RunSucceeded, 20)
    gate.set()
    assert caplog.text.count("RuntimeError: bad subscriber") >= 40


async def nothing() -> None: ...
