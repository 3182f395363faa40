"""The verbs of runs, and requests by hand, on every store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hourbell import Conflict, Context, Every, HourbellError, InvalidArguments, NotFound, Scheduler
from hourbell.events import RunCancelled


async def task_of(scheduler: Scheduler, name: str) -> Any:
    """A registered task."""
    return next(task for task in await scheduler.list_tasks() if task.name == name)


async def test_what_was_enqueued_is_there(scheduler: Scheduler) -> None:
    add = await task_of(scheduler, "add")
    run = await add.enqueue(1, b=2)
    assert await scheduler.get_run(run.id) == run
    assert (run.task, run.args, run.state, run.origin) == ("add", {"a": 1, "b": 2}, "queued", "enqueue")
    assert (run.schedule_id, run.fire_at, run.attempt, run.queue, run.priority) == (None, None, 0, "default", 0)
    assert run.policies is not None
    assert (run.policies["timeout"], run.policies["grace"]) == (60, 3600)
    with pytest.raises(InvalidArguments, match="'a' does not fit"):
        await add.enqueue("x")
    with pytest.raises(InvalidArguments, match="missing a required argument"):
        await add.enqueue()
    assert len(await scheduler.list_runs()) == 1


async def test_options_of_a_request(scheduler: Scheduler) -> None:
    add = await task_of(scheduler, "add")
    at = datetime(2040, 1, 1, tzinfo=UTC)
    run = await add.options(run_at=at, priority=-5, queue="slow").enqueue(1)
    assert (run.run_at, run.priority, run.queue) == (at, -5, "slow")
    delayed = await add.options(delay=60).enqueue(1)
    assert delayed.run_at - delayed.created_at == timedelta(seconds=60)
    again = await add.options(delay=timedelta(hours=1)).enqueue(1)
    assert again.run_at - again.created_at == timedelta(hours=1)


@pytest.mark.parametrize(
    "options",
    [
        {"run_at": datetime(2030, 1, 1)},  # noqa: DTZ001 - refused
        {"run_at": "tomorrow"},
        {"run_at": datetime.max.replace(tzinfo=UTC)},
        {"run_at": datetime.min.replace(tzinfo=UTC)},
        {"delay": -1},
        {"delay": float("nan")},
        {"delay": 1e300},
        {"delay": "5"},
        {"delay": 5, "run_at": datetime(2030, 1, 1, tzinfo=UTC)},
        {"key": ""},
        {"key": "x" * 201},
        {"key": "nul\x00"},
        {"key_period": 60},
        {"key": "k", "key_period": 0},
        {"key": "k", "key_period": "a day"},
        {"priority": 10_000},
        {"queue": ""},
        {"queue": "a\nb"},
    ],
    ids=str,
)
async def test_options_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    async with Scheduler("memory://") as scheduler:
        task = scheduler.task(name="t")(lambda: None)
        with pytest.raises(InvalidArguments):
            await task.options(**options).enqueue()
        assert len(await scheduler.list_runs()) == 0


async def test_a_key_makes_a_request_idempotent(scheduler: Scheduler) -> None:
    add, greet = await task_of(scheduler, "add"), await task_of(scheduler, "greet")
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(add.options(key="once").enqueue(number)) for number in range(5)]
    assert len({task.result().id for task in asked}) == 1
    other = await greet.options(key="once").enqueue()
    assert other.id != asked[0].result().id
    assert len(await scheduler.list_runs()) == 2
    assert await greet.options(key="once", key_period=3600).enqueue() == other
    await asyncio.sleep(0.02)
    assert (await greet.options(key="once", key_period=timedelta(milliseconds=10)).enqueue()).id != other.id


async def test_a_run_asked_for_in_a_body_belongs_to_its_chain(scheduler: Scheduler) -> None:
    greet = await task_of(scheduler, "greet")
    root = await greet.enqueue()
    with Context.of(root).entered():
        child = await greet.enqueue()
    with Context.of(child).entered():
        grandchild = await greet.enqueue()
    assert (child.parent, grandchild.parent) == (root.id, child.id)
    assert child.tracking_id == grandchild.tracking_id == root.id
    assert [run.id for run in await scheduler.list_runs(tracking_id=root.id)] == [grandchild.id, child.id]


async def test_lists_newest_first_in_pages_and_narrowed(scheduler: Scheduler) -> None:
    add, greet = await task_of(scheduler, "add"), await task_of(scheduler, "greet")
    runs = [await add.enqueue(number) for number in range(3)]
    runs.append(await greet.enqueue())
    await scheduler.cancel_run(runs[0].id)
    first = await scheduler.list_runs(limit=3)
    rest = await scheduler.list_runs(limit=3, cursor=first.next_cursor)
    assert [run.id for run in (*first, *rest)] == [run.id for run in reversed(runs)]
    assert rest.next_cursor is None
    assert len(await scheduler.list_runs(task="add")) == 3
    assert len(await scheduler.list_runs(state="cancelled")) == 1
    assert len(await scheduler.list_runs(schedule_id="none")) == 0


@pytest.mark.parametrize(
    "wanted",
    [
        {"state": "asleep"},
        {"limit": 0},
        {"cursor": "x"},
        {"cursor": "nul\x00"},
        {"task": "nul\x00"},
        {"tracking_id": 5},
    ],
    ids=str,
)
async def test_a_list_that_cannot_be_is_refused(scheduler: Scheduler, wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments):
        await scheduler.list_runs(**wanted)


async def test_cancels_what_is_queued_and_retries_what_is_final(scheduler: Scheduler) -> None:
    run = await (await task_of(scheduler, "greet")).enqueue()
    with pytest.raises(Conflict):
        await scheduler.retry_run(run)
    assert (await scheduler.cancel_run(run)).state == "cancelled"
    with pytest.raises(Conflict):
        await scheduler.cancel_run(run.id)
    again = await scheduler.retry_run(run.id)
    assert (again.id, again.state) == (run.id, "queued")
    assert list(await scheduler.list_attempts(run.id)) == []


@pytest.mark.parametrize("name", ["nobody", "01890000-0000-7000-8000-000000000000", "nul\x00", "\ud800", ""])
async def test_a_run_that_is_not_there(scheduler: Scheduler, name: str) -> None:
    for verb in (scheduler.get_run, scheduler.cancel_run, scheduler.retry_run, scheduler.wait):
        with pytest.raises(NotFound):
            await verb(name)


async def test_waits_for_the_end_and_no_longer_than_asked(scheduler: Scheduler) -> None:
    run = await (await task_of(scheduler, "greet")).enqueue()
    with pytest.raises(TimeoutError, match=rf"run {run.id} has not ended within 0\.2 s"):
        await scheduler.wait(run, timeout=0.2)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(scheduler.wait(run, timeout=30))
        await asyncio.sleep(0.1)
        await scheduler.cancel_run(run)
    assert waiting.result().state == "cancelled"
    assert (await scheduler.wait(run.id)).state == "cancelled"


async def test_another_event_loop_is_told_where_to_call() -> None:
    async with Scheduler("memory://") as scheduler:
        task = scheduler.task(name="t")(lambda: None)

        def elsewhere() -> None:
            asyncio.run(task.enqueue())

        with pytest.raises(HourbellError, match="run_coroutine_threadsafe"):
            await asyncio.to_thread(elsewhere)
        loop = asyncio.get_running_loop()
        run = await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(task.enqueue(), loop).result(60))
        assert (await scheduler.get_run(run.id)).state == "queued"


async def test_what_is_not_open_says_so() -> None:
    scheduler = Scheduler("memory://")
    task = scheduler.task(name="t")(lambda: None)
    for asked in (scheduler.list_runs(), task.enqueue(), scheduler.add_schedule(task, Every(hours=1))):
        with pytest.raises(Exception, match="async with scheduler") as raised:
            await asked
        assert type(raised.value).__name__ == "HourbellError"


async def test_a_running_run_is_cancelled_from_another_process(database_url: str) -> None:
    if database_url == "memory://":
        pytest.skip("one process alone sees the memory store")
    node, other = Scheduler(database_url, lease=3, poll=0.2), Scheduler(database_url, lease=3)
    begun = asyncio.Event()

    @node.task(name="endless", retry=5)
    async def endless() -> None:
        begun.set()
        await asyncio.sleep(60)

    async with node.lifespan(), other:
        run = await endless.enqueue()
        await begun.wait()
        asked = await other.cancel_run(run)
        assert (asked.state, asked.reason) == ("running", "cancelled")
        assert asked.cancel_requested_at is not None
        ended = await other.wait(run, timeout=60)
        assert (ended.state, ended.outcome, ended.reason) == ("cancelled", "cancelled", "cancelled")
        with pytest.raises(Conflict, match="has ended"):
            await other.cancel_run(run)


async def test_a_node_cancels_a_run_of_its_own_without_waiting_for_a_poll(database_url: str) -> None:
    scheduler = Scheduler(database_url, lease=3, poll=60, poll_with_hints=60)
    begun = asyncio.Event()

    @scheduler.task(name="endless")
    async def endless() -> None:
        begun.set()
        await asyncio.sleep(60)

    async with scheduler.lifespan():
        run = await endless.enqueue()
        await begun.wait()
        await scheduler.cancel_run(run)
        assert (await scheduler.wait(run, timeout=30)).state == "cancelled"


async def test_who_cancels_a_queued_run_tells_the_subscribers(scheduler: Scheduler) -> None:
    heard: list[RunCancelled] = []
    scheduler.on(RunCancelled, heard.append)
    run = await (await task_of(scheduler, "greet")).enqueue()
    cancelled = await scheduler.cancel_run(run)
    assert [event.run for event in heard] == [cancelled]
