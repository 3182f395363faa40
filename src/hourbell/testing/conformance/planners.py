"""Small planners for the suite: pure functions that decide a due schedule without any policy of the product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.plan import FirePlan, PlannedRun, PlannedSkip
from hourbell.model.run_state import Reason
from hourbell.model.schedule import ScheduleState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from hourbell.model.plan import FireFacts
    from hourbell.model.schedule import Schedule

    Decider = Callable[[Schedule, FireFacts, datetime], FirePlan]
    """A planner that always decides."""


def due_times(schedule: Schedule, now: datetime) -> list[datetime]:
    """Every due time from the cursor to now. It walks, so tests keep their gaps short."""
    times: list[datetime] = []
    moment = schedule.next_fire_at
    while moment is not None and moment <= now:
        times.append(moment)
        moment = schedule.trigger.next_after(moment)
    return times


def every_fire(schedule: Schedule, _facts: FireFacts, now: datetime) -> FirePlan:
    """A run for each due time."""
    times = due_times(schedule, now)
    return planned(schedule, tuple(PlannedRun(moment, moment) for moment in times), (), times[-1])


def latest_fire(schedule: Schedule, _facts: FireFacts, now: datetime) -> FirePlan:
    """A run for the latest due time; those before it become one skip."""
    times = due_times(schedule, now)
    missed = times[:-1]
    skips = (PlannedSkip(Reason.COALESCED, missed[0], missed[-1], len(missed)),) if missed else ()
    return planned(schedule, (PlannedRun(times[-1], now),), skips, times[-1])


def no_fire(reason: Reason) -> Decider:
    """No run: all due times become one skip for this reason."""

    def plan(schedule: Schedule, _facts: FireFacts, now: datetime) -> FirePlan:
        times = due_times(schedule, now)
        return planned(schedule, (), (PlannedSkip(reason, times[0], times[-1], len(times)),), times[-1])

    return plan


def in_turn(*entries: Reason | None) -> Decider:
    """Decides the due times one by one: None is a run, a reason is a skip of its own."""

    def plan(schedule: Schedule, _facts: FireFacts, now: datetime) -> FirePlan:
        decided = list(zip(due_times(schedule, now), entries, strict=True))
        runs = tuple(PlannedRun(moment, moment) for moment, reason in decided if reason is None)
        skips = tuple(PlannedSkip(reason, moment, moment, 1) for moment, reason in decided if reason is not None)
        return planned(schedule, runs, skips, decided[-1][0])

    return plan


def with_grace(grace: timedelta) -> Decider:
    """A run for each due time, which must start within ``grace``."""

    def plan(schedule: Schedule, _facts: FireFacts, now: datetime) -> FirePlan:
        times = due_times(schedule, now)
        runs = tuple(PlannedRun(moment, moment, moment + grace) for moment in times)
        return planned(schedule, runs, (), times[-1])

    return plan


def noting(facts: dict[str, FireFacts]) -> Decider:
    """As `every_fire`; writes what it was told into ``facts``, by schedule."""

    def plan(schedule: Schedule, told: FireFacts, now: datetime) -> FirePlan:
        facts[schedule.id] = told
        return every_fire(schedule, told, now)

    return plan


def planned(
    schedule: Schedule, runs: tuple[PlannedRun, ...], skips: tuple[PlannedSkip, ...], last: datetime
) -> FirePlan:
    """The whole plan: what is recorded, and the cursor moved past ``last``."""
    upcoming = schedule.trigger.next_after(last)
    state = ScheduleState.ACTIVE if upcoming is not None else ScheduleState.FINISHED
    return FirePlan(runs, skips, upcoming, last, state)
