"""The fields of a cron expression: what may stand in each, and what was read. Nothing here knows the calendar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourbell.triggers.cron_day_rules import DayRule

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True)
class FieldKind:
    """What may stand in one place of an expression."""

    name: str
    low: int
    high: int
    """The greatest number that may be written; 7 for the day of the week."""
    last: int
    """The greatest value; less than `high` where two numbers mean the same."""
    names: tuple[str, ...] = ()
    """Words for the values from `low` on."""
    last_hashed: int = 0
    """The greatest value that an `H` without a range chooses: the 28th is a day that every month has."""

    @property
    def size(self) -> int:
        """How many different values there are."""
        return self.last - self.low + 1

    @property
    def is_day(self) -> bool:
        """Whether it is one of the two fields that name days."""
        return self is DAY_OF_MONTH or self is DAY_OF_WEEK


SECOND = FieldKind("second", 0, 59, last=59, last_hashed=59)
MINUTE = FieldKind("minute", 0, 59, last=59, last_hashed=59)
HOUR = FieldKind("hour", 0, 23, last=23, last_hashed=23)
DAY_OF_MONTH = FieldKind("day of month", 1, 31, last=31, last_hashed=28)
MONTH = FieldKind("month", 1, 12, last=12, last_hashed=12, names=_MONTHS)
DAY_OF_WEEK = FieldKind("day of week", 0, 7, last=6, last_hashed=6, names=_WEEKDAYS)

FIVE = (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)
SIX = (SECOND, *FIVE)


@dataclass(frozen=True, slots=True)
class CronField:
    """One field: bit n of `mask` stands for the value n (Sunday is 0 only)."""

    mask: int
    starred: bool
    """Whether it begins with `*`, which decides how days combine and whether the wall clock is followed."""
    rules: tuple[DayRule, ...] = ()
    """Days that depend on the month, beside those of the mask: `L`, `15W`, `FRI#2`."""
    hashed: str = ""
    """The field as written while it waits for a schedule's id; the mask has everything that could be chosen then."""

    def values(self) -> tuple[int, ...]:
        """The values in ascending order."""
        return tuple(value for value in range(self.mask.bit_length()) if self.mask >> value & 1)


@dataclass(frozen=True, slots=True)
class CronFields:
    """A whole expression; of five fields, the second is 0."""

    second: CronField
    minute: CronField
    hour: CronField
    day_of_month: CronField
    month: CronField
    day_of_week: CronField
    both_days: bool = False
    """Whether the day of the week was written with a `+`: then both day fields must match."""

    @property
    def follows_wall_clock(self) -> bool:
        """Whether the minute or the hour begins with `*`: cron(8) lets these run by the clock over a DST change."""
        return self.minute.starred or self.hour.starred

    @property
    def either_day(self) -> bool:
        """Whether one of the two day fields is enough: both are restricted, neither begins with `*` nor with `+`."""
        return not (self.day_of_month.starred or self.day_of_week.starred or self.both_days)

    @property
    def hashed(self) -> bool:
        """Whether some field waits for a schedule's id."""
        return any(bool(field.hashed) for field in self.all())

    def all(self) -> tuple[CronField, ...]:
        """The six fields in their order."""
        return (self.second, self.minute, self.hour, self.day_of_month, self.month, self.day_of_week)
