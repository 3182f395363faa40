"""What became of a schedule's last due time, and why: judged from what is stored, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Literal

from hourbell.errors import HourbellError
from hourbell.model.diagnosis import ago, some
from hourbell.model.findings.of_schedules import missing_calendars, readable
from hourbell.model.held_up import held_up
from hourbell.model.run_state import Origin, Reason, RunState
from hourbell.model.schedule import ScheduleState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from hourbell.model.audit import AuditEntry
    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule
    from hourbell.model.survey import Survey

Became = Literal["ran", "running", "waits", "failed", "skipped", "passed_over", "overdue", "cancelled", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDue:
    """``due_at``  the last due time that has passed; None: there has been none yet. ``became``  what became of it;
    ``run``  the row that records it, if any. ``why`` and ``do``  in words, where it did not simply run."""

    due_at: datetime | None
    became: Became
    run: Run | None = None
    why: str | None = None
    do: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What it is judged from. ``lease``  the setting: up to so late a fire is only late. ``runs``  the newest runs of
    the schedule; ``unfinished``  those that are not final; ``other``  the run for which the last one was skipped or
    cancelled; ``paused_by``  the act of the pause that is in force."""

    schedule: Schedule
    survey: Survey
    lease: timedelta
    runs: Sequence[Run] = ()
    unfinished: Sequence[Run] = ()
    other: Run | None = None
    paused_by: AuditEntry | None = None


def last_of(runs: Sequence[Run]) -> Run | None:
    """The run that records the latest due time. Backfills and requests by hand record none of the schedule's own."""
    fires = [run for run in runs if run.origin == Origin.FIRE and run.fire_at is not None]
    return max(fires, key=_until, default=None)


def accounted(seen: Evidence) -> LastDue:
    """What became of the last due time."""
    schedule, now = seen.schedule, seen.survey.now
    cursor = schedule.next_fire_at
    run = last_of(seen.runs)
    is_due = cursor is not None and cursor <= now and schedule.state is not ScheduleState.FINISHED
    # Late is not missed: one that will be fired in a moment says nothing yet, and the one before it does.
    if cursor is not None and is_due and (run is None or now - cursor > seen.lease or not _is_fired(seen)):
        return _unfired(seen, cursor)
    if run is None:
        why = None if schedule.last_fire_at is None else "its record is not kept any more (see the retention settings)"
        return LastDue(due_at=schedule.last_fire_at, became="none", why=why)
    return _OF_STATE[run.state](seen, run)


def _is_fired(seen: Evidence) -> bool:
    """Whether nothing keeps it from being fired."""
    active = seen.schedule.state is ScheduleState.ACTIVE and bool(seen.survey.live())
    return active and readable(seen.schedule) and not missing_calendars(seen.survey, seen.schedule)


def _unfired(seen: Evidence, cursor: datetime) -> LastDue:
    """A due time has passed, and no row records it yet."""
    schedule, survey = seen.schedule, seen.survey
    due_at = _latest(schedule, survey.now, cursor)
    shown = schedule.id
    if schedule.state is ScheduleState.PAUSED:
        by = seen.paused_by
        who = f" by {by.actor}" if by is not None and by.actor is not None else ""
        since = f" since {_z(by.done_at)}" if by is not None else ""
        note = f": {schedule.note}" if schedule.note else ""
        why, do = f"it is paused{who}{since}{note}", f"`hourbell schedules resume {shown}`"
        return LastDue(due_at=due_at, became="passed_over", why=why, do=do)
    if schedule.state is ScheduleState.UNDECLARED:
        return LastDue(
            due_at=due_at,
            became="passed_over",
            why="it came from code, and no live node declares it any more",
            do=f"start a node whose code declares it, or `hourbell schedules remove {shown}`",
        )
    missing = missing_calendars(survey, schedule)
    if missing:
        why = f"its blackout names calendars that are not stored: {some(missing)}"
        do = f"`hourbell calendars add {missing[0]} …`; it catches up within seconds"
    elif not readable(schedule):
        why = "this version cannot read its trigger or its policies; another one stored it"
        do = "start nodes of that version, or set it anew with `hourbell schedules edit`"
    elif not survey.live():
        why, do = "no node is live", "start the application, or `hourbell worker MODULE:SCHEDULER`"
    else:
        why = f"it is due {ago(cursor, survey.now)}, and no live node has fired it yet"
        do = "wait a moment; if it stays so, `hourbell doctor` and the nodes' logs say more"
    return LastDue(due_at=due_at, became="overdue", why=why, do=do)


def _skipped(seen: Evidence, run: Run) -> LastDue:
    why, do = _of_reason(seen, run)
    count = run.covers_count or 1
    if count > 1 and run.fire_at is not None:
        why = f"{why} ({count} due times since {_z(run.fire_at)})"
    return LastDue(due_at=_until(run), became="skipped", run=run, why=why, do=do)


