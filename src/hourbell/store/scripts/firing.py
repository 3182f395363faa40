"""Where a due schedule becomes a run: lock, count, plan, insert, advance; one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.model.plan import Fired, FireFacts, FirePlan, FiringReport, PlannedSkip, Planner
from hourbell.model.run_state import RunState
from hourbell.store.scripts.calendars import calendars_of
from hourbell.store.scripts.ledger import LastSkip, Ledger
from hourbell.store.scripts.rows import schedule_from
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from hourbell.model.schedule import Schedule


def fire_due(limit: int, plan: Planner, exclude: Collection[str]) -> Script[FiringReport]:
    """See `ScheduleStore.fire_due`. The cursor is the first lock of a fire, the UNIQUE of runs the second."""
    locked = yield call("firing.lock", limit=limit, exclude=list(exclude))
    now: datetime = locked[0]["now_at"]
    rows = [row for row in locked if row["id"] is not None]
    if not rows:
        return FiringReport(now, 0, (), (), ())
    undeclared = yield from _undeclared(rows)
    due = [(schedule_from(row), row["id"] not in undeclared) for row in rows]
    calendars = yield from calendars_of([schedule for schedule, _ in due])
    unfinished = yield from _unfinished([schedule for schedule, _ in due])
    ledger = Ledger(now)
    decisions: list[tuple[Schedule, FirePlan, LastSkip]] = []
    skipped: list[tuple[str, PlannedSkip]] = []
    unreadable: list[str] = []
    held: list[tuple[str, str]] = []
    for schedule, declared in due:
        missing = next((name for name in schedule.blackout if name not in calendars), None)
        if missing is not None:
            held.append((schedule.id, missing))
            continue
        blackout = tuple(calendars[name] for name in schedule.blackout)
        decided = plan(schedule, FireFacts(unfinished.get(schedule.id, 0), declared, blackout), now)
        if decided is None:
            unreadable.append(schedule.id)
            continue
        decisions.append((schedule, decided, ledger.record(schedule, decided)))
        skipped.extend((schedule.id, skip) for skip in decided.skips)
    written = yield from ledger.write()
    advances = [_advance(schedule, decided, written.settled(last)) for schedule, decided, last in decisions]
    yield batch("firing.advance", advances)
    return FiringReport(now, len(due), _fired(written.inserted), tuple(skipped), tuple(unreadable), tuple(held))


def _undeclared(rows: Sequence[Row]) -> Script[set[str]]:
    """Those that no live node declares. Looked at once more: a declaration that was written between the snapshot of
    the locking statement and its lock would be passed over, and nobody would declare the schedule again."""
    undeclared = set()
    for schedule_id in [row["id"] for row in rows if not row["is_declared"]]:
        found = yield call("declarations.is_live", id=schedule_id)
        if not found[0]["is_live"]:
            undeclared.add(schedule_id)
    return undeclared


def _unfinished(schedules: Sequence[Schedule]) -> Script[dict[str, int]]:
    """Counted after the rows are locked, in a statement of its own: a count in the locking one reads the past."""
    ids = [schedule.id for schedule in schedules if _limits_overlap(schedule)]
    if not ids:
        return {}
    rows = yield call("firing.unfinished", ids=ids)
    return {row["schedule_id"]: row["unfinished"] for row in rows}


def _limits_overlap(schedule: Schedule) -> bool:
    try:
        return schedule.effective.overlap != "allow"
    except ValueError:  # policies of another version; the planner will leave this schedule alone
        return False


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
