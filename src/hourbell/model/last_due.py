"""What became of a schedule's last due time, and why: judged from what is stored, in words."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from hourbell.errors import HourbellError
from hourbell.model.diagnosis import ago, some, spell
from hourbell.model.findings.of_schedules import missing_calendars, readable
from hourbell.model.held_up import HeldUp, held_up
from hourbell.model.presence import nobody, presence, told
from hourbell.model.run_state import Origin, Reason, RunState
from hourbell.model.schedule import ScheduleState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from hourbell.model.audit import AuditEntry
    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule
    from hourbell.model.survey import Survey

_SOON = timedelta(seconds=1)
"""So late a fire may be recorded without that anybody was away."""

Became = Literal["ran", "running", "waits", "failed", "skipped", "passed_over", "overdue", "cancelled", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDue:
    """``due_at``  the last due time that has passed; None: there has been none yet. ``became``  what became of it;
    ``run``  the row that records it, if any. ``why`` and ``do``  in words, where it did not simply run, and in time.
    ``now``  the database's instant at which this was so; ``local``  the due time in its trigger's zone."""

    due_at: datetime | None
    became: Became
    run: Run | None = None
    why: str | None = None
    do: str | None = None
    now: datetime | None = field(default=None, compare=False)
    local: datetime | None = field(default=None, compare=False)


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
    last = _accounted(seen)
    return replace(last, now=seen.survey.now, local=in_zone(seen.schedule, last.due_at))


def skipped_as(seen: Evidence, run: Run) -> HeldUp:
    """Why a due time was skipped, and what to do about it."""
    skipped = _skipped(seen, run)
    return HeldUp(skipped.why or "", skipped.do)


def _accounted(seen: Evidence) -> LastDue:
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
    shown = shlex.quote(schedule.id)
    if schedule.state is ScheduleState.PAUSED:
        by = seen.paused_by
        who = f" by {by.actor}" if by is not None and by.actor is not None else ""
        since = f" since {told(by.done_at)}" if by is not None else ""
        until = f", and resumes by itself at {told(schedule.resume_at)}" if schedule.resume_at is not None else ""
        note = f": {schedule.note}" if schedule.note else ""
        why, do = f"it is paused{who}{since}{until}{note}", f"`hourbell schedules resume {shown}`; {_once(schedule)}"
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
        why, do = nobody(survey), "start the application, or `hourbell worker MODULE:SCHEDULER`"
    else:
        why = f"it is due {ago(cursor, survey.now)}, and no live node has fired it yet"
        do = "wait a moment; if it stays so, `hourbell doctor` and the nodes' logs say more"
    return LastDue(due_at=due_at, became="overdue", why=why, do=do)


def _skipped(seen: Evidence, run: Run) -> LastDue:
    why, do = _of_reason(seen, run)
    count = run.covers_count or 1
    if count > 1 and run.fire_at is not None:
        why = f"{why} ({count} due times since {told(run.fire_at)})"
    return LastDue(due_at=_until(run), became="skipped", run=run, why=why, do=do)


def _of_reason(seen: Evidence, run: Run) -> tuple[str, str | None]:
    """Why a due time was skipped, and what would have it run the next time."""
    shown = shlex.quote(seen.schedule.id)
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
    words: dict[str, tuple[str, str | None]] = {
        Reason.MISSED: _missed(seen, run),
        Reason.COALESCED: (
            "several were missed while no node or no database was there, and only the latest of them was made up for"
            + _absence(seen, run),
            f"`hourbell schedules edit {shown} --catch-up all` makes up for each",
        ),
        Reason.CATCH_UP_LIMIT: ("more were missed than catch_up_limit makes up for", "raise --catch-up-limit"),
        Reason.BLACKOUT: (
            f"it lies in a blackout: {some(list(seen.schedule.blackout)) or 'a calendar'}",
            "; ".join(
                [*(f"`hourbell calendars show {name}`" for name in seen.schedule.blackout), _once(seen.schedule)]
            ),
        ),
        Reason.PAUSED: ("the schedule was paused then", _once(seen.schedule)),
        Reason.REMOVED: ("the schedule was removed then, and made again later", None),
        Reason.UNDECLARED: ("no live node declared the schedule then", None),
    }
    return words.get(run.reason or "", (f"it was skipped: {run.reason}", None))


def _missed(seen: Evidence, run: Run) -> tuple[str, str]:
    """Nobody could begin it in time. A grace is judged for each fire, `catch_up` for a gap."""
    schedule = seen.schedule
    once, grace = _once(schedule), _policy(schedule, "grace")
    if isinstance(grace, float):
        waited = ": it waited for its turn, a limit, or a node with room"
        why = waited if _was_in_time(run) else _absence(seen, run)
        do = "see that nodes were up and had room at that time; a longer --grace lets it begin later"
        return f"it could not begin within its grace of {grace:g} s{why}", f"{once}; {do}"
    edit = f"`hourbell schedules edit {shlex.quote(schedule.id)} --catch-up latest`"
    return (
        "it was missed while no node or no database was there, and catch_up says not to make up for it"
        + _absence(seen, run),
        f"{once}; {edit} makes up for one the next time",
    )


def _absence(seen: Evidence, run: Run) -> str:
    """Who was there, as an addition to a sentence; nothing where it was recorded in time."""
    if _was_in_time(run):
        return ""
    words = presence(seen.survey, _until(run))
    return f": {words}" if words is not None else ""


def _was_in_time(run: Run) -> bool:
    """Whether it was recorded when it was due; a row that has grown since was, too."""
    return run.created_at - _until(run) <= _SOON


def _once(schedule: Schedule) -> str:
    return f"`hourbell schedules trigger {shlex.quote(schedule.id)}` runs it once now"


def _queued(seen: Evidence, run: Run) -> LastDue:
    held = held_up(seen.survey, run, seen.unfinished)
    do = f"`hourbell runs show {run.id}`" if run.attempt and held.do is None else held.do
    return LastDue(due_at=run.fire_at, became="waits", run=run, why=held.why, do=do)


def _running(seen: Evidence, run: Run) -> LastDue:
    live = {node.id for node in seen.survey.live()}
    if run.node_id in live:
        do = f"`hourbell runs logs {run.id} -f`"
        return LastDue(due_at=run.fire_at, became="running", run=run, why=_late(seen, run), do=do)
    why = f"its node {run.node_id} is not live any more; another one takes it over within a lease and a half"
    return LastDue(due_at=run.fire_at, became="running", run=run, why=why)


def _ran(seen: Evidence, run: Run) -> LastDue:
    return LastDue(due_at=run.fire_at, became="ran", run=run, why=_late(seen, run))


def _late(seen: Evidence, run: Run) -> str | None:
    """Why it ran well after it was due; None: it did not."""
    due, begun = run.fire_at, run.started_at
    if due is None or begun is None or begun - due <= seen.lease:
        return None
    words = f"it began at {told(begun)}, {spell(begun - due)} late"
    if run.attempt > 1:
        return f"{words}: that was attempt {run.attempt}, `hourbell runs show {run.id}` has those before"
    if run.created_at - due <= seen.lease:
        return f"{words}: it waited for its turn, a limit, a node with room, or by jitter"
    absence = presence(seen.survey, due)
    return words if absence is None else f"{words}: {absence}"


def _failed(_: Evidence, run: Run) -> LastDue:
    why = (run.error or run.reason or "without a word").partition("\n")[0]
    do = f"`hourbell runs show {run.id}`; `hourbell runs retry {run.id}` tries it again"
    return LastDue(due_at=run.fire_at, became="failed", run=run, why=why, do=do)


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


def in_zone(schedule: Schedule, due_at: datetime | None) -> datetime | None:
    """A due time as its trigger's zone has it; None where it is none of the trigger's as it is now."""
    if due_at is None:
        return None
    try:
        fire = schedule.trigger.bound(schedule.id).prev_before(due_at + timedelta(microseconds=1))
    except HourbellError:
        return None
    return fire if fire == due_at else None


def _policy(schedule: Schedule, name: str) -> object:
    value = {**schedule.inherited, **schedule.policies}.get(name)
    return float(value) if isinstance(value, int | float) else value
