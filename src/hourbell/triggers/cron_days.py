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
_ALL_DAYS = ((1 << 32) - 1) & ~1


@lru_cache(maxsize=2048)
def calendar_of(expr: str) -> CronCalendar:
    """The calendar of this expression, of at most 256 characters.

    Raises:
        TriggerError: when it is not understood, or no date ever matches, such as the 30th of February.
    """
    fields = read_expression(expr)
    calendar = CronCalendar(
        seconds=fields.second.mask,
        minutes=fields.minute.mask,
        hours=fields.hour.mask,
        months=fields.month.mask,
        days=tuple(tuple(_days(fields, length, first) for first in range(7)) for length in _LENGTHS),
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


def _days(fields: CronFields, length: int, first: int) -> Mask:
    """The matching days of a month of this length whose first day is this weekday (Monday is 0)."""
    existing = ((1 << (length + 1)) - 1) & ~1
    in_month = fields.day_of_month.mask
    in_week = _days_of_week(fields.day_of_week.mask, first)
    both = in_month | in_week if fields.either_day else in_month & in_week
    return both & existing


def _days_of_week(weekdays: int, first: int) -> Mask:
    """The days of a month that fall on these weekdays (bit 0 is Sunday)."""
    mask = 0
    for day in range(1, 32):
        # first is Monday-based: Python counts days of the week from Monday, cron from Sunday.
        if weekdays >> ((first + day) % 7) & 1:
            mask |= 1 << day
    return mask
