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
    RunSkipped,
    RunStarted,
    RunSucceeded,
)
from hourbell.model.node import NewNode
from hourbell.scheduler import runs as runs_module
from hourbell.triggers import Every

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
    scheduler = Scheduler(url, lease=3, poll=0.2, drain=1, queues=["default"])  # nobody serves the queue "far"
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


@pytest.fixture
def told_not_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the end of a run looks once, and then only hears of it."""
    monkeypatch.setattr(runs_module, "_FIRST_PAUSE", 10 * PATIENCE)
    monkeypatch.setattr(runs_module, "_LONGEST_PAUSE", 10 * PATIENCE)


@pytest.mark.slow
@pytest.mark.usefixtures("told_not_looked")
async def test_what_is_lost_with_another_node_is_told_by_who_took_over(database_url: str) -> None:
    async with live(database_url, lambda scheduler: scheduler.task(name="once", on_lost="fail")(nothing)) as (
        scheduler,
        heard,
    ):
        store = scheduler._core.store
        # Its lease ends when that of a node ends which was killed a moment ago.
        await store.register_node(NewNode(id="gone", host="h", pid=1, lease=timedelta(seconds=1), version="1"))
        runs = [await scheduler._core.tasks.get("once").options(delay=0.5, queue="far").enqueue() for _ in range(2)]
        held: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while len(held) < 2:
                claim = await store.claim("gone", "c", limit=2, tasks={"once": 2}, queues=["far"], suspects=2)
                assert claim is not None
                held += [run.id for run in claim.runs]
        await scheduler.cancel_run(runs[1])
        ended = [await scheduler.wait(run, timeout=PATIENCE) for run in runs]
        (failed,) = await heard.until(RunFailed)
        (cancelled,) = await heard.until(RunCancelled)
        node_id = (await scheduler.list_nodes())[0].id
    assert [(run.state, run.reason) for run in ended] == [("failed", "lost"), ("cancelled", "cancelled")]
    assert [failed.run, cancelled.run] == ended
    assert failed.node_id == cancelled.node_id == node_id


@pytest.mark.usefixtures("told_not_looked")
async def test_what_makes_way_for_another_is_told(database_url: str) -> None:
    def tasks(scheduler: Scheduler) -> None:
        scheduler.task(name="elsewhere", queue="far", overlap="cancel_other")(nothing)

    async with live(database_url, tasks) as (scheduler, heard):
        await scheduler.add_schedule("elsewhere", Every(hours=1), id="s")
        first = await scheduler.trigger_schedule("s")
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(scheduler.wait(first, timeout=PATIENCE))
            await asyncio.sleep(0)
            second = await scheduler.trigger_schedule("s")
        await scheduler.remove_schedule("s")
        displaced, removed = await heard.until(RunSkipped, 2)
    assert (displaced.run, displaced.run.reason, displaced.run.yielded_to) == (waiting.result(), "overlap", second.id)
    assert (removed.run.id, removed.run.reason, removed.node_id) == (second.id, "removed", None)


async def test_fires_that_make_way_for_the_next_are_told(database_url: str) -> None:
    def tasks(scheduler: Scheduler) -> None:
        scheduler.every(seconds=0.5, id="far", queue="far", overlap="cancel_other")(nothing)

    async with live(database_url, tasks) as (scheduler, heard):
        skipped = await heard.until(RunSkipped, 2)
        node_id = (await scheduler.list_nodes())[0].id
        await scheduler.pause_schedule("far")
        *_, paused = await heard.until(RunSkipped, len(heard.of(RunSkipped, heard.awaited)) + 1)
        recorded = {run.id: run for run in await scheduler.list_runs(schedule_id="far", limit=1000)}
    assert [(event.run.reason, event.node_id) for event in skipped] == [("overlap", node_id)] * 2
    assert (paused.run.reason, paused.node_id) == ("paused", None)
    told = heard.of(RunSkipped, heard.awaited)
    assert [event.run for event in told] == [recorded[event.run.id] for event in told]
    assert len({event.run.id for event in told}) == len(told), "each is told once"


async def test_requests_that_are_skipped_are_told_once(database_url: str) -> None:
    def tasks(scheduler: Scheduler) -> None:
        scheduler.task(name="elsewhere", queue="far")(nothing)

    async with live(database_url, tasks) as (scheduler, heard):
        await scheduler.add_schedule("elsewhere", Every(hours=1), id="s")
        first = await scheduler.trigger_schedule("s")
        skipped = await scheduler.trigger_schedule("s", key="k")
        assert await scheduler.trigger_schedule("s", key="k") == skipped
        await scheduler.cancel_run(first)
        await heard.until(RunCancelled)
        (told,) = await heard.until(RunSkipped)
    assert (told.run, told.run.reason, told.run.yielded_to) == (skipped, "overlap", first.id)


async def test_a_run_that_is_too_late_when_its_turn_comes_is_told(database_url: str) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def wait(hold: bool = False) -> None:
        if hold:
            begun.set()
            await gate.wait()

    def tasks(scheduler: Scheduler) -> None:
        scheduler.task(name="wait", concurrency=1)(wait)

    async with live(database_url, tasks) as (scheduler, heard):
        held = await scheduler._core.tasks.get("wait").enqueue(hold=True)
        await asyncio.wait_for(begun.wait(), PATIENCE)
        await scheduler.add_schedule("wait", Every(seconds=1), id="s", grace=0.3, overlap="buffer_one")
        async with asyncio.timeout(PATIENCE):
            while not (runs := await scheduler.list_runs(schedule_id="s", state="queued")):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        gate.set()
        assert (await scheduler.wait(held, timeout=PATIENCE)).state == "succeeded"
        missed = await heard.until(RunSkipped)
    first = missed[0].run
    assert (first.id, first.state, first.reason) == (runs[-1].id, "skipped", "missed")
    assert any(
        event.reason == "missed" and event.fire_at == first.fire_at for event in heard.of(FireMissed, heard.awaited)
    )


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
