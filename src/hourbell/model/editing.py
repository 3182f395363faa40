"""Changes of a stored schedule, decided under its lock: pure functions from (schedule, now) to an `Edit`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hourbell.errors import Conflict, InvalidArguments, StaleRevision
from hourbell.model.gap import TICK, first_fire, in_utc, passed
from hourbell.model.run_state import Reason
from hourbell.model.schedule import Declaration, Schedule, ScheduleState, Source

if TYPE_CHECKING:
    from hourbell.model.plan import PlannedSkip
    from hourbell.triggers import Trigger


@dataclass(frozen=True, slots=True)
class Edit:
    """What one transaction writes: the schedule as it will be, due times passed over, and why queued fires end."""

    schedule: Schedule
    skip: PlannedSkip | None = None
    end_queued: Reason | None = None


Change = Callable[[Schedule, datetime], Edit | None]
"""Decides an edit from the locked row and the database's instant; None: nothing to write."""


def created(declaration: Declaration, now: datetime) -> Schedule:
    """The row of a schedule that is stored for the first time: hash bound, interval anchored, cursor set."""
    trigger = declaration.trigger.bound(declaration.id).anchored(now)
    cursor = first_fire(trigger, now)
    state = ScheduleState.PAUSED if declaration.paused else ScheduleState.ACTIVE
    return Schedule(
        id=declaration.id,
        task=declaration.task,
        trigger_spec=trigger.to_spec(),
        args=declaration.args,
        policies=declaration.policies,
        inherited=declaration.inherited,
        state=state if cursor is not None else ScheduleState.FINISHED,
        source=declaration.source,
        note=declaration.note,
        digest=declaration.digest,
        declared=declaration.spoken() if declaration.source is Source.CODE else None,
        next_fire_at=cursor,
        created_at=now,
        updated_at=now,
    )


def check_revision(schedule: Schedule, revision: str | None) -> None:
    """Raise StaleRevision when the schedule is no longer at this revision. None: whatever it is at."""
    if revision is not None and schedule.revision != revision:
        raise StaleRevision(
            f"schedule {schedule.id!r} has been changed since it was read (revision {revision[:40]!r}; it is at "
            f"{schedule.revision!r} now): read it again, and decide anew"
        )


def expecting(revision: str | None, change: Change) -> Change:
    """The change, made only to this revision of the schedule."""

    def checked(schedule: Schedule, now: datetime) -> Edit | None:
        check_revision(schedule, revision)
        return change(schedule, now)

    return checked if revision is not None else change


def pausing(note: str | None, until: datetime | None = None) -> Change:
    """Stop firing until resumed, or until an instant. Queued fires end as skipped; what the pause passes over is never
    caught up."""

    def change(schedule: Schedule, now: datetime) -> Edit | None:
        if schedule.state is ScheduleState.FINISHED:
            raise Conflict(f"schedule {schedule.id!r} is finished: it has no further fire that a pause could stop")
        if until is not None and until <= now:
            raise InvalidArguments(
                f"until={until.isoformat()} has passed: give an instant to come, or none", at="until"
            )
        resume_at = until.astimezone(UTC) if until is not None else None
        skip = None
        if schedule.state is ScheduleState.UNDECLARED:
            schedule, skip = _undeclared_so_far(schedule, now)
        paused = replace(schedule, state=ScheduleState.PAUSED, note=note, resume_at=resume_at, updated_at=now)
        return Edit(paused, skip, end_queued=Reason.PAUSED)

    return change


def _undeclared_so_far(schedule: Schedule, now: datetime) -> tuple[Schedule, PlannedSkip | None]:
    """What passed before the pause has its own reason."""
    try:
        woken = waken(schedule, now, Reason.UNDECLARED)
    except ValueError:  # a trigger of another version: what cannot be counted is told with the pause
        return schedule, None
    return woken.schedule, woken.skip


def resuming() -> Change:
    """Fire again from now on; the due times that the pause passed over become one skipped row. A pause whose end has
    come, and nobody has noticed yet, ended then: what was due since is owed."""

    def change(schedule: Schedule, now: datetime) -> Edit | None:
        if schedule.state is not ScheduleState.PAUSED:
            return None
        return resumed(schedule, now) or waken(schedule, now, Reason.PAUSED)

    return change


def resumed(schedule: Schedule, now: datetime) -> Edit | None:
    """The end of a pause that said when it ends. None when it has not, or this version cannot read the trigger.

    The due times before that instant were paused. Those from it on are due, however late this is noticed: ``catch_up``
    decides about them.
    """
    until = schedule.resume_at
    if schedule.state is not ScheduleState.PAUSED or until is None or until > now:
        return None
    try:
        edit = waken(schedule, until - TICK, Reason.PAUSED)
    except Exception:  # noqa: BLE001 - a trigger of another version may fail in any way at all
        return None
    return replace(edit, schedule=replace(edit.schedule, updated_at=now))


