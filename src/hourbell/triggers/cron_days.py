"""From the fields of an expression to its calendar: which days match, in every possible shape of a month."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from hourbell.triggers.cron_calendar import CronCalendar, Mask
from hourbell.triggers.cron_fields import read_expression, words_of
from hourbell.triggers.cron_refusals import refusal

if TYPE_CHECKING:
    from hourbell.errors import TriggerError
    from hourbell.triggers.cron_fields import CronFields

_LENGTHS = (28, 29, 30, 31)


@lru_cache(maxsize=2048)
def calendar_of(expr: str) -> CronCalendar:
    """The calendar of this expression, of at most 256 characters.

    Raises:
        TriggerError: when it is not understood, or no date ever matches, such as the 30th of February.
    """
    fields = read_expression(expr)
    weeks = tuple(_days_of_week(fields.day_of_week.mask, first) for first in range(7))
    calendar = CronCalendar(
        seconds=fields.second.mask,
        minutes=fields.minute.mask,
        hours=fields.hour.mask,
        months=fields.month.mask,
        days=tuple(tuple(_days(fields, length, week) for week in weeks) for length in _LENGTHS),
    )
    if not calendar.ever():
        raise _never(expr, fields)
    return calendar


def _never(expr: str, fields: CronFields) -> TriggerError:
    start, word = words_of(expr)[-3]
    longest = 29 if fields.month.values() == (2,) else 30
    return refusal(
        expr,
        start,
        len(word),
        f"cron expression, day of month: this date never comes, the longest of its months has {longest} days",
    )


def _days(fields: CronFields, length: int, in_week: Mask) -> Mask:
    """The matching days of a month of this length, where `in_week` are those that the day of the week allows."""
    existing = ((1 << (length + 1)) - 1) & ~1
    in_month = fields.day_of_month.mask
    return existing & (in_month | in_week if fields.either_day else in_month & in_week)


def _days_of_week(weekdays: Mask, first: int) -> Mask:
    """The days that fall on these weekdays (bit 0 is Sunday) where the 1st is the weekday `first` (0 is Monday)."""
    mask = 0
    for day in range(1, 32):
        # Python counts weekdays from Monday and cron from Sunday; the days from 1 make up for the difference.
        if weekdays >> ((first + day) % 7) & 1:
            mask |= 1 << day
    return mask
