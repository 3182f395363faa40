"""Where a due schedule becomes a run: lock, count, plan, insert, advance; one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from hourbell.model.plan import Fired, FireFacts, FirePlan, FiringReport, PlannedSkip, Planner
from hourbell.model.run_state import RunState
from hourbell.model.schedule import Schedule
from hourbell.store.scripts.ledger import Ledger
from hourbell.store.scripts.rows import schedule_from
from hourbell.store.scripts.script import Row, Script, batch, call


def fire_due(limit: int, plan: Planner, exclude: Collection[str]) -> Script[FiringReport]:
    """See `ScheduleStore.fire_due`. The cursor is the first lock of a fire, the UNIQUE of runs the second."""
    locked = yield call("firing.lock", limit=limit, exclude=list(exclude))
    now: datetime = locked[0]["now_at"]
    due = [(schedule_from(row), bool(row["is_declared"])) for row in locked if row["id"] is not None]
    if not due:
        return FiringReport(now, 0, (), (), ())
    unfinished = yield from _unfinished([schedule for schedule, _ in due])
    ledger = Ledger(now)
    advances: list[dict[str, Any]] = []
    skipped: list[tuple[str, PlannedSkip]] = []
    unreadable: list[str] = []
    for schedule, declared in due:
        decided = plan(schedule, FireFacts(unfinished.get(schedule.id, 0), declared), now)
        if decided is None:
            unreadable.append(schedule.id)
            continue
        last_skip = ledger.record(schedule, decided)
        advances.append(_advance(schedule, decided, last_skip))
        skipped.extend((schedule.id, skip) for skip in decided.skips)
    inserted = yield from ledger.write()
    _forget_unwritten(advances, ledger, inserted)
    yield batch("firing.advance", advances)
    return FiringReport(now, len(due), _fired(inserted), tuple(skipped), tuple(unreadable))


def _unfinished(schedules: Sequence[Schedule]) -> Script[dict[str, int]]:
    """Counted after the rows are locked, in a statement of its own: a count in the locking one reads the past."""
    ids = [schedule.id for schedule in schedules if schedule.effective.overlap != "allow"]
    if not ids:
        return {}
    rows = yield call("firing.unfinished", ids=ids)
    return {row["schedule_id"]: row["unfinished"] for row in rows}


def _advance(schedule: Schedule, plan: FirePlan, last_skip: tuple[str | None, str | None]) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "seen": schedule.next_fire_at,
        "next_fire_at": plan.next_fire_at,
        "last_fire_at": plan.last_fire_at,
        "state": plan.state.value,
        "last_skip_id": last_skip[0],
        "last_skip_reason": last_skip[1],
    }


def _forget_unwritten(advances: list[dict[str, Any]], ledger: Ledger, inserted: Sequence[Row]) -> None:
    """A skip that was recorded before (UNIQUE) has no row under its new id: later skips must not grow it."""
    if len(inserted) == len(ledger.inserts):
        return
    missing = {values["id"] for values in ledger.inserts} - {str(row["id"]) for row in inserted}
    for advance in advances:
        if advance["last_skip_id"] in missing:
            advance["last_skip_id"] = advance["last_skip_reason"] = None


def _fired(inserted: Sequence[Row]) -> tuple[Fired, ...]:
    return tuple(
        Fired(str(row["id"]), row["schedule_id"], row["task"], row["queue"], row["fire_at"], row["run_at"])
        for row in inserted
        if row["state"] == RunState.QUEUED
    )
