"""Where a due schedule becomes a run: lock, count, plan, insert, advance; one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hourbell.model.due import Rules
from hourbell.model.overlap import Unfinished, has_turns
from hourbell.model.plan import UNDISTURBED, FireFacts, FiringReport, PlannedSkip, Planner
from hourbell.store.scripts import overlap
from hourbell.store.scripts.calendars import calendars_of
from hourbell.store.scripts.recording import Recording
from hourbell.store.scripts.rows import due_from
from hourbell.store.scripts.script import Row, Script, call

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from hourbell.model.offer import Offer

RulesOf = Callable[[str, str, str], Rules]
"""Reads the texts of a schedule: its trigger, its policies and those that it inherits."""

_NOBODY = Unfinished()


def fire_due(
    limit: int,
    plan: Planner,
    exclude: Collection[str],
    offer: Offer | None,
    rules_of: RulesOf,
    *,
    in_steps: bool,
) -> Script[FiringReport]:
    """See `ScheduleStore.fire_due`. The cursor is the first lock of a fire, the UNIQUE of runs the second.

    ``in_steps``: the dialect moves cursors and inserts runs in statements of their own.
    """
    node = offer.node_id if offer is not None else None
    locked = yield call("firing.lock", limit=limit, exclude=list(exclude), node=node)
    now: datetime = locked[0]["now_at"]
    rows = [row for row in locked if row["id"] is not None]
    if not rows:
        return FiringReport(now, 0, (), (), (), pause_over=bool(locked[0]["pause_over"]))
    undeclared = yield from _undeclared(rows)
    due = [due_from(row, rules_of(row["trigger_spec"], row["policies"], row["inherited"])) for row in rows]
    calendars = yield from calendars_of(due)
    limited = [schedule.id for schedule in due if has_turns(schedule)]
    unfinished = (yield from overlap.unfinished(limited)) if limited else {}
    recording = Recording(now, offer if locked[0]["is_live"] else None, in_steps=in_steps)
    skipped: list[tuple[str, PlannedSkip]] = []
    unreadable: list[str] = []
    awaited: list[str] = []
    held: list[tuple[str, str]] = []
    for schedule in due:
        missing = next((name for name in schedule.blackout if name not in calendars), None)
        if missing is not None:
            held.append((schedule.id, missing))
            continue
        others = unfinished.get(schedule.id, _NOBODY)
        left_at = undeclared.get(schedule.id)
        facts = UNDISTURBED
        if others is not _NOBODY or schedule.id in undeclared or schedule.blackout:
            blackout = tuple(calendars[name] for name in schedule.blackout)
            facts = FireFacts.told(others, schedule.id not in undeclared, blackout, left_at)
        decided = plan(schedule, facts, now)
        if decided is None:
            (awaited if left_at is not None else unreadable).append(schedule.id)
            continue
        recording.add(schedule, decided)
        skipped.extend((schedule.id, skip) for skip in decided.skips)
    recorded = yield from recording.write()
    return FiringReport(
        now,
        len(due),
        recorded.fired,
        tuple(skipped),
        tuple(unreadable),
        tuple(held),
        tuple(awaited),
        bool(locked[0]["pause_over"]),
        recorded.displaced,
        recorded.taken,
    )


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
