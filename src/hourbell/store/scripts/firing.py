"""Where a due schedule becomes a run: lock, count, plan, insert, advance; one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.model.overlap import Unfinished, has_turns
from hourbell.model.plan import Fired, FireFacts, FirePlan, FiringReport, PlannedSkip, Planner
from hourbell.model.run_state import RunState
from hourbell.store.scripts import overlap
from hourbell.store.scripts.calendars import calendars_of
from hourbell.store.scripts.ledger import LastSkip, Ledger, Written
from hourbell.store.scripts.rows import schedule_from
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule

_NOBODY = Unfinished()


def fire_due(limit: int, plan: Planner, exclude: Collection[str]) -> Script[FiringReport]:
    """See `ScheduleStore.fire_due`. The cursor is the first lock of a fire, the UNIQUE of runs the second."""
    locked = yield call("firing.lock", limit=limit, exclude=list(exclude))
    now: datetime = locked[0]["now_at"]
    rows = [row for row in locked if row["id"] is not None]
    if not rows:
        return FiringReport(now, 0, (), (), (), pause_over=bool(locked[0]["pause_over"]))
    undeclared = yield from _undeclared(rows)
    due = [(schedule_from(row), row["id"] not in undeclared) for row in rows]
    calendars = yield from calendars_of([schedule for schedule, _ in due])
    limited = [schedule.id for schedule, _ in due if has_turns(schedule)]
    unfinished = (yield from overlap.unfinished(limited)) if limited else {}
    ledger = Ledger(now)
    decisions: list[tuple[Schedule, FirePlan, LastSkip]] = []
    skipped: list[tuple[str, PlannedSkip]] = []
    unreadable: list[str] = []
    awaited: list[str] = []
    held: list[tuple[str, str]] = []
    for schedule, declared in due:
        missing = next((name for name in schedule.blackout if name not in calendars), None)
        if missing is not None:
            held.append((schedule.id, missing))
            continue
        blackout = tuple(calendars[name] for name in schedule.blackout)
        others = unfinished.get(schedule.id, _NOBODY)
        left_at = undeclared.get(schedule.id)
        decided = plan(schedule, FireFacts.told(others, declared, blackout, left_at), now)
        if decided is None:
            (awaited if left_at is not None else unreadable).append(schedule.id)
            continue
        decisions.append((schedule, decided, ledger.record(schedule, decided)))
        skipped.extend((schedule.id, skip) for skip in decided.skips)
    written = yield from ledger.write()
    advances = [_advance(schedule, decided, written.settled(last)) for schedule, decided, last in decisions]
    yield batch("firing.advance", advances)
    displaced = yield from _take_turns(ledger, written, {schedule.id: schedule for schedule, _, _ in decisions})
    return FiringReport(
        now,
        len(due),
        _fired(written.inserted),
        tuple(skipped),
        tuple(unreadable),
        tuple(held),
        tuple(awaited),
        bool(locked[0]["pause_over"]),
        displaced,
    )


def _take_turns(ledger: Ledger, written: Written, schedules: Mapping[str, Schedule]) -> Script[tuple[Run, ...]]:
    """Have others make way, and tell those that still run who waits for them. Answers those that have ended."""
    displaced: list[Run] = []
    for schedule_id in sorted(ledger.replacing):
        displaced += yield from overlap.displace(schedules[schedule_id], ledger.replacing[schedule_id])
    waiting = {row["schedule_id"] for row in written.inserted if row["state"] == "queued" and row["run_at"] is None}
    if waiting:
        yield from overlap.take_turns({schedule_id: schedules[schedule_id] for schedule_id in waiting})
    return tuple(displaced)


def _undeclared(rows: Sequence[Row]) -> Script[dict[str, datetime | None]]:
    """Those that no live node declares, with the end of the last lease of one that did.

    Looked at once more: a declaration that was written between the snapshot of the locking statement and its lock would
    be passed over, and nobody would declare the schedule again.
    """
    undeclared: dict[str, datetime | None] = {}
    for schedule_id in [row["id"] for row in rows if not row["is_declared"]]:
        found = yield call("declarations.is_live", id=schedule_id)
        if not found[0]["is_live"]:
            undeclared[schedule_id] = found[0]["left_at"]
    return undeclared


def _advance(schedule: Schedule, plan: FirePlan, last: LastSkip) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "seen": schedule.next_fire_at,
        "next_fire_at": plan.next_fire_at,
        "last_fire_at": plan.last_fire_at,
        "state": plan.state.value,
        "last_skip_id": last.id,
        "last_skip_reason": last.reason,
    }


def _fired(inserted: Sequence[Row]) -> tuple[Fired, ...]:
    return tuple(
        Fired(str(row["id"]), row["schedule_id"], row["task"], row["queue"], row["fire_at"], row["run_at"])
        for row in inserted
        if row["state"] == RunState.QUEUED
    )
