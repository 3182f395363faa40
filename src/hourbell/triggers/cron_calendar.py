"""The calendar of a cron expression: which local times match, found with bit masks and no walking by minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

# Bit n of a mask stands for the value n of its field.
Mask = int

_FIRST_YEAR = 2
_LAST_YEAR = 9998
_SHORTEST_MONTH = 28
_DAY = timedelta(days=1)
_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_POSSIBLE_LENGTHS = tuple((28, 29) if length == 28 else (length,) for length in _LENGTHS[1:])


@dataclass(frozen=True, slots=True)
class CronCalendar:
    """The local times at which every field matches.

    `days[length - 28][first]` is the mask of the matching days in a month of that length whose first day has that
    weekday (Monday is 0). All that an expression can say about days is in these 28 masks, so the walk needs no
    knowledge of how days of the month and days of the week combine.
    """

    seconds: Mask
    minutes: Mask
    hours: Mask
    months: Mask
    days: tuple[tuple[Mask, ...], ...]

    def ever(self) -> bool:
        """Whether any date matches. Exact: in 400 years every month begins on every weekday, in every length."""
        return any(
            mask
            for month in range(1, 13)
            if self.months >> month & 1
            for length in _POSSIBLE_LENGTHS[month - 1]
            for mask in self.days[length - _SHORTEST_MONTH]
        )

    def after(self, local: datetime) -> datetime | None:
        """The first matching time strictly later than `local` (naive, whole second); None after the year 9998."""
        if self._matches_day(local.year, local.month, local.day):
            found = self._later_that_day(local)
            if found is not None:
                return found
        day = self._day_after(local.year, local.month, local.day)
        if day is None:
            return None
        return datetime(*day, lowest(self.hours), lowest(self.minutes), lowest(self.seconds))  # noqa: DTZ001 - local

    def before(self, local: datetime) -> datetime | None:
        """The last matching time strictly earlier than `local` (naive, whole second); None before the year 2."""
        if self._matches_day(local.year, local.month, local.day):
            found = self._earlier_that_day(local)
            if found is not None:
                return found
        day = self._day_before(local.year, local.month, local.day)
        if day is None:
            return None
        return datetime(*day, highest(self.hours), highest(self.minutes), highest(self.seconds))  # noqa: DTZ001 - local

    def count(self, start: datetime, end: datetime, cap: int) -> int:
        """How many matching times from `start` to before `end`; from `cap` on it may stop counting."""
        first, last = start.date(), end.date()
        if first == last:
            if not self._matches_day(first.year, first.month, first.day):
                return 0
            return self._times_before(end) - self._times_before(start)
        per_day = self.hours.bit_count() * self.minutes.bit_count() * self.seconds.bit_count()
        total = 0
        if self._matches_day(first.year, first.month, first.day):
            total += per_day - self._times_before(start)
        if self._matches_day(last.year, last.month, last.day):
            total += self._times_before(end)
        return total + per_day * self._count_days(first + _DAY, last, -(-cap // per_day))

    def _later_that_day(self, local: datetime) -> datetime | None:
        hour, minute = local.hour, local.minute
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1:
                left = self.seconds >> (local.second + 1)
                if left:
                    return _at(local, hour, minute, local.second + 1 + lowest(left))
            left = self.minutes >> (minute + 1)
            if left:
                return _at(local, hour, minute + 1 + lowest(left), lowest(self.seconds))
        left = self.hours >> (hour + 1)
        if not left:
            return None
        return _at(local, hour + 1 + lowest(left), lowest(self.minutes), lowest(self.seconds))

    def _earlier_that_day(self, local: datetime) -> datetime | None:
        hour, minute = local.hour, local.minute
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1:
                left = below(self.seconds, local.second)
                if left:
                    return _at(local, hour, minute, highest(left))
            left = below(self.minutes, minute)
            if left:
                return _at(local, hour, highest(left), highest(self.seconds))
        left = below(self.hours, hour)
        if not left:
            return None
        return _at(local, highest(left), highest(self.minutes), highest(self.seconds))

    def _days_of(self, year: int, month: int) -> Mask:
        if not self.months >> month & 1:
            return 0
        length = _LENGTHS[month]
        if month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
            length = 29
        return self.days[length - _SHORTEST_MONTH][date(year, month, 1).weekday()]

    def _matches_day(self, year: int, month: int, day: int) -> bool:
        return _FIRST_YEAR <= year <= _LAST_YEAR and bool(self._days_of(year, month) >> day & 1)

    def _day_after(self, year: int, month: int, day: int) -> tuple[int, int, int] | None:
        if year < _FIRST_YEAR:
            year, month, day = _FIRST_YEAR, 1, 0
        while year <= _LAST_YEAR:
            left = self._days_of(year, month) >> (day + 1)
            if left:
                return year, month, day + 1 + lowest(left)
            day = 0
            later = self.months >> (month + 1)
            if later:
                month += 1 + lowest(later)
            else:
                year, month = year + 1, lowest(self.months)
        return None

    def _day_before(self, year: int, month: int, day: int) -> tuple[int, int, int] | None:
        if year > _LAST_YEAR:
            year, month, day = _LAST_YEAR, 12, 32
        while year >= _FIRST_YEAR:
            left = below(self._days_of(year, month), day)
            if left:
                return year, month, highest(left)
            day = 32
            earlier = below(self.months, month)
            if earlier:
                month = highest(earlier)
            else:
                year, month = year - 1, highest(self.months)
        return None

    def _times_before(self, local: datetime) -> int:
        """How many matching times of a day are earlier than this time of day."""
        seconds, minutes = self.seconds.bit_count(), self.minutes.bit_count()
        total = below(self.hours, local.hour).bit_count() * minutes * seconds
        if self.hours >> local.hour & 1:
            total += below(self.minutes, local.minute).bit_count() * seconds
            if self.minutes >> local.minute & 1:
                total += below(self.seconds, local.second).bit_count()
        return total

    def _count_days(self, first: date, end: date, cap: int) -> int:
        """How many matching days from `first` to before `end`, month by month; from `cap` on it stops."""
        total = 0
        year, month, day = first.year, first.month, first.day
        while (year, month) <= (end.year, end.month) and total < cap:
            if _FIRST_YEAR <= year <= _LAST_YEAR:
                mask = self._days_of(year, month) >> day << day
                if (year, month) == (end.year, end.month):
                    mask = below(mask, end.day)
                total += mask.bit_count()
            day = 0
            later = self.months >> (month + 1)
            if later:
                month += 1 + lowest(later)
            else:
                year, month = year + 1, lowest(self.months)
        return total


def _at(local: datetime, hour: int, minute: int, second: int) -> datetime:
    """That time on the same day; made anew because `replace` takes four times as long."""
    return datetime(local.year, local.month, local.day, hour, minute, second)  # noqa: DTZ001 - local by intention


def lowest(mask: Mask) -> int:
    """The least value in a mask that is not empty."""
    return (mask & -mask).bit_length() - 1


def highest(mask: Mask) -> int:
    """The greatest value in a mask that is not empty."""
    return mask.bit_length() - 1


def below(mask: Mask, value: int) -> Mask:
    """The part of the mask that is less than `value`."""
    return mask & ((1 << value) - 1)
