"""The planner of one node: plans what many due schedules have in common once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.engine.planning import plan_fires
from hourbell.model.due import DueSchedule
from hourbell.model.plan import UNDISTURBED

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from hourbell.model.due import Rules
    from hourbell.model.plan import FireFacts, FirePlan
    from hourbell.model.schedule import Schedule


class Plans:
    """`plan_fires`, once for all schedules that say the same, are due at one instant and have nothing unfinished.

    A plan depends on nothing else but the schedule's id, and on that only where a jitter is drawn from it. Used by one
    loop; what it remembers is that of one instant, which a batch of schedules shares.
    """

    def __init__(self, lease: timedelta, apart: timedelta | None) -> None:
        # All kinds of trigger, which are else imported when the first one is read: at a due time.
        import hourbell.triggers.kinds  # noqa: F401

        self._lease = lease
        self._apart = apart
        self._now: datetime | None = None
        self._made: dict[tuple[Rules, datetime | None], FirePlan | None] = {}

    def __call__(self, schedule: Schedule, facts: FireFacts, now: datetime) -> FirePlan | None:
        if facts is not UNDISTURBED or not isinstance(schedule, DueSchedule):
            return plan_fires(schedule, facts, now, lease=self._lease, apart=self._apart)
        if now != self._now:
            self._made.clear()
            self._now = now
        place = (schedule.rules, schedule.next_fire_at)
        if place in self._made:
            return self._made[place]
        plan = plan_fires(schedule, facts, now, lease=self._lease, apart=self._apart)
        if plan is not None and schedule.effective.jitter is None:
            plan = self._made[place] = replace(plan, shared=True)
        return plan


class BatchPlanner:
    """The planner for one batch of fires, which notes how soon anything of it is due again: ``again``."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self.again: datetime | None = None

    def __call__(self, schedule: Schedule, facts: FireFacts, now: datetime) -> FirePlan | None:
        plan = self._plans(schedule, facts, now)
        again = plan.next_fire_at if plan is not None else None
        if again is not None and (self.again is None or again < self.again):
            self.again = again
        return plan
