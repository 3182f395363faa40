"""Looking ahead: the fires that are to come."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.errors import InvalidArguments
from hourbell.model.schedule import ScheduleState
from hourbell.triggers import PreviewedFire

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.schedule import Schedule
    from hourbell.triggers import Trigger

_TICK = timedelta(microseconds=1)


def previewed(trigger: Trigger, count: int, after: datetime) -> list[datetime]:
    """The first ``count`` fires after an instant, fewer when there are no more."""
    fires: list[datetime] = []
    instant: datetime | None = _checked_after(after)
    while len(fires) < count and instant is not None and (instant := trigger.next_after(instant)) is not None:
        fires.append(instant)
    return fires


def previewed_schedule(schedule: Schedule, count: int, after: datetime | None, now: datetime) -> list[datetime]:
    """The fires that the schedule will record from now on: its cursor first. A finished schedule has none."""
    trigger = schedule.trigger
    if after is not None:
        return previewed(trigger, count, after)
    cursor = schedule.next_fire_at
    if cursor is None or schedule.state is ScheduleState.FINISHED:
        return []
    rest = previewed(trigger, count - 1, max(cursor, now))
    zone = rest[0].tzinfo if rest else cursor.tzinfo
    return [cursor.astimezone(zone), *rest]


def marked(trigger: Trigger, count: int, after: datetime) -> list[PreviewedFire]:
    """The first ``count`` fires after an instant, with what changes of the clock do to them and between them."""
    return trigger.preview(count, after=_checked_after(after))


def marked_schedule(schedule: Schedule, count: int, after: datetime | None, now: datetime) -> list[PreviewedFire]:
    """The fires of `previewed_schedule`, marked."""
    trigger = schedule.trigger
    if after is not None:
        return marked(trigger, count, after)
    cursor = schedule.next_fire_at
    if cursor is None or schedule.state is ScheduleState.FINISHED:
        return []
    due = [fire for fire in trigger.preview(1, after=cursor - _TICK) if fire.fire_at == cursor]
    # A cursor that an edit has left may be no fire of the trigger any more; it is owed all the same.
    found = due or [PreviewedFire(cursor, cursor.replace(tzinfo=None))]
    return found if count == 1 else [*found, *trigger.preview(count - 1, after=max(cursor, now))]


def _checked_after(after: datetime) -> datetime:
    if after.utcoffset() is None:
        raise InvalidArguments(
            f"after={after!r}: give an aware datetime, as in datetime(2030, 1, 1, tzinfo=UTC)", at="after"
        )
    return after
