"""Where a due schedule becomes a run: lock, count, plan, insert, advance; one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.model.due import Rules
from hourbell.model.overlap import has_turns
from hourbell.model.plan import LONGEST_HOLD, UNDISTURBED, FireFacts, FirePlan, FiringReport, PlannedSkip, Planner
from hourbell.store.scripts import overlap
from hourbell.store.scripts.alike import Alike
from hourbell.store.scripts.calendars import calendars_of
from hourbell.store.scripts.recording import Recording
from hourbell.store.scripts.script import Script, call

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from hourbell.model.named_calendar import NamedCalendar
    from hourbell.model.offer import Offer
    from hourbell.model.overlap import Unfinished

RulesOf = Callable[[str, str, str], Rules]
"""Reads the texts of a schedule: its trigger, its policies and those that it inherits."""

_NO_TIME = timedelta(0)


def fire_due(
    limit: int,
    plan: Planner,
    exclude: Collection[str],
    offer: Offer | None,
    rules_of: RulesOf,
    *,
    in_steps: bool,
    until: datetime | None = None,
) -> Script[FiringReport]:
    """See `ScheduleStore.fire_due`. The cursor is the first lock of a fire, the UNIQUE of runs the second.

    ``in_steps``: the dialect moves cursors and inserts runs in statements of their own. When the report names an
    instant ``until``, its driver commits no sooner than then.
    """
    node = offer.node_id if offer is not None else None
    longest = LONGEST_HOLD if until is not None else _NO_TIME
    locked = yield call("firing.lock", limit=limit, exclude=list(exclude), node=node, until=until, longest=longest)
    now: datetime = locked[0]["now_at"]
    rows = [row for row in locked if row["ids"] is not None]
    if not rows:
        return FiringReport(now, 0, pause_over=bool(locked[0]["pause_over"]))
    due = [
        Alike.from_row(row, rules_of(row["trigger_spec"], row["policies"], row["inherited"]), bool(row["is_declared"]))
        for row in rows
    ]
    undeclared = yield from _undeclared(due)
    calendars = yield from calendars_of([alike.first for alike in due])
    limited = [schedule_id for alike in due if has_turns(alike.first) for schedule_id in alike.ids]
    unfinished = (yield from overlap.unfinished(limited)) if limited else {}
    moment = max(now, *(row["next_fire_at"] for row in rows)) if until is not None else now
    recording = Recording(now, offer if locked[0]["is_live"] else None, in_steps=in_steps, due_at=moment)
    deciding = _Deciding(plan, moment, recording, calendars, undeclared, unfinished)
    for alike in due:
        deciding.decide(alike)
    recorded = yield from recording.write()
    count, ready = sum(map(len, due)), len(recorded.taken)
    return FiringReport(
        now,
        count,
        fired=recorded.fired,
        skipped=tuple(deciding.skipped),
        unreadable=tuple(deciding.unreadable),
        held=tuple(deciding.held),
        awaited=tuple(deciding.awaited),
        pause_over=bool(locked[0]["pause_over"]),
        displaced=recorded.displaced,
        taken=recorded.taken,
        until=moment if recording.is_held and ready else None,
        passed=count - ready if recording.is_held else 0,
    )


class _Deciding:
    """Asks the planner, once for all that are alike where it says that this will do; notes what it does not plan."""

    def __init__(
        self,
        plan: Planner,
        now: datetime,
        recording: Recording,
        calendars: Mapping[str, NamedCalendar],
        undeclared: Mapping[str, datetime | None],
        unfinished: Mapping[str, Unfinished],
    ) -> None:
        self._plan = plan
        self._now = now
        self._recording = recording
        self._calendars = calendars
        self._undeclared = undeclared
        self._unfinished = unfinished
        self.skipped: list[tuple[str, PlannedSkip]] = []
        self.unreadable: list[str] = []
        self.awaited: list[str] = []
        self.held: list[tuple[str, str]] = []

    def decide(self, alike: Alike) -> None:
        """Have these planned, and note what is to be written for them."""
        names = alike.first.blackout
        missing = next((name for name in names if name not in self._calendars), None)
        if missing is not None:
            self.held.extend((schedule_id, missing) for schedule_id in alike.ids)
        elif names or not alike.is_declared:
            self._decide_each(alike)
        elif self._unfinished.keys().isdisjoint(alike.ids):
            self._decide_together(alike)
        else:
            undisturbed, others = alike.without(self._unfinished)
            if undisturbed is not None:
                self._decide_together(undisturbed)
            for one in others:
                self._decide_each(one)

    def _decide_together(self, alike: Alike) -> None:
        plan = self._plan(alike.first, UNDISTURBED, self._now) if len(alike) > 1 else None
        if plan is not None and plan.shared:
            self._note(alike, plan)
        else:
            self._decide_each(alike)

    def _decide_each(self, alike: Alike) -> None:
        for one in alike.each():
            schedule_id, facts = one.first.id, self._facts(one)
            if self._recording.is_held and facts is not UNDISTURBED:
                continue  # what stands in its way now may have ended by then
            plan = self._plan(one.first, facts, self._now)
            if plan is not None:
                self._note(one, plan)
            elif self._undeclared.get(schedule_id) is not None:
                self.awaited.append(schedule_id)
            else:
                self.unreadable.append(schedule_id)

    def _facts(self, one: Alike) -> FireFacts:
        schedule_id, names = one.first.id, one.first.blackout
        others = self._unfinished.get(schedule_id, UNDISTURBED.others)
        if others is UNDISTURBED.others and schedule_id not in self._undeclared and not names:
            return UNDISTURBED
        blackout = tuple(self._calendars[name] for name in names)
        left_at = self._undeclared.get(schedule_id)
        return FireFacts(others, schedule_id not in self._undeclared, blackout, left_at)

    def _note(self, alike: Alike, plan: FirePlan) -> None:
        self._recording.add(alike, plan)
        if plan.skips:
            self.skipped.extend((schedule_id, skip) for schedule_id in alike.ids for skip in plan.skips)


def _undeclared(due: Sequence[Alike]) -> Script[dict[str, datetime | None]]:
    """Those that no live node declares, with the end of the last lease of one that did.

    Looked at once more: a declaration that was written between the snapshot of the locking statement and its lock would
    be passed over, and nobody would declare the schedule again.
    """
    undeclared: dict[str, datetime | None] = {}
    for schedule_id in [schedule_id for alike in due if not alike.is_declared for schedule_id in alike.ids]:
        found = yield call("declarations.is_live", id=schedule_id)
        if not found[0]["is_live"]:
            undeclared[schedule_id] = found[0]["left_at"]
    return undeclared
