"""Schedules that do not fire, or whose runs nobody could run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.errors import HourbellError
from hourbell.model.diagnosis import Finding, ago, counted, some
from hourbell.model.schedule import ScheduleState
from hourbell.model.survey import FAILING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hourbell.model.schedule import Schedule
    from hourbell.model.survey import Survey


def findings(survey: Survey) -> Iterator[Finding]:
    """All findings of schedules."""
    active = [one for one in survey.schedules if one.state is ScheduleState.ACTIVE]
    yield from _unknown(survey, active)
    yield from _held(survey, active)
    yield from _unreadable(active)
    yield from _overdue(survey, active)
    yield from _failing(survey)
    yield from _undeclared(survey)
    yield from _paused(survey)


def _unknown(survey: Survey, active: list[Schedule]) -> Iterator[Finding]:
    if not survey.live():
        return  # then nobody knows anything, which has a finding of its own
    unknown = [one for one in active if not survey.knows(one.task)]
    if unknown:
        tasks = sorted({one.task for one in unknown})
        yield Finding(
            about="unknown-task",
            severity="problem",
            what=f"no live node knows what {counted(len(unknown), 'active schedule')} would run: {some(tasks)}",
            do="start a node whose code registers them, give the renamed task its old name in aliases=[…], or remove "
            f"the schedules ({some([one.id for one in unknown])})",
            named=tuple(one.id for one in unknown),
        )


def _held(survey: Survey, active: list[Schedule]) -> Iterator[Finding]:
    held = [one for one in active if missing_calendars(survey, one)]
    if held:
        names = sorted({name for one in held for name in missing_calendars(survey, one)})
        yield Finding(
            about="calendar",
            severity="problem",
            what=f"calendars are not stored that the blackout of {counted(len(held), 'schedule')} names, which "
            f"nobody fires without them: {some(names)}",
            do="`hourbell calendars add NAME …`, or `hourbell schedules edit ID --blackout none` "
            f"({some([one.id for one in held])})",
            named=tuple(one.id for one in held),
        )


def _unreadable(active: list[Schedule]) -> Iterator[Finding]:
    strange = [one for one in active if not readable(one)]
    if strange:
        yield Finding(
            about="unreadable",
            severity="problem",
            what=f"this version cannot read the trigger or the policies of {counted(len(strange), 'schedule')}: "
            f"{some([one.id for one in strange])}",
            do="let nodes of the version that stored them run, or set them anew with `hourbell schedules edit`",
            named=tuple(one.id for one in strange),
        )


def _overdue(survey: Survey, active: list[Schedule]) -> Iterator[Finding]:
    if not survey.live():
        return
    late = [one for one in active if is_due(survey, one) and readable(one) and not missing_calendars(survey, one)]
    if late:
        oldest = min(one.next_fire_at for one in late if one.next_fire_at is not None)
        yield Finding(
            about="overdue",
            severity="problem",
            what=f"nobody fires {counted(len(late), 'due schedule')}, the first due {ago(oldest, survey.now)}: "
            f"{some([one.id for one in late])}",
            do="look into the logs of the nodes: one that fires says what keeps it; with a large backlog it may only "
            "need a moment",
            named=tuple(one.id for one in late),
        )


def _failing(survey: Survey) -> Iterator[Finding]:
    if survey.failing:
        yield Finding(
            about="failing",
            severity="notice",
            what=f"{counted(len(survey.failing), 'schedule')} of which each of the last {FAILING} runs has failed: "
            f"{some(list(survey.failing))}",
            do=f"`hourbell runs --schedule {survey.failing[0]} --state failed`, "
            "and `hourbell runs show ID` for the error",
            named=survey.failing,
        )


def _undeclared(survey: Survey) -> Iterator[Finding]:
    undeclared = [one.id for one in survey.schedules if one.state is ScheduleState.UNDECLARED]
    if undeclared:
        yield Finding(
            about="undeclared",
            severity="problem",
            what=f"no live node declares {counted(len(undeclared), 'schedule')} from code any more, so nobody fires: "
            f"{some(undeclared)}",
            do="start a node whose code declares them, or forget them with `hourbell schedules remove ID`",
            named=tuple(undeclared),
        )


def _paused(survey: Survey) -> Iterator[Finding]:
    paused = [one for one in survey.schedules if one.state is ScheduleState.PAUSED and is_due(survey, one)]
    if paused:
        told = [f"{one.id}" + (f" ({one.note})" if one.note else "") for one in paused]
        yield Finding(
            about="paused",
            severity="notice",
            what=f"due times of {counted(len(paused), 'paused schedule')} were passed over: {some(told)}",
            do="`hourbell schedules resume ID` once they may go on; what was passed over is never caught up",
            named=tuple(one.id for one in paused),
        )


def is_due(survey: Survey, schedule: Schedule) -> bool:
    """Whether its cursor has passed. Those in a survey have been due for a while then."""
    return schedule.next_fire_at is not None and schedule.next_fire_at <= survey.now


def missing_calendars(survey: Survey, schedule: Schedule) -> list[str]:
    """The calendars that it names and that are not stored."""
    return [name for name in schedule.blackout if name not in survey.calendars]


def readable(schedule: Schedule) -> bool:
    """Whether this version understands its trigger and its policies."""
    try:
        _ = schedule.trigger, schedule.effective
    except (HourbellError, TypeError, ValueError):
        return False
    return True
