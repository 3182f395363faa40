"""Dates at an even distance on the calendar: every so many months and days, found by arithmetic."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from math import gcd

_FIRST = date(2, 1, 1)
_LAST = date(9998, 12, 31)
_LONG = (1, 3, 5, 7, 8, 10, 12)
# After 400 years the calendar repeats itself, weekdays and leap days included.
_CYCLE_MONTHS = 4800
_CYCLE_DAYS = 146_097
_EVERYWHERE = 28


@dataclass(frozen=True, slots=True)
class DateGrid:
    """The dates `first + k * (months, days)` for k = 0, 1, 2 …; a month that lacks the day has no date.

    The months are added first and the days after them. At least one of the two is positive, neither negative.
    """

    first: date
    months: int
    days: int

    def at(self, step: int) -> date | None:
        """The date of this step; None where the month lacks the day, or beyond the year 9998."""
        ordinal = self._ordinal(step)
        return None if ordinal > _LAST.toordinal() or not self._exists(step) else date.fromordinal(ordinal)

    def first_step(self, day: date) -> int | None:
        """The first step whose date exists and is `day` or later; None beyond the year 9998."""
        step = self._next_existing(self._reach(max(day, _FIRST).toordinal()))
        return step if self._ordinal(step) <= _LAST.toordinal() else None

    def last_step(self, day: date) -> int | None:
        """The last step whose date exists and is `day` or earlier; None when even the first is later."""
        # Dates that do not exist stand at the end of their month here, so the step before may not exist either.
        end = self._reach(min(day, _LAST).toordinal() + 1)
        number = self._existing_before(end)
        return None if number == 0 else self._existing(number - 1)

    def count(self, start: date, end: date) -> int:
        """How many dates there are from `start` to before `end`."""
        if end <= start:
            return 0
        low, high = self._reach(start.toordinal()), self._reach(min(end.toordinal(), _LAST.toordinal() + 1))
        return max(0, self._existing_before(high) - self._existing_before(low))

    def _reach(self, ordinal: int) -> int:
        """The least step that is not before this day, whether its own day exists or not."""
        # The estimate is wrong by at most a few days, the unevenness of months, however far it leads.
        period = self.months * _CYCLE_DAYS / _CYCLE_MONTHS + self.days
        step = max(0, int((ordinal - self.first.toordinal()) / period))
        while self._ordinal(step) < ordinal:
            step += 1
        while step > 0 and self._ordinal(step - 1) >= ordinal:
            step -= 1
        return step

    def _ordinal(self, step: int) -> int:
        """The day's number; the last of its month where the month lacks the day."""
        year, month = self._month(step)
        if year > _LAST.year:
            return _LAST.toordinal() + 1 + step
        day = min(self.first.day, _length(year, month))
        return date(year, month, day).toordinal() + step * self.days

    def _month(self, step: int) -> tuple[int, int]:
        year, month = divmod(self.first.year * 12 + self.first.month - 1 + step * self.months, 12)
        return year, month + 1

    def _exists(self, step: int) -> bool:
        year, month = self._month(step)
        return self.first.day <= _EVERYWHERE or self.first.day <= _length(year, month)

    # Which steps exist repeats itself: the sums over one round answer for all of time.

    def _existing_before(self, step: int) -> int:
        sums = self._sums()
        if sums is None:
            return step
        rounds, rest = divmod(step, len(sums) - 1)
        return rounds * sums[-1] + sums[rest]

    def _existing(self, number: int) -> int:
        """The step that is the `number`-th (from 0) that exists."""
        sums = self._sums()
        if sums is None:
            return number
        rounds, rest = divmod(number, sums[-1])
        return rounds * (len(sums) - 1) + bisect_left(sums, rest + 1) - 1

    def _next_existing(self, step: int) -> int:
        return step if self._exists(step) else self._existing(self._existing_before(step))

    def _sums(self) -> tuple[int, ...] | None:
        if self.first.day <= _EVERYWHERE or self.months == 0:
            return None
        month = (self.first.year * 12 + self.first.month - 1) % _CYCLE_MONTHS
        return _sums_of(month, self.first.day, self.months)


@lru_cache(maxsize=256)
def _sums_of(month: int, day: int, months: int) -> tuple[int, ...]:
    """How many of the first 0, 1, 2 … steps exist, over one round of the calendar. The first step does."""
    sums = [0]
    for step in range(_CYCLE_MONTHS // gcd(months, _CYCLE_MONTHS)):
        year, rest = divmod((month + step * months) % _CYCLE_MONTHS, 12)
        sums.append(sums[-1] + (day <= _length(year, rest + 1)))
    return tuple(sums)


def _length(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 31 if month in _LONG else 30
