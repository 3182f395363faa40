"""`last_due`: what became of a schedule's last due time, and why; each case made to happen, on every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from hourbell import Calendar, Cron, Every, NotFound, Scheduler
from hourbell.acting import acting
from hourbell.clock import ManualClock
from hourbell.engine.planning import plan_fires
from hourbell.model.editing import Edit
from hourbell.model.held_up import HeldUp
from hourbell.model.last_due import LastDue
from hourbell.model.limit import Limit
from hourbell.model.node import NewNode
from hourbell.model.run import Run, Settlement
from hourbell.model.run_state import Outcome, RunState
from hourbell.model.schedule import ScheduleState

LEASE = timedelta(seconds=10)
START = datetime(2030, 1, 1, tzinfo=UTC)
KNOWN = {"report": None, "limited": 1}


async def nothing() -> None: ...


@pytest.fixture
async def scheduler(database_url: str) -> AsyncIterator[Scheduler]:
    """Its time stands still; the schedule ``s`` is due each minute, and a node of another process is live."""
    made = Scheduler(database_url, clock=ManualClock(START), lease=LEASE)
    for name in (*KNOWN, "unheard-of"):
        made.task(name=name)(nothing)
    async with made:
        await join(made)
        await made.add_schedule("report", Every(minutes=1), id="s")
        yield made


async def join(scheduler: Scheduler, node_id: str = "n", **fields: Any) -> None:
    known = NewNode(id=node_id, host="h", pid=1, lease=timedelta(days=1), version="1", tasks=KNOWN)
    await scheduler._core.store.register_node(replace(known, **fields))


async def fire_after(scheduler: Scheduler, seconds: float = 60) -> None:
    """Let time pass, and have what is due fired as a node does it."""
    assert isinstance(scheduler.clock, ManualClock)
    scheduler.clock.advance(seconds)
    await scheduler._core.store.fire_due(100, partial(plan_fires, lease=LEASE))


async def claimed(scheduler: Scheduler, **fields: Any) -> Run:
    claim = await scheduler._core.store.claim(
        "n", "c", **{"limit": 1, "tasks": {"report": 1}, "queues": None, "suspects": 1, **fields}
    )
    assert claim is not None
    return claim.runs[0]


async def settle(scheduler: Scheduler, run: Run, state: RunState, outcome: Outcome, **fields: Any) -> None:
    report = Settlement(run_id=run.id, attempt=run.attempt, state=state, outcome=outcome, **fields)
    assert run.id in await scheduler._core.store.settle("n", [report])


async def last(scheduler: Scheduler) -> LastDue:
    return await scheduler.last_due("s")


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


async def test_nothing_was_due_yet(scheduler: Scheduler) -> None:
    assert await last(scheduler) == LastDue(due_at=None, became="none")
    with pytest.raises(NotFound):
        await scheduler.last_due("nobody")


async def test_it_ran(scheduler: Scheduler) -> None:
    await fire_after(scheduler)
    run = await claimed(scheduler)
    running = await last(scheduler)
    assert (running.became, running.due_at, running.why) == ("running", at(1), None)
    await settle(scheduler, run, RunState.SUCCEEDED, Outcome.SUCCEEDED)
    ran = await last(scheduler)
    assert (ran.became, ran.due_at, ran.why, ran.run and ran.run.id) == ("ran", at(1), None, run.id)


async def test_it_failed(scheduler: Scheduler) -> None:
    await fire_after(scheduler)
    run = await claimed(scheduler)
    await settle(scheduler, run, RunState.FAILED, Outcome.FAILED, failed=True, error="ValueError: no\n\nTraceback")
    failed = await last(scheduler)
    assert (failed.became, failed.why) == ("failed", "ValueError: no")
    assert failed.do == f"`hourbell runs show {run.id}`; `hourbell runs retry {run.id}` tries it again"


async def test_it_waits_for_its_next_try(scheduler: Scheduler) -> None:
    await fire_after(scheduler)
    run = await claimed(scheduler)
    await settle(scheduler, run, RunState.QUEUED, Outcome.FAILED, failed=True, delay=timedelta(minutes=5), error="boom")
    waits = await last(scheduler)
    assert waits.became == "waits"
    assert waits.why == "attempt 1 did not succeed, and the next one begins at 2030-01-01T00:06:00Z"


async def test_it_overlapped(scheduler: Scheduler) -> None:
    await fire_after(scheduler)
    run = await claimed(scheduler)
    await fire_after(scheduler)
    skipped = await last(scheduler)
    assert (skipped.became, skipped.due_at) == ("skipped", at(2))
    assert skipped.why == f"it would have overlapped run {run.id}, which is running now, and was to be skipped then"
    assert f"runs show {run.id}" in (skipped.do or "")
    await fire_after(scheduler)
    again = await last(scheduler)
    assert again.due_at == at(3)
    assert again.why is not None
    assert again.why.endswith("(2 due times since 2030-01-01T00:02:00Z)")


async def test_it_overlapped_one_that_cannot_begin(scheduler: Scheduler) -> None:
    await fire_after(scheduler)
    first = (await last(scheduler)).run
    assert first is not None
    waits = await last(scheduler)
    await fire_after(scheduler)
    skipped = await last(scheduler)
    assert (skipped.became, skipped.do) == ("skipped", waits.do)
    assert skipped.why is not None
    assert skipped.why.startswith(f"it would have overlapped run {first.id}, which is queued now (")


async def test_it_waits_for_its_turn(scheduler: Scheduler) -> None:
    await scheduler.update_schedule("s", overlap="buffer_one")
    await fire_after(scheduler)
    run = await claimed(scheduler)
    await fire_after(scheduler)
    waits = await last(scheduler)
    assert (waits.became, waits.due_at) == ("waits", at(2))
    assert waits.why == f"it waits for its turn behind unfinished runs of the schedule: {run.id}"


async def test_it_is_paused_by_somebody(scheduler: Scheduler) -> None:
    with acting("ada"):
        await scheduler.pause_schedule("s", note="the printer is broken")
    assert (await last(scheduler)).became == "none"
    await fire_after(scheduler, 150)
    passed = await last(scheduler)
    assert (passed.became, passed.due_at, passed.run) == ("passed_over", at(2), None)
    assert passed.why == "it is paused by ada since 2030-01-01T00:00:00Z: the printer is broken"
    assert passed.do == "`hourbell schedules resume s`; `hourbell schedules trigger s` runs it once now"
    with acting("ada"):
        await scheduler.pause_schedule("s", until=at(9))
    assert (await last(scheduler)).why == (
        "it is paused by ada since 2030-01-01T00:02:30Z, and resumes by itself at 2030-01-01T00:09:00Z"
    )
    await scheduler.resume_schedule("s")
    skipped = await last(scheduler)
    assert (skipped.became, skipped.due_at) == ("skipped", at(2))
    assert skipped.why == "the schedule was paused then (2 due times since 2030-01-01T00:01:00Z)"


async def test_nobody_declares_it(scheduler: Scheduler) -> None:
    await scheduler._core.store.edit_schedule("s", lambda row, _: Edit(replace(row, state=ScheduleState.UNDECLARED)))
    await fire_after(scheduler, 70)
    passed = await last(scheduler)
    assert (passed.became, passed.due_at) == ("passed_over", at(1))
    assert "no live node declares it" in (passed.why or "")


async def test_nobody_fires_it(scheduler: Scheduler) -> None:
    assert isinstance(scheduler.clock, ManualClock)
    scheduler.clock.advance(200)
    overdue = await last(scheduler)
    assert (overdue.became, overdue.due_at) == ("overdue", at(3))
    assert "no live node has fired it yet" in (overdue.why or "")
    await scheduler._core.store.retire_node("n")
    assert (await last(scheduler)).why == "no node is live, the last one had ended by 2030-01-01T00:03:20Z"


async def test_late_is_not_missed(scheduler: Scheduler) -> None:
    await fire_after(scheduler)
    await settle(scheduler, await claimed(scheduler), RunState.SUCCEEDED, Outcome.SUCCEEDED)
    assert isinstance(scheduler.clock, ManualClock)
    scheduler.clock.advance(69)
    assert ((await last(scheduler)).became, (await last(scheduler)).due_at) == ("ran", at(1))
    scheduler.clock.advance(2)
    assert ((await last(scheduler)).became, (await last(scheduler)).due_at) == ("overdue", at(2))


async def test_its_calendar_is_gone(scheduler: Scheduler) -> None:
    await scheduler.add_calendar("holidays", Calendar(weekdays=["sun"]))
    await scheduler.update_schedule("s", blackout="holidays")
    await scheduler.remove_calendar("holidays", force=True)
    await fire_after(scheduler, 70)
    overdue = await last(scheduler)
    assert overdue.became == "overdue"
    assert overdue.why == "its blackout names calendars that are not stored: holidays"


async def test_it_lies_in_a_blackout(scheduler: Scheduler) -> None:
    await scheduler.add_calendar("new-year", Calendar(days=["2030-01-01"]))
    await scheduler.update_schedule("s", blackout="new-year")
    await fire_after(scheduler)
    skipped = await last(scheduler)
    assert (skipped.became, skipped.why) == ("skipped", "it lies in a blackout: new-year")
    assert (skipped.do or "").startswith("`hourbell calendars show new-year`; `hourbell schedules trigger s`")


async def test_this_version_cannot_read_it(scheduler: Scheduler) -> None:
    await scheduler._core.store.edit_schedule("s", lambda row, _: Edit(replace(row, trigger_spec={"kind": "moon"})))
    await fire_after(scheduler, 70)
    assert "cannot read its trigger" in ((await last(scheduler)).why or "")


async def test_it_was_missed_and_not_made_up_for(scheduler: Scheduler) -> None:
    await scheduler.update_schedule("s", catch_up="skip")
    await scheduler._core.store.retire_node("n")
    assert isinstance(scheduler.clock, ManualClock)
    scheduler.clock.advance(320)
    await join(scheduler, "new", pid=2)
    await fire_after(scheduler, 10)
    skipped = await last(scheduler)
    assert "no node was there then, the first that is live now started at 2030-01-01T00:05:20Z" in (skipped.why or "")
    assert (skipped.became, skipped.due_at) == ("skipped", at(5))
    assert (skipped.why or "").startswith("it was missed while no node or no database was there")
    assert (skipped.why or "").endswith("(5 due times since 2030-01-01T00:01:00Z)")


async def test_it_was_later_than_its_grace(scheduler: Scheduler) -> None:
    await scheduler.update_schedule("s", grace=5)
    await fire_after(scheduler, 80)
    skipped = await last(scheduler)
    assert (skipped.became, skipped.due_at) == ("skipped", at(1))
    assert (skipped.why or "").startswith("it could not begin within its grace of 5 s")


async def test_it_ran_late(scheduler: Scheduler) -> None:
    """The database was away: the process that is live now is the one that was there."""
    store = scheduler._core.store
    await store.retire_node("n")
    await join(scheduler, "old", lease=timedelta(seconds=20))
    assert isinstance(scheduler.clock, ManualClock)
    scheduler.clock.advance(90)
    await join(scheduler, "new")
    await fire_after(scheduler, 0)
    claim = await store.claim("new", "c", limit=1, tasks={"report": 1}, queues=None, suspects=1)
    assert claim is not None
    (run,) = claim.runs
    report = Settlement(
        run_id=run.id,
        attempt=run.attempt,
        state=RunState.SUCCEEDED,
        outcome=Outcome.SUCCEEDED,
        started=at(1).timestamp() + 30,
        finished=at(1).timestamp() + 31,
    )
    assert run.id in await store.settle("new", [report])
    late = await last(scheduler)
    assert (late.became, late.due_at) == ("ran", at(1))
    assert late.why == (
        "it began at 2030-01-01T00:01:30Z, 30 s late: the process 1 on h was there and had no lease from "
        "2030-01-01T00:00:20Z to 2030-01-01T00:01:30Z: the database was away from it, or it stood still"
    )


async def test_it_is_told_in_its_zone_and_by_whose_clock(scheduler: Scheduler) -> None:
    await scheduler.update_schedule("s", trigger=Cron("* * * * *", "Europe/Berlin"))
    await fire_after(scheduler)
    due = await last(scheduler)
    assert (due.now, due.due_at) == (at(1), at(1))
    assert due.local is not None
    assert due.local.isoformat() == "2030-01-01T01:01:00+01:00"


async def test_why_a_due_time_was_skipped_is_told_of_its_own_row(scheduler: Scheduler) -> None:
    await scheduler.update_schedule("s", catch_up="latest")
    await fire_after(scheduler, 330)
    (row,) = await scheduler.list_runs(schedule_id="s", state="skipped")
    held = await scheduler.held_up(row)
    assert held is not None
    assert held.why.startswith("several were missed while no node or no database was there")
    assert "--catch-up all" in (held.do or "")
    await scheduler.remove_schedule("s")
    assert await scheduler.held_up(row) is None


async def test_nobody_can_take_its_run(scheduler: Scheduler) -> None:
    await fire_after(scheduler)
    assert "the nodes that could take it have not yet" in ((await last(scheduler)).why or "")
    await scheduler._core.store.retire_node("n")
    assert (await last(scheduler)).why == "no node is live, the last one had ended by 2030-01-01T00:01:00Z"
    await join(scheduler, "other", tasks={"something": None})
    assert (await last(scheduler)).why == "no live node knows the task 'report'"
    await join(scheduler, "elsewhere", queues=("far",))
    assert (await last(scheduler)).why == "no live node that knows its task serves the queue 'default'"


async def test_its_task_is_at_its_limit(scheduler: Scheduler) -> None:
    limited = scheduler._core.find_task("limited")
    await limited.enqueue()
    await claimed(scheduler, tasks={"limited": 1}, limits=[Limit(("limited",), 1)])
    await scheduler.remove_schedule("s")
    await scheduler.add_schedule("limited", Every(minutes=1), id="s")
    await fire_after(scheduler)
    waits = await last(scheduler)
    assert waits.why == "the limit of its task over all nodes is reached: 1 of 1 are running"
    assert waits.do == "`hourbell runs --task limited --state running`"


async def test_somebody_cancelled_it(scheduler: Scheduler) -> None:
    await fire_after(scheduler)
    (run,) = await scheduler.list_runs(schedule_id="s")
    await scheduler.cancel_run(run.id)
    cancelled = await last(scheduler)
    assert (cancelled.became, cancelled.why) == ("cancelled", "it was cancelled (cancelled)")


async def test_requests_by_hand_are_no_due_times(scheduler: Scheduler) -> None:
    await fire_after(scheduler)
    await settle(scheduler, await claimed(scheduler), RunState.SUCCEEDED, Outcome.SUCCEEDED)
    await scheduler.trigger_schedule("s")
    assert (await last(scheduler)).became == "ran"


async def test_a_record_that_is_not_kept_any_more(scheduler: Scheduler) -> None:
    row = replace(await scheduler.get_schedule("s"), last_fire_at=START - timedelta(days=400))
    await scheduler._core.store.edit_schedule("s", lambda _, __: Edit(row))
    gone = await last(scheduler)
    assert (gone.became, gone.due_at) == ("none", START - timedelta(days=400))
    assert "not kept any more" in (gone.why or "")


async def test_what_a_run_by_hand_waits_for(scheduler: Scheduler) -> None:
    soon = await scheduler._core.tasks.get("limited").options(run_at=at(5)).enqueue()
    held = await scheduler.held_up(soon)
    assert held == HeldUp("it was asked to begin at 2030-01-01T00:05:00Z")
    unheard = await scheduler._core.tasks.get("unheard-of").enqueue()
    held = await scheduler.held_up(unheard.id)
    assert held is not None
    assert (held.why, "aliases" in (held.do or "")) == ("no live node knows the task 'unheard-of'", True)
    with pytest.raises(NotFound):
        await scheduler.held_up("0197a3c5-0741-7d0b-9a57-f1f0a6b0e9c2")


async def test_what_a_fire_waits_for(scheduler: Scheduler) -> None:
    await scheduler.update_schedule("s", overlap="buffer_one")
    await fire_after(scheduler)
    run = await claimed(scheduler)
    assert await scheduler.held_up(run) is None, "it is running"
    await fire_after(scheduler)
    (second,) = (await scheduler.list_runs(schedule_id="s", state="queued")).items
    held = await scheduler.held_up(second)
    assert held == HeldUp(f"it waits for its turn behind unfinished runs of the schedule: {run.id}")
