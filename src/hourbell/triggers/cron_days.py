"""From the fields of an expression to its calendar: which days match, in every possible shape of a month."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from hourbell.errors import TriggerError
from hourbell.triggers.cron_calendar import CronCalendar, Mask
from hourbell.triggers.cron_day_rules import weekday_of
from hourbell.triggers.cron_expression import read_expression, words_of
from hourbell.triggers.cron_hash import MOST_TRIES, HashSource
from hourbell.triggers.cron_refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hourbell.triggers.cron_day_rules import DayRule
    from hourbell.triggers.cron_fields import CronFields

_LENGTHS = (28, 29, 30, 31)
_LAST_WORDS_OF_DATES = 3


@lru_cache(maxsize=2048)
def compiled(expr: str, schedule_id: str | None = None) -> tuple[CronFields, CronCalendar]:
    """The fields and the calendar of this expression, of at most 256 characters, with `H` chosen for the schedule.

    Without an id, a field with an `H` has everything that could be chosen.

    Raises:
        TriggerError: when it is not understood, or no date ever matches, such as the 30th of February.
    """
    fields = read_expression(expr)
    calendar = _calendar_of(fields)
    if not calendar.ever():
        raise _never(expr, fields)
    if schedule_id is None or not fields.hashed:
        return fields, calendar
    for attempt in range(MOST_TRIES):
        fields = read_expression(expr, HashSource(schedule_id, attempt))
        calendar = _calendar_of(fields)
        if calendar.ever():
            return fields, calendar
    raise TriggerError(f"cron expression {expr!r}: nearly everything that H can choose never comes; narrow its range")


def _calendar_of(fields: CronFields) -> CronCalendar:
    return CronCalendar(
        seconds=fields.second.mask,
        minutes=fields.minute.mask,
        hours=fields.hour.mask,
        months=fields.month.mask,
        days=tuple(tuple(_days(fields, length, first) for first in range(7)) for length in _LENGTHS),
    )


def _never(expr: str, fields: CronFields) -> TriggerError:
    words = words_of(expr)[-_LAST_WORDS_OF_DATES:]
    what = "cron expression, day of month: this date never comes"
    longest = 29 if fields.month.values() == (2,) else 30
    simple = not fields.day_of_month.rules and fields.day_of_week.mask == 0x7F and not fields.day_of_week.rules
    if simple:
        what += f", the longest of its months has {longest} days"
    start, first = words[0]
    end = start + len(first) if simple else words[-1][0] + len(words[-1][1])
    return refusal(expr, start, end - start, what)


def _days(fields: CronFields, length: int, first: int) -> Mask:
    """The matching days of a month of this length whose 1st is the weekday `first` (Monday is 0)."""
    existing = ((1 << (length + 1)) - 1) & ~1
    in_month = fields.day_of_month.mask | _named_by(fields.day_of_month.rules, length, first)
    in_week = _days_of_week(fields.day_of_week.mask, first) | _named_by(fields.day_of_week.rules, length, first)
    return existing & (in_month | in_week if fields.either_day else in_month & in_week)


def _named_by(rules: Iterable[DayRule], length: int, first: int) -> Mask:
    mask = 0
    for rule in rules:
        day = rule.day(length, first)
        if day is not None:
            mask |= 1 << day
    return mask


def _days_of_week(weekdays: Mask, first: int) -> Mask:
    """The days that fall on these weekdays (bit 0 is Sunday) where the 1st is the weekday `first` (0 is Monday)."""
    mask = 0
    for day in range(1, 8):
        if weekdays >> weekday_of(day, first) & 1:
            mask |= _EVERY_SEVENTH << day
    return mask


_EVERY_SEVENTH = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28
