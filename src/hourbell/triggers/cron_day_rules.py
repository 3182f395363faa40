"""Days that depend on how their month lies: `L`, `L-2`, `LW`, `15W`, `FRI#2`, `FRIL`.

A month's shape is its length and the weekday of its first day (Monday is 0). That is all that these rules need.
Weekdays in a rule are counted as in an expression: Sunday is 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

_SUNDAY, _SATURDAY = 0, 6


class DayRule(ABC):
    """A rule that names at most one day of each month."""

    __slots__ = ()

    @abstractmethod
    def day(self, length: int, first: int) -> int | None:
        """The day of the month in a month of this shape; None when it has no such day."""


@dataclass(frozen=True, slots=True)
class LastDay(DayRule):
    """`L`, and `L-n`: so many days before the last."""

    before: int = 0

    def day(self, length: int, first: int) -> int | None:
        """The day, or None when the month is too short."""
        return length - self.before if length > self.before else None


@dataclass(frozen=True, slots=True)
class LastWorkday(DayRule):
    """`LW`: the last day from Monday to Friday."""

    def day(self, length: int, first: int) -> int | None:
        """The day; there is always one."""
        return length - {_SATURDAY: 1, _SUNDAY: 2}.get(weekday_of(length, first), 0)


@dataclass(frozen=True, slots=True)
class NearestWorkday(DayRule):
    """`15W`: the day from Monday to Friday that is nearest to the 15th, in the same month.

    A Saturday gives the day before and a Sunday the day after; but the 1st gives the Monday after, and the last day of
    the month the Friday before. A month that has no such date is passed over.
    """

    near: int

    def day(self, length: int, first: int) -> int | None:
        """The day, or None when the month is too short."""
        if self.near > length:
            return None
        weekday = weekday_of(self.near, first)
        if weekday == _SATURDAY:
            return self.near - 1 if self.near > 1 else self.near + 2
        if weekday == _SUNDAY:
            return self.near + 1 if self.near < length else self.near - 2
        return self.near


@dataclass(frozen=True, slots=True)
class NthWeekday(DayRule):
    """`FRI#2`: the second Friday. A month without a fifth one is passed over."""

    weekday: int
    nth: int

    def day(self, length: int, first: int) -> int | None:
        """The day, or None when the month has fewer of them."""
        day = 1 + (self.weekday - weekday_of(1, first)) % 7 + 7 * (self.nth - 1)
        return day if day <= length else None


@dataclass(frozen=True, slots=True)
class LastOfWeekday(DayRule):
    """`FRIL`: the last Friday."""

    weekday: int

    def day(self, length: int, first: int) -> int | None:
        """The day; there is always one."""
        return length - (weekday_of(length, first) - self.weekday) % 7


def weekday_of(day: int, first: int) -> int:
    """The weekday (Sunday is 0) of this day of a month whose 1st is the weekday `first` (Monday is 0)."""
    # Python counts weekdays from Monday and cron from Sunday; that days are counted from 1 makes up for it.
    return (first + day) % 7