def _of_reason(seen: Evidence, run: Run) -> tuple[str, str | None]:
    """Why a due time was skipped, and what would have it run the next time."""
    shown = seen.schedule.id
    if run.reason == Reason.OVERLAP:
        other = seen.other
        name = f"run {run.yielded_to}" if run.yielded_to else "another run"
        state = f", which is {other.state} now," if other is not None else ""
        if other is not None and other.state is RunState.QUEUED:
            # What keeps that one from beginning is what keeps this schedule from running at all.
            held = held_up(seen.survey, other, seen.unfinished)
            why = f"it would have overlapped {name}, which is queued now ({held.why}), and was to be skipped then"
            return why, held.do
        do = f"`hourbell runs show {run.yielded_to}`; " if run.yielded_to else ""
        return (
            f"it would have overlapped {name}{state} and was to be skipped then",
            f"{do}`hourbell schedules edit {shown} --overlap buffer_one` lets one wait",
        )
    told: dict[str, tuple[str, str | None]] = {
        Reason.MISSED: _missed(seen.schedule),
        Reason.COALESCED: (
            "several were missed while no node or no database was there, and only the latest of them was made up for",
            f"`hourbell schedules edit {shown} --catch-up all` makes up for each",
        ),
        Reason.CATCH_UP_LIMIT: ("more were missed than catch_up_limit makes up for", "raise --catch-up-limit"),
        Reason.BLACKOUT: (
            f"it lies in a blackout: {some(list(seen.schedule.blackout)) or 'a calendar'}",
            "`hourbell calendars show NAME`",
        ),
        Reason.PAUSED: ("the schedule was paused then", None),
        Reason.REMOVED: ("the schedule was removed then, and made again later", None),
        Reason.UNDECLARED: ("no live node declared the schedule then", None),
    }
    return told.get(run.reason or "", (f"it was skipped: {run.reason}", None))


def _missed(schedule: Schedule) -> tuple[str, str]:
    """Nobody could begin it in time. A grace is judged for each fire, `catch_up` for a gap."""
    grace = _policy(schedule, "grace")
    if isinstance(grace, float):
        return (
            f"it could not begin within its grace of {grace:g} s",
            "see that nodes were up and had room at that time; a longer --grace lets it begin later",
        )
    return (
        "it was missed while no node or no database was there, and catch_up says not to make up for it",
        f"`hourbell schedules edit {schedule.id} --catch-up latest` makes up for one",
    )


def _queued(seen: Evidence, run: Run) -> LastDue:
    held = held_up(seen.survey, run, seen.unfinished)
    do = f"`hourbell runs show {run.id}`" if run.attempt and held.do is None else held.do
    return LastDue(due_at=run.fire_at, became="waits", run=run, why=held.why, do=do)


def _running(seen: Evidence, run: Run) -> LastDue:
    live = {node.id for node in seen.survey.live()}
    if run.node_id in live:
        return LastDue(due_at=run.fire_at, became="running", run=run, do=f"`hourbell runs logs {run.id} -f`")
    why = f"its node {run.node_id} is not live any more; another one takes it over within a lease and a half"
    return LastDue(due_at=run.fire_at, became="running", run=run, why=why)


def _ran(_: Evidence, run: Run) -> LastDue:
    return LastDue(due_at=run.fire_at, became="ran", run=run)


def _failed(_: Evidence, run: Run) -> LastDue:
    why = (run.error or run.reason or "without a word").partition("\n")[0]
    return LastDue(due_at=run.fire_at, became="failed", run=run, why=why, do=f"`hourbell runs show {run.id}`")


def _cancelled(_: Evidence, run: Run) -> LastDue:
    other = f" for run {run.yielded_to}" if run.yielded_to else ""
    why = f"it was cancelled{other} ({run.reason})"
    return LastDue(due_at=run.fire_at, became="cancelled", run=run, why=why, do=f"`hourbell runs show {run.id}`")


_OF_STATE: Mapping[RunState, Callable[[Evidence, Run], LastDue]] = {
    RunState.QUEUED: _queued,
    RunState.RUNNING: _running,
    RunState.SUCCEEDED: _ran,
    RunState.FAILED: _failed,
    RunState.CANCELLED: _cancelled,
    RunState.SKIPPED: _skipped,
}


def _until(run: Run) -> datetime:
    last = run.covers_until or run.fire_at
    return last if last is not None else run.created_at


def _latest(schedule: Schedule, now: datetime, cursor: datetime) -> datetime:
    """The last of the due times from the cursor on that have passed."""
    try:
        before = schedule.trigger.bound(schedule.id).prev_before(now)
    except HourbellError:
        return cursor
    return cursor if before is None else max(cursor, before.astimezone(cursor.tzinfo))


def _z(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _policy(schedule: Schedule, name: str) -> object:
    value = {**schedule.inherited, **schedule.policies}.get(name)
    return float(value) if isinstance(value, int | float) else value
