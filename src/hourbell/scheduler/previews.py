"""Looking ahead: the fires that are to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.errors import InvalidArguments
from hourbell.model.schedule import ScheduleState

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.schedule import Schedule
    from hourbell.triggers import Trigger


def previewed(trigger: Trigger, count: int, after: datetime) -> list[datetime]:
    """The first ``count`` fires after an instant, fewer when there are no more."""
    if after.utcoffset() is None:
        raise InvalidArguments(f"after={after!r}: give an aware datetime, as in datetime(2030, 1, 1, tzinfo=UTC)")
    fires: list[datetime] = []
    instant: datetime | None = after
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
