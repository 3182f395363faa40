"""Turns among the runs of one schedule: counting them, letting those go that wait for nothing any more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.model.jitter import start_in_turn
from hourbell.model.overlap import Turn, Unfinished, turns_of
from hourbell.model.run_state import Origin, Outcome, Reason, RunState

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule
    from hourbell.store.memory.tables import Tables


def unfinished(tables: Tables, schedule_id: str) -> Unfinished:
    """The unfinished runs of a schedule, counted."""
    runs = [run for run in tables.unfinished() if run.schedule_id == schedule_id]
    others = [run for run in runs if not _is_backfill(run)]
    backfilled = [run for run in runs if _is_backfill(run)]
    return Unfinished(
        total=len(others),
        waiting=sum(map(_waits, others)),
        backfilling=sum(not _waits(run) for run in backfilled),
        put_off=sum(map(_waits, backfilled)),
        newest=max(others or backfilled, key=_age).id if runs else None,
    )


def take_turns(tables: Tables, schedule_id: str, now: datetime) -> int:
    """Let go who need not wait any more, and answer how many."""
    allowed = turns_of(tables.schedules.get(schedule_id), unfinished(tables, schedule_id))
    waiting = sorted((run for run in tables.unfinished() if run.schedule_id == schedule_id and _waits(run)), key=_age)
    due = [run for run in waiting if not _is_backfill(run)][: allowed.due]
    put_off = [run for run in waiting if _is_backfill(run)][: allowed.put_off]
    for run in [*due, *put_off]:
        start = start_in_turn(tables.schedules.get(schedule_id), run.origin, run.fire_at, run.attempt)
        tables.write_run(replace(run, run_at=max(now, start or now)))
    return len(due) + len(put_off)


def pass_on(tables: Tables, ended: Run, now: datetime) -> None:
    """This run has ended: let go who waited for it."""
    if ended.schedule_id is not None:
        take_turns(tables, ended.schedule_id, now)


def sweep(tables: Tables, now: datetime) -> int:
    """Let go whoever waits for nothing, wherever that was missed. Answers how many."""
    waited = {run.schedule_id for run in tables.unfinished() if run.schedule_id is not None and _waits(run)}
    return sum(take_turns(tables, schedule_id, now) for schedule_id in sorted(waited))


def turned(run: Run, turn: Turn, newest: str | None, now: datetime) -> Run:
    """A run asked for by hand as its turn has it: without a time while it waits, or skipped."""
    if turn is Turn.NOW:
        return run
    if turn is not Turn.SKIP:
        return replace(run, run_at=None)
    return replace(run, state=RunState.SKIPPED, reason=Reason.OVERLAP, run_at=None, finished_at=now, yielded_to=newest)


def displace(tables: Tables, schedule: Schedule, run_id: str, now: datetime) -> None:
    """Ask all but the newest ``max_running`` runs of a schedule to make way for this one of them."""
    runs = [run for run in tables.unfinished() if run.schedule_id == schedule.id and not _is_backfill(run)]
    newest_first = sorted(runs, key=_age, reverse=True)
    for run in newest_first[schedule.effective.max_running :]:
        if run.cancel_requested_at is None:
            run = replace(run, cancel_requested_at=now, reason=Reason.OVERLAP, yielded_to=run_id)
        if run.state is RunState.QUEUED:
            # Its body has not begun, or waits for its retry.
            state, outcome = (RunState.CANCELLED, Outcome.CANCELLED) if run.attempt else (RunState.SKIPPED, run.outcome)
            run = replace(run, state=state, outcome=outcome, finished_at=now)
        tables.write_run(run)


def _waits(run: Run) -> bool:
    return run.state is RunState.QUEUED and run.run_at is None


def _is_backfill(run: Run) -> bool:
    return run.origin.startswith(Origin.BACKFILL)


def _age(run: Run) -> tuple[datetime, bool, datetime, str]:
    return run.created_at, run.fire_at is None, run.fire_at or run.created_at, run.id