def waken(schedule: Schedule, now: datetime, reason: Reason) -> Edit:
    """Fire again after a time of not firing: what it passed over becomes one skip, the cursor moves past now."""
    schedule = replace(schedule, resume_at=None)
    trigger = schedule.trigger
    cursor = schedule.next_fire_at
    gap = passed(trigger, cursor, now) if cursor is not None else None
    if gap is None:
        state = ScheduleState.ACTIVE if cursor is not None else ScheduleState.FINISHED
        return Edit(replace(schedule, state=state, note=None, updated_at=now))
    upcoming = in_utc(trigger.next_after(max(now, gap.last)))
    awake = replace(
        schedule,
        state=ScheduleState.ACTIVE if upcoming is not None else ScheduleState.FINISHED,
        note=None,
        next_fire_at=upcoming,
        last_fire_at=gap.last,
        updated_at=now,
    )
    return Edit(awake, skip=gap.skip(reason))


def updating(
    *,
    trigger: Trigger | None = None,
    args: Mapping[str, Any] | None = None,
    policies: Mapping[str, Any] | None = None,
    inherit: Collection[str] = (),
) -> Change:
    """An operator's edit: what is given replaces what is stored (policies by name), the rest stays.

    Policies in ``inherit`` are no longer the schedule's own.
    """

    def change(schedule: Schedule, now: datetime) -> Edit | None:
        edited = schedule
        if args is not None:
            edited = replace(edited, args=dict(args))
        if policies or inherit:
            merged = {**schedule.policies, **(policies or {})}
            kept = {name: value for name, value in merged.items() if name not in inherit}
            edited = replace(edited, policies=kept)
        if trigger is not None:
            edited = with_trigger(edited, trigger, now)
        return Edit(replace(edited, updated_at=now)) if edited != schedule else None

    return change


def merging(declaration: Declaration) -> Change:
    """``add_schedule`` for an id that exists: change what differs, keep the cursor where the trigger is the same.

    What code had declared is the caller's from now on, and needs nobody to declare it: an application that makes by a
    call what its older version declared does so while nodes of that version live, and not again when they have gone.
    """

    def change(schedule: Schedule, now: datetime) -> Edit | None:
        edited = replace(
            schedule,
            task=declaration.task,
            args=dict(declaration.args),
            policies=dict(declaration.policies),
            inherited=dict(declaration.inherited),
            source=declaration.source,
        )
        edited = with_trigger(edited, declaration.trigger, now)
        if edited.state is ScheduleState.UNDECLARED:
            woken = waken(edited, now, Reason.UNDECLARED)
            return Edit(replace(woken.schedule, note=schedule.note), woken.skip)
        return Edit(replace(edited, updated_at=now)) if edited != schedule else None

    return change


def with_trigger(schedule: Schedule, trigger: Trigger, now: datetime) -> Schedule:
    """The schedule under another trigger; the same trigger keeps anchor and cursor.

    A cursor that is already due stays: that fire was promised under the old trigger and is still owed. Otherwise the
    new cursor is the first fire after both now and the last recorded one; a one-off that lies between them is due now.
    """
    if _same(schedule, trigger):
        return realigned(schedule, now)
    settled = trigger.bound(schedule.id).anchored(now)
    cursor = schedule.next_fire_at
    if cursor is None or cursor > now:
        cursor = first_fire(settled, now, schedule.last_fire_at)
    state = schedule.state
    if cursor is None and state is not ScheduleState.PAUSED:
        state = ScheduleState.FINISHED
    elif state is ScheduleState.FINISHED:
        state = ScheduleState.ACTIVE
    return replace(schedule, trigger_spec=settled.to_spec(), next_fire_at=cursor, state=state)


def realigned(schedule: Schedule, now: datetime) -> Schedule:
    """The schedule with the cursor that its trigger says today.

    One that is still to come and is no fire of the trigger was worked out by other rules of its zone: governments
    change them, and the system has learned of it since. One that is due is owed, whatever the trigger says by now.
    """
    cursor = schedule.next_fire_at
    if cursor is None or cursor <= now:
        return schedule
    try:
        trigger = schedule.trigger
        if in_utc(trigger.next_after(cursor - TICK)) == cursor:
            return schedule
        upcoming = first_fire(trigger, now, schedule.last_fire_at)
    except ValueError:  # a trigger of another version; its nodes will see to it
        return schedule
    return replace(schedule, next_fire_at=upcoming) if upcoming is not None else schedule


def _same(schedule: Schedule, trigger: Trigger) -> bool:
    try:
        return schedule.trigger.declared_spec() == trigger.declared_spec()
    except ValueError:  # the stored one is from a version that this one cannot read
        return False
