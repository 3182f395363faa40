"""The fires of a trigger that are not covered by a calendar: passed over window by window, never one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hourbell.triggers.instants import EARLIEST, LATEST

if TYPE_CHECKING:
    from hourbell.triggers.cover import Cover
    from hourbell.triggers.trigger import Trigger

MOST_WINDOWS = 600
"""Windows in a row that hold every fire, after which a trigger is taken to have no other: weekends of more than ten
years, or a fire a year through every shape that the calendar has."""

_TICK = timedelta(microseconds=1)


def next_open(
    trigger: Trigger, cover: Cover, instant: datetime, end: datetime = LATEST, most: int = MOST_WINDOWS
) -> datetime | None:
    """The first fire strictly later than `instant` that is not covered, in the trigger's zone.

    After `end` (in UTC) it need not be looked for: the answer may be None, or a later fire.
    """
    for _ in range(most):
        fire = trigger.next_after(instant)
        if fire is None:
            return None
        window = cover.around(fire.astimezone(UTC))
        if window is None:
            return fire
        instant = window.end - _TICK
        if instant >= end:
            return None
    return None


def prev_open(
    trigger: Trigger, cover: Cover, instant: datetime, start: datetime = EARLIEST, most: int = MOST_WINDOWS
) -> datetime | None:
    """The last fire strictly earlier than `instant` that is not covered, in the trigger's zone.

    Before `start` (in UTC) it need not be looked for: the answer may be None, or an earlier fire.
    """
    for _ in range(most):
        fire = trigger.prev_before(instant)
        if fire is None:
            return None
        window = cover.around(fire.astimezone(UTC))
        if window is None:
            return fire
        instant = window.start
        if instant <= start:
            return None
    return None


def count_open(trigger: Trigger, cover: Cover, start: datetime, end: datetime, cap: int) -> int:
    """How many fires that are not covered are later than `start` and not later than `end` (both in UTC), at most `cap`.

    Counted stretch by stretch between the windows. After very many stretches (`MOST_WINDOWS`) the answer is what has
    been counted up to there: at least so many.
    """
    total = 0
    for _ in range(MOST_WINDOWS):
        fire = next_open(trigger, cover, start, end)
        if fire is None or fire.astimezone(UTC) > end:
            return total
        following = cover.following(fire.astimezone(UTC))
        stop = end if following is None else min(end, following - _TICK)
        total += 1 + trigger.count_between(fire, stop, cap)
        if total >= cap or stop >= end:
            return min(total, cap)
        start = stop
    return total
