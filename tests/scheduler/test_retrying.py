"""Dead letters: failed runs are found, looked into, and tried again one by one or in bulk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hourbell import Conflict, InvalidArguments, NotFound, Run, Scheduler, Task, UnknownTask
from hourbell.model.node import NewNode
from hourbell.model.run import Settlement
from hourbell.model.run_state import Outcome, RunState

NODE = "n"


async def task_of(scheduler: Scheduler, name: str) -> Task[..., Any]:
    return next(task for task in await scheduler.list_tasks() if task.name == name)


async def failed(scheduler: Scheduler, name: str, *errors: str, **args: Any) -> list[Run]:
    """So many runs of the task that end with these errors, oldest first."""
    task = await task_of(scheduler, name)
    store = scheduler._core.store
    await store.register_node(NewNode(id=NODE, host="h", pid=1, lease=timedelta(hours=1), version="1"))
    runs = []
    for error in errors:
        run = await task.enqueue(**args)
        claim = await store.claim(NODE, run.id, limit=1, tasks={name: 1}, queues=None, suspects=1)
        assert claim is not None
        await settled(scheduler, claim.runs[0], error)
        runs.append(await scheduler.get_run(run.id))
    return runs


async def settled(scheduler: Scheduler, run: Run, error: str) -> None:
    report = Settlement(
        run_id=run.id, attempt=run.attempt, state=RunState.FAILED, outcome=Outcome.FAILED, failed=True, error=error
    )
    assert await scheduler._core.store.settle(NODE, [report])


async def test_every_attempt_is_listed(scheduler: Scheduler) -> None:
    (run,) = await failed(scheduler, "greet", "ValueError: first")
    (only,) = await scheduler.list_attempts(run.id)
    assert (only.attempt, only.node_id, only.outcome, only.error) == (1, NODE, "failed", "ValueError: first")
    assert only.finished_at == run.finished_at
    await scheduler.retry_run(run.id)
    assert [one.error for one in await scheduler.list_attempts(run.id)] == ["ValueError: first"]
    claim = await scheduler._core.store.claim(NODE, "c", limit=1, tasks={"greet": 1}, queues=None, suspects=1)
    assert claim is not None
    first, second = await scheduler.list_attempts(run.id)
    assert (first.attempt, second.attempt) == (1, 2)
    assert (second.finished_at, second.outcome, second.error) == (None, None, None), "it is under way"
    await settled(scheduler, claim.runs[0], "KeyError: second")
    assert [one.error for one in await scheduler.list_attempts(run.id)] == ["ValueError: first", "KeyError: second"]
    with pytest.raises(NotFound):
        await scheduler.list_attempts("01890000-0000-7000-8000-000000000000")


async def test_failed_runs_are_found(scheduler: Scheduler) -> None:
    before = datetime.now(UTC) - timedelta(hours=1)
    first, second = await failed(scheduler, "greet", "ConnectionError: no answer", "ValueError: 100%")
    (third,) = await failed(scheduler, "add", "ConnectionError: no answer", a=1)

    async def found(**wanted: Any) -> list[str]:
        return [run.id for run in await scheduler.list_runs(state="failed", **wanted)]

    assert await found() == [third.id, second.id, first.id]
    assert await found(error="ConnectionError") == [third.id, first.id]
    assert await found(error="ConnectionError", task="greet") == [first.id]
    assert await found(error="%") == [second.id]
    assert await found(since=before) == [third.id, second.id, first.id]
    assert await found(until=before) == []
    assert await found(reason="lost") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": datetime(2030, 1, 1, tzinfo=UTC).replace(tzinfo=None)},
        {"until": "today"},
        {"error": "nul\x00"},
        {"reason": 5},
    ],
    ids=str,
)
async def test_what_cannot_be_asked_is_refused(scheduler: Scheduler, wrong: dict[str, Any]) -> None:
    for ask in (scheduler.list_runs, scheduler.retry_runs):
        with pytest.raises(InvalidArguments, match=next(iter(wrong))):
            await ask(**wrong)


async def test_arguments_are_changed_once_they_fit_the_task(scheduler: Scheduler) -> None:
    (run,) = await failed(scheduler, "add", "OverflowError: too big", a=1, b=2)
    for wrong in ({"a": "x"}, {"b": 1}, {"a": 1, "c": 1}, {}):
        with pytest.raises(InvalidArguments, match="task add"):
            await scheduler.retry_run(run.id, args=wrong)
    assert (await scheduler.get_run(run.id)).state == "failed", "nothing changed"
    again = await scheduler.retry_run(run, args={"a": "5"})
    assert (again.args, again.state, again.id) == ({"a": 5}, "queued", run.id)
    with pytest.raises(Conflict):
        await scheduler.retry_run(run.id, args={"a": 6})
    assert (await scheduler.get_run(run.id)).args == {"a": 5}


async def test_arguments_of_a_task_that_is_not_here_cannot_be_changed(scheduler: Scheduler) -> None:
    (run,) = await failed(scheduler, "greet", "ValueError")
    other = Scheduler(scheduler._core.store)
    async with other:
        with pytest.raises(UnknownTask):
            await other.retry_run(run.id, args={"name": "ada"})
        assert (await other.retry_run(run.id)).state == "queued"


async def test_many_are_retried_in_batches(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hourbell.scheduler.retrying.BATCH", 3)
    greeted = await failed(scheduler, "greet", *["ConnectionError"] * 7, "ValueError")
    (added,) = await failed(scheduler, "add", "ConnectionError", a=1)
    told: list[int] = []
    assert await scheduler.retry_runs(task="greet", error="ConnectionError", limit=5, progress=told.append) == 5
    assert told == [3, 5]
    left = [run.id for run in await scheduler.list_runs(state="failed")]
    assert left == [added.id, greeted[7].id, greeted[1].id, greeted[0].id], "the newest went first"
    assert await scheduler.retry_runs() == 4
    assert await scheduler.retry_runs() == 0
    assert {run.state for run in await scheduler.list_runs()} == {"queued"}


async def test_cancelled_runs_may_be_retried_too(scheduler: Scheduler) -> None:
    run = await (await task_of(scheduler, "greet")).enqueue()
    await scheduler.cancel_run(run)
    assert await scheduler.retry_runs() == 0
    assert await scheduler.retry_runs(state="cancelled") == 1
    for state in ("queued", "succeeded", "skipped", "asleep"):
        with pytest.raises(InvalidArguments, match="state"):
            await scheduler.retry_runs(state=state)


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, 100_001])
async def test_a_limit_without_sense_is_refused(scheduler: Scheduler, limit: Any) -> None:
    with pytest.raises(InvalidArguments, match="limit"):
        await scheduler.retry_runs(limit=limit)
