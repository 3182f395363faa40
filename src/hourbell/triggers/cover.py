"""Which instants are covered by windows of time, and where the cover ends: asked at an instant, never listed."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Protocol

from hourbell.triggers.instants import LATEST
from hourbell.triggers.wall_times import instant_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """From `start`, included, to `end`, excluded; both in UTC."""

    start: datetime
    end: datetime


class Windows(Protocol):
    """Windows of one sort; they may overlap with those of other sorts."""

    def around(self, instant: datetime) -> Window | None:
        """The window that covers this instant (in UTC), the one that lasts longest; None when none does."""

    def following(self, instant: datetime) -> datetime | None:
        """The first start of a window that is strictly later than `instant` (in UTC); None when there is none."""


@dataclass(frozen=True, slots=True)
class Cover:
    """The union of windows of several sorts."""

    parts: tuple[Windows, ...]

    def covers(self, instant: datetime) -> bool:
        """Whether any window covers this instant (in UTC)."""
        return any(part.around(instant) is not None for part in self.parts)

    def around(self, instant: datetime) -> Window | None:
        """All windows around this instant (in UTC) taken together; None when it is not covered.

        Another may begin where they end, or end where they begin: whoever passes over it asks again there.
        """
        windows = [window for part in self.parts if (window := part.around(instant)) is not None]
        if not windows:
            return None
        return Window(min(window.start for window in windows), max(window.end for window in windows))

    def following(self, instant: datetime) -> datetime | None:
        """The first start of a window later than `instant` (in UTC); None when there is none."""
        starts = [start for part in self.parts if (start := part.following(instant)) is not None]
        return min(starts, default=None)


NOTHING = Cover(())
"""No windows at all."""


@dataclass(frozen=True, slots=True)
class FixedWindows:
    """Windows that are listed: ascending, none touching the next."""

    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]

    @classmethod
    def of(cls, windows: Iterable[Window]) -> FixedWindows:
        """These windows, merged where they touch; empty ones are left out."""
        merged: list[Window] = []
        for window in sorted(windows, key=lambda one: one.start):
            if window.end <= window.start:
                continue
            if merged and window.start <= merged[-1].end:
                merged[-1] = Window(merged[-1].start, max(merged[-1].end, window.end))
            else:
                merged.append(window)
        return cls(tuple(window.start for window in merged), tuple(window.end for window in merged))

    def around(self, instant: datetime) -> Window | None:
        place = bisect_right(self.starts, instant) - 1
        if place < 0 or instant >= self.ends[place]:
            return None
        return Window(self.starts[place], self.ends[place])

    def following(self, instant: datetime) -> datetime | None:
        place = bisect_right(self.starts, instant)
        return self.starts[place] if place < len(self.starts) else None


@dataclass(frozen=True, slots=True)
class WeekdayWindows:
    """Whole days of the week in a zone (Monday is 0), days in a row as one window. Not all seven."""

    weekdays: frozenset[int]
    zone: tzinfo

    def around(self, instant: datetime) -> Window | None:
        day = local_day(self.zone, instant)
        if day.weekday() not in self.weekdays:
            return None
        first, last = day, day + _DAY
        while (first - _DAY).weekday() in self.weekdays:
            first -= _DAY
        while last.weekday() in self.weekdays:
            last += _DAY
        return Window(start_of_day(self.zone, first), start_of_day(self.zone, last))

    def following(self, instant: datetime) -> datetime | None:
        day = local_day(self.zone, instant) + _DAY
        for _ in range(7):
            if day.weekday() in self.weekdays and (day - _DAY).weekday() not in self.weekdays:
                start = start_of_day(self.zone, day)
                return start if start < LATEST else None
            day += _DAY
        return None


@dataclass(frozen=True, slots=True)
class OutsideHours:
    """What is not between two times of the wall clock, `opens` (included) and `closes` (excluded), in a zone.

    It opens and closes when the clock first shows these times, or passes them over.
    """

    opens: time
    closes: time
    zone: tzinfo

    def around(self, instant: datetime) -> Window | None:
        day = instant.astimezone(self.zone).date()
        found = [self._after_closing(day + shift * _DAY) for shift in (-2, -1, 0, 1)]
        windows = [window for window in found if window.start <= instant < window.end]
        return max(windows, key=lambda window: window.end, default=None)

    def following(self, instant: datetime) -> datetime | None:
        day = instant.astimezone(self.zone).date()
        starts = [self._after_closing(day + shift * _DAY).start for shift in (-1, 0, 1, 2)]
        return min((start for start in starts if instant < start < LATEST), default=None)

    def _after_closing(self, day: date) -> Window:
        reopens = day + _DAY if self.opens < self.closes else day
        return Window(
            instant_of(self.zone, datetime.combine(day, self.closes)),
            instant_of(self.zone, datetime.combine(reopens, self.opens)),
        )


def start_of_day(zone: tzinfo, day: date) -> datetime:
    """When this day begins in the zone, in UTC: its first midnight, or the end of the gap that skips midnight."""
    return instant_of(zone, day)


def local_day(zone: tzinfo, instant: datetime) -> date:
    """The day of the zone that this instant belongs to.

    Where the clock is put back over midnight, the evening that comes again belongs to the day that has begun already.
    """
    day = instant.astimezone(zone).date()
    return day + _DAY if instant >= start_of_day(zone, day + _DAY) else day
