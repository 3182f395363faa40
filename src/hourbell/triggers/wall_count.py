"""Counting the fires of a wall-clock pattern without walking them all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain
from typing import TYPE_CHECKING

from hourbell.triggers.instants import SECOND
from hourbell.triggers.offsets import OffsetChange, changes_between, offset_at
from hourbell.triggers.wall_clock import next_fire

if TYPE_CHECKING:
    from hourbell.triggers.dst import DstPolicy
    from hourbell.triggers.wall_clock import WallPattern

# Fires are walked one by one until it is clear that there are many; then they are counted by arithmetic, over at
# most a year at a time. So neither rare fires over centuries nor dense ones over days take long. To look for the
# changes of a year takes as long as walking some fifty fires.
_FEW = 16
_DENSE = timedelta(days=120)
_YEAR = timedelta(days=366)

# A change this far outside of the window still decides whether the window's first or last hours are repeated ones.
_MARGIN = timedelta(days=1)


def count_fires(pattern: WallPattern, zone: tzinfo, policy: DstPolicy, start: datetime, end: datetime, cap: int) -> int:
    """How many fires are later than `start` and not later than `end` (both in UTC), at most `cap`."""
    total = 0
    while start < end:
        began = start
        for _ in range(_FEW):
            fire = next_fire(pattern, zone, policy, start)
            if fire is None or fire > end:
                return total
            total += 1
            if total == cap:
                return cap
            start = fire.astimezone(UTC)
        if start - began > _DENSE:
            continue
        stop = min(end, start + _YEAR)
        total += _count_many(pattern, zone, policy, start, stop, cap - total)
        if total >= cap:
            return cap
        start = stop
    return total


def _count_many(pattern: WallPattern, zone: tzinfo, policy: DstPolicy, start: datetime, end: datetime, cap: int) -> int:
    """The same by arithmetic, one count per stretch of constant offset; any number from `cap` on may be `cap`."""
    # Fires are at whole seconds, so (start, end] is [low, high) in whole seconds.
    low = start.replace(microsecond=0) + SECOND
    high = end.replace(microsecond=0) + SECOND
    total = 0
    last: OffsetChange | None = None
    for change in chain(changes_between(zone, low - _MARGIN, high + _MARGIN), (None,)):
        total += _count_stretch(pattern, zone, policy, last, change, low, high, cap)
        if last is not None and low <= last.instant < high:
            total += _moved_out_of_gap(pattern, policy, last)
        if total >= cap:
            break
        last = change
    return total


def _count_stretch(
    pattern: WallPattern,
    zone: tzinfo,
    policy: DstPolicy,
    last: OffsetChange | None,
    following: OffsetChange | None,
    low: datetime,
    high: datetime,
    cap: int,
) -> int:
    """The ordinary fires between two changes, as far as they are inside of [low, high)."""
    begin = low if last is None else max(low, last.instant)
    stop = high if following is None else min(high, following.instant)
    if begin >= stop:
        return 0
    offset = offset_at(zone, begin)
    local_begin = begin.replace(tzinfo=None) + offset
    local_stop = stop.replace(tzinfo=None) + offset
    if last is not None and not last.skips and policy.over(last).fold == "first":
        local_begin = max(local_begin, last.end)
    if following is not None and not following.skips and policy.over(following).fold == "second":
        local_stop = min(local_stop, following.first)
    return pattern.count(local_begin, local_stop, cap) if local_begin < local_stop else 0


def _moved_out_of_gap(pattern: WallPattern, policy: DstPolicy, change: OffsetChange) -> int:
    """1 when times that the change skipped run at its end, and nothing else runs there anyway."""
    if not change.skips or policy.over(change).gap != "next_valid":
        return 0
    moved = pattern.count(change.first, change.end, 1) > 0
    return 1 if moved and pattern.count(change.end, change.end + SECOND, 1) == 0 else 0
