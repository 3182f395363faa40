"""Where a zone changes its offset from UTC: found by asking the zone, since `zoneinfo` does not list them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

from hourbell.triggers.instants import NO_TIME, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

# How far apart to ask. Two changes that cancel each other between two questions would go unseen; the closest
# such pair in the IANA data is four days apart (Freetown, 1939), which a test checks on the data installed.
PROBE = timedelta(days=3)

# No change is larger than a day.
_UNSEEN = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class OffsetChange:
    """At `instant` the zone's offset goes from `before` to `after`: local times are skipped or repeated."""

    instant: datetime
    """The first instant of the new offset, in UTC."""
    before: timedelta
    after: timedelta

    @property
    def skips(self) -> bool:
        """True: local times from `first` to `end` never are. False: they are twice."""
        return self.after > self.before

    @property
    def size(self) -> timedelta:
        """By how much the clock is moved, without its sign."""
        return abs(self.after - self.before)

    @property
    def first(self) -> datetime:
        """The first local time (naive) that is skipped or repeated."""
        return self.instant.replace(tzinfo=None) + min(self.before, self.after)

    @property
    def end(self) -> datetime:
        """The local time (naive) at which the skipped or repeated ones have ended."""
        return self.instant.replace(tzinfo=None) + max(self.before, self.after)


def offset_at(zone: tzinfo, instant: datetime) -> timedelta:
    """The zone's offset from UTC at this aware instant."""
    return instant.astimezone(zone).utcoffset() or NO_TIME


def change_around(zone: tzinfo, local: datetime) -> OffsetChange | None:
    """The change that skips or repeats this naive local time; None for a time that is exactly once.

    `local` is a whole second, its fold 0.
    """
    before = zone.utcoffset(local)
    # `local.replace(fold=1)` says it shorter and takes three times as long, on the way of every question.
    again = datetime(local.year, local.month, local.day, local.hour, local.minute, local.second, fold=1)  # noqa: DTZ001
    after = zone.utcoffset(again)
    if before == after or before is None or after is None:
        return None
    base = local.replace(tzinfo=UTC)
    return find_change(zone, base - max(before, after), base - min(before, after), before, after)


def changes_between(zone: tzinfo, start: datetime, end: datetime) -> Iterator[OffsetChange]:
    """The changes from `start` (in UTC, excluded) to `end` (included), oldest first."""
    if isinstance(zone, timezone) or end <= start:
        return
    # Changes are at whole seconds.
    since, end = start.replace(microsecond=0), end.replace(microsecond=0)
    before = offset_at(zone, since)
    at, last = since.replace(tzinfo=None), end.replace(tzinfo=None)
    while (at := at + PROBE) < last:
        # A zone tells the offset of a local time five times as fast as that of an instant. Under the offset from before
        # a change it is not the local time that the clock shows, so for some hours the change may not be seen yet.
        after = zone.utcoffset(at + before) or NO_TIME
        if after != before:
            high = at.replace(tzinfo=UTC)
            change = find_change(zone, max(since, high - PROBE - _UNSEEN), high, before, after)
            yield change
            since, before = change.instant, after
    after = offset_at(zone, end)
    if after != before:
        yield find_change(zone, max(since, end - PROBE - _UNSEEN), end, before, after)


def find_change(zone: tzinfo, low: datetime, high: datetime, before: timedelta, after: timedelta) -> OffsetChange:
    """The change between `low`, where the offset is `before`, and `high`, where it is `after`, by halving."""
    while high - low > SECOND:
        middle = low + (high - low) // (2 * SECOND) * SECOND
        if offset_at(zone, middle) == before:
            low = middle
        else:
            high = middle
    return OffsetChange(high, before, after)
