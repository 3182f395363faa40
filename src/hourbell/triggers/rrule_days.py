"""Which days a recurrence rule names, a year at a time: each year's days are the bits of one number."""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Bit n of a mask stands for the n-th day of the year, from 0.
Mask = int
# All that decides which days match: is it a leap year, on which weekday does it begin, and the leap years beside it.
Shape = tuple[bool, int, bool, bool]

FIRST_YEAR, LAST_YEAR = 2, 9998
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class DayRule:
    """The parts of a rule that are about days. Weekdays count from Monday, 0; `nth` pairs are (number, weekday).

    `unit` is what `interval` counts, from the day `start`: day, week, month or year. What `nth` counts within is the
    month when `nth_in_month`, else the year.
    """

    unit: str
    interval: int
    start: date
    week_start: int
    months: frozenset[int]
    month_days: frozenset[int]
    year_days: frozenset[int]
    weeks: frozenset[int]
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]
    nth_in_month: bool

    def days(self, year: int) -> Mask:
        """The days of this year that the rule names, whether before its start or not."""
        if self.unit == "year" and (year - self.start.year) % self.interval:
            return 0
        first = date(year, 1, 1)
        shape = (isleap(year), first.weekday(), isleap(year - 1), isleap(year + 1))
        found = _matching(self, shape)
        if not found or self.interval == 1 or self.unit == "year":
            return found
        return found & self._counted(first, shape[0])

    def units(self, year: int) -> tuple[Mask, ...]:
        """The days of each month of the year, or of all of it, whichever the rule counts in."""
        return (_all(isleap(year)),) if self.unit == "year" else _month_spans(isleap(year))

    def _counted(self, first: date, leap: bool) -> Mask:
        """The days whose unit is one of every `interval`."""
        if self.unit == "month":
            base = first.year * 12 - (self.start.year * 12 + self.start.month - 1)
            spans = _month_spans(leap)
            return _union(span for month, span in enumerate(spans) if (base + month) % self.interval == 0)
        origin = self.start.toordinal()
        width, period = 1, self.interval
        if self.unit == "week":
            origin -= (self.start.weekday() - self.week_start) % 7
            width, period = 7, 7 * self.interval
        # How far into a period the year begins: what is left of its counted part, and where the next ones begin.
        into = (first.toordinal() - origin) % period
        mask = _every(period, width) << (period - into)
        if into < width:
            mask |= (1 << (width - into)) - 1
        return mask & _all(leap)


@lru_cache(maxsize=4096)
def _matching(rule: DayRule, shape: Shape) -> Mask:
    """The days of a year of this shape that every part of the rule accepts, intervals aside."""
    leap, weekday, *_ = shape
    spans = _month_spans(leap)
    found = _all(leap)
    if rule.months:
        found &= _union(spans[month - 1] for month in rule.months)
    if rule.month_days:
        found &= _union(_in_span(span, day) for span in spans for day in rule.month_days)
    if rule.year_days:
        found &= _union(_in_span(_all(leap), day) for day in rule.year_days)
    if rule.weeks:
        found &= _weeks(rule, shape)
    if rule.weekdays or rule.nth:
        named = _union(_weekday(one, weekday) for one in rule.weekdays)
        within = [_all(leap)] if not rule.nth_in_month else spans
        for number, one in rule.nth:
            named |= _union(_nth(_weekday(one, weekday) & span, number) for span in within)
        found &= named
    return found


def _weeks(rule: DayRule, shape: Shape) -> Mask:
    """The days whose week has one of these numbers. Week 1 is the first that has four days in its year."""
    leap, weekday, leap_before, leap_after = shape
    length = 366 if leap else 365
    # The fourth day of a week says which year it belongs to, and with which number.
    found = 0
    begin = (rule.week_start - weekday) % 7 - 7
    while begin < length:
        middle = begin + 3
        if middle < 0:
            before = 366 if leap_before else 365
            number = (middle + before) // 7 + 1
            total = number
        elif middle >= length:
            fourth = (rule.week_start + 3 - weekday - length) % 7
            number, total = 1, 53 if fourth == 0 or (fourth == 1 and leap_after) else 52
        else:
            number = middle // 7 + 1
            last = middle + (length - 1 - middle) // 7 * 7
            total = last // 7 + 1
        if number in rule.weeks or number - total - 1 in rule.weeks:
            found |= (0b1111111 << begin) if begin >= 0 else (0b1111111 >> -begin)
        begin += 7
    return found & _all(leap)


def _in_span(span: Mask, day: int) -> Mask:
    """The n-th day of a span without gaps, from its end when negative; nothing when it is shorter."""
    low, high = (span & -span).bit_length() - 1, span.bit_length()
    place = low + day - 1 if day > 0 else high + day
    return 1 << place if low <= place < high else 0


def _nth(days: Mask, number: int) -> Mask:
    """The n-th bit of a mask, from its end when negative."""
    count = days.bit_count()
    skip = number - 1 if number > 0 else count + number
    if not 0 <= skip < count:
        return 0
    for _ in range(skip):
        days &= days - 1
    return days & -days


def nth_day(days: Mask, number: int) -> int:
    """The place of the n-th bit, from 0; there must be one."""
    low = 0
    # Halving: a year has few days, so a handful of steps.
    width = 512
    while width > 1:
        width //= 2
        count = (days & ((1 << width) - 1)).bit_count()
        if number >= count:
            number -= count
            days >>= width
            low += width
    return low


def _weekday(one: int, first: int) -> Mask:
    return _every(7, 1) << ((one - first) % 7)


def _union(masks: Iterable[Mask]) -> Mask:
    found = 0
    for mask in masks:
        found |= mask
    return found


@lru_cache(maxsize=1024)
def _every(period: int, width: int) -> Mask:
    """`width` bits, again every `period` bits, over more than a year."""
    return _union(((1 << width) - 1) << place for place in range(0, 373, period))


@lru_cache(maxsize=2)
def _month_spans(leap: bool) -> tuple[Mask, ...]:
    spans, place = [], 0
    for month, length in enumerate(_LENGTHS):
        days = length + (leap and month == 1)
        spans.append(((1 << days) - 1) << place)
        place += days
    return tuple(spans)


def _all(leap: bool) -> Mask:
    return (1 << (366 if leap else 365)) - 1
