"""The local times of a recurrence rule: its days, and the seconds of each day as the bits of one number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from hourbell.triggers.rrule_days import FIRST_YEAR, LAST_YEAR, DayRule, Mask, nth_day

SECONDS_OF_DAY = 86_400
_SECOND = timedelta(seconds=1)
# Twenty-eight years in which leap years go on as usual, and the years around those that are none.
_EVERY_SHAPE = (*range(2001, 2029), *range(2096, 2105), *range(2196, 2205), *range(2296, 2305))

# Bit n of such a mask stands for the n-th second of the day, from 0.
Times = int


@dataclass(frozen=True, slots=True)
class RuleTimes:
    """Local times at whole seconds, as a `WallPattern`: those of the rule from `first` to `last`, both included.

    `positions` keep, of all times of each month or year (whichever `days` counts in), the n-th from the front or, when
    negative, from the back. Without them every day has the same times.
    """

    days: DayRule
    times: Times
    positions: frozenset[int]
    first: datetime
    last: datetime

    def after(self, local: datetime) -> datetime | None:
        """The first time strictly later than `local`, a whole second."""
        local = max(local, self.first - _SECOND)
        if local >= self.last:
            return None
        day, second = _split(local)
        for year in range(max(local.year, FIRST_YEAR), self.last.year + 1):
            days = self._days(year)
            if year == local.year:
                if days >> day & 1 and (left := self._times(year, day) >> (second + 1)):
                    return self._within(_moment(year, day, second + 1 + _lowest(left)))
                days = days >> (day + 1) << (day + 1)
            if days:
                found = _lowest(days)
                return self._within(_moment(year, found, _lowest(self._times(year, found))))
        return None

    def before(self, local: datetime) -> datetime | None:
        """The last time strictly earlier than `local`, a whole second."""
        local = min(local, self.last + _SECOND)
        if local <= self.first:
            return None
        day, second = _split(local)
        for year in range(min(local.year, LAST_YEAR), self.first.year - 1, -1):
            days = self._days(year)
            if year == local.year:
                if days >> day & 1 and (left := self._times(year, day) & ((1 << second) - 1)):
                    return self._within(_moment(year, day, left.bit_length() - 1))
                days &= (1 << day) - 1
            if days:
                found = days.bit_length() - 1
                return self._within(_moment(year, found, self._times(year, found).bit_length() - 1))
        return None

    def count(self, start: datetime, end: datetime, cap: int) -> int:
        """How many times from `start` (included) to `end` (excluded); any number from `cap` on may be `cap`."""
        start, end = max(start, self.first), min(end, self.last + _SECOND)
        total = 0
        for year in range(start.year, end.year + 1):
            if start >= end or total >= cap:
                break
            low = _split(start) if year == start.year else (0, 0)
            total += self._count_year(year, low, _split(end) if year == end.year else None)
        return min(total, cap)

    def nth(self, number: int) -> datetime | None:
        """The n-th time of the rule, from 1; None when there are fewer."""
        for year in range(self.first.year, self.last.year + 1):
            low = _split(self.first) if year == self.first.year else (0, 0)
            here = self._count_year(year, low, None)
            if number <= here:
                return self._nth_of_year(year, number + self._count_before(year, low))
            number -= here
        return None

    def _within(self, found: datetime) -> datetime | None:
        return found if self.first <= found <= self.last else None

    def _days(self, year: int) -> Mask:
        if not FIRST_YEAR <= year <= LAST_YEAR:
            return 0
        if not self.positions:
            return self.days.days(year)
        return _placed(self.days, self.times, self.positions, year)[0]

    def _times(self, year: int, day: int) -> Times:
        if not self.positions:
            return self.times
        return _placed(self.days, self.times, self.positions, year)[1][day]

    def _count_year(self, year: int, low: tuple[int, int], high: tuple[int, int] | None) -> int:
        days = self._days(year)
        if not days:
            return 0
        upper = self._count_before(year, high) if high is not None else self._count_all(year, days)
        return upper - self._count_before(year, low)

    def _count_before(self, year: int, place: tuple[int, int]) -> int:
        """How many times of the year are earlier than this second of this day."""
        day, second = place
        days = self._days(year)
        here = (self._times(year, day) & ((1 << second) - 1)).bit_count() if days >> day & 1 else 0
        return here + self._count_all(year, days & ((1 << day) - 1))

    def _count_all(self, year: int, days: Mask) -> int:
        if not self.positions:
            return days.bit_count() * self.times.bit_count()
        return sum(times.bit_count() for day, times in enumerate(self._each(year)) if days >> day & 1)

    def _each(self, year: int) -> list[Times]:
        placed = _placed(self.days, self.times, self.positions, year)[1]
        return [placed.get(day, 0) for day in range(366)]

    def _nth_of_year(self, year: int, number: int) -> datetime:
        days = self._days(year)
        if not self.positions:
            whole, rest = divmod(number - 1, self.times.bit_count())
            return _moment(year, nth_day(days, whole), _nth_bit(self.times, rest))
        left = number - 1
        for day, times in enumerate(self._each(year)):
            if left < times.bit_count():
                return _moment(year, day, _nth_bit(times, left))
            left -= times.bit_count()
        raise ValueError(f"there are fewer than {number} times in {year}")


@lru_cache(maxsize=512)
def _placed(days: DayRule, times: Times, positions: frozenset[int], year: int) -> tuple[Mask, dict[int, Times]]:
    """The days of the year that keep a time, and the times that each of them keeps."""
    found: dict[int, Times] = {}
    matching = days.days(year)
    if not matching:
        return 0, found
    size = times.bit_count()
    for unit in days.units(year):
        here = matching & unit
        total = here.bit_count() * size
        for position in positions:
            place = position - 1 if position > 0 else total + position
            if 0 <= place < total:
                day = nth_day(here, place // size)
                found[day] = found.get(day, 0) | 1 << _nth_bit(times, place % size)
    mask = 0
    for day in found:
        mask |= 1 << day
    return mask, found


def ever_placed(days: DayRule, times: Times, positions: frozenset[int]) -> bool:
    """Whether any year, whatever its shape, keeps a time at these positions; intervals aside."""
    always = replace(days, interval=1)
    return any(_placed(always, times, positions, year)[0] for year in _EVERY_SHAPE)


def product(hours: frozenset[int], minutes: frozenset[int], seconds: frozenset[int]) -> Times:
    """Every second of the day with one of these hours, minutes and seconds."""
    of_minute = sum(1 << second for second in seconds)
    of_hour = sum(of_minute << 60 * minute for minute in minutes)
    return sum(of_hour << 3600 * hour for hour in hours)


@lru_cache(maxsize=64)
def stepped(begin: int, step: int) -> Times:
    """Every so many seconds of the day, `begin` being one of them; `step` divides the day."""
    return ((1 << SECONDS_OF_DAY) - 1) // ((1 << step) - 1) << begin % step


def placed_times(times: Times, positions: frozenset[int]) -> Times:
    """Of the times of a day, those at these positions."""
    size = times.bit_count()
    places = {position - 1 if position > 0 else size + position for position in positions}
    return sum(1 << _nth_bit(times, place) for place in places if 0 <= place < size)


def _split(local: datetime) -> tuple[int, int]:
    """The day of the year and the second of the day, both from 0."""
    return local.timetuple().tm_yday - 1, local.hour * 3600 + local.minute * 60 + local.second


def _moment(year: int, day: int, second: int) -> datetime:
    found = date.fromordinal(date(year, 1, 1).toordinal() + day)
    hour, rest = divmod(second, 3600)
    return datetime(found.year, found.month, found.day, hour, rest // 60, rest % 60)  # noqa: DTZ001 - a wall-clock time


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _nth_bit(times: Times, number: int) -> int:
    """The place of the n-th bit, from 0; there must be one."""
    low, width = 0, 1 << 17
    while width > 1:
        width //= 2
        count = (times & ((1 << width) - 1)).bit_count()
        if number >= count:
            number -= count
            times >>= width
            low += width
    return low
