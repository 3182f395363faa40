"""From the parts of a recurrence rule and its start to the local times that it names."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from hourbell.errors import TriggerError
from hourbell.triggers.rrule_days import LAST_YEAR, DayRule
from hourbell.triggers.rrule_parts import RuleParts, read_rule
from hourbell.triggers.rrule_times import RuleTimes, Times, ever_placed, placed_times, product, stepped

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS: Mapping[str, str] = {"WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
_DAY_PARTS = ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO")
_HOURS, _MINUTES, _SECONDS = frozenset(range(24)), frozenset(range(60)), frozenset(range(60))
_END = datetime(LAST_YEAR, 12, 31, 23, 59, 59)  # noqa: DTZ001 - a wall-clock time


@lru_cache(maxsize=512)
def compiled(rule: str, first: datetime) -> RuleTimes:
    """The times of a tidied rule that starts at `first`, a naive whole second.

    Raises:
        TriggerError: when the rule is not understood, or has fewer times than it counts.
    """
    parts = read_rule(rule)
    days = _days(parts, first)
    times = _times(parts, first)
    positions = parts.numbers("BYSETPOS")
    if positions and parts.frequency == "DAILY":
        times, positions = placed_times(times, positions), frozenset()
    elif positions and parts.frequency == "WEEKLY":
        days, positions = _placed_weekdays(days, times, positions), frozenset()
    found = RuleTimes(days, times, positions, first, _END)
    never = positions and not ever_placed(days, times, positions)
    if not times or never or (days.unit == "week" and not days.weekdays):
        return RuleTimes(days, times, positions, first, first.min)
    if parts.count is None:
        return found
    last = found.nth(parts.count)
    return found if last is None else RuleTimes(days, times, positions, first, last)


def needs_start(parts: RuleParts) -> bool:
    """Whether the times depend on where the rule starts: on its day, or on what is counted from it."""
    if parts.interval > 1 or parts.count is not None:
        return True
    if parts.frequency in ("SECONDLY", "MINUTELY", "HOURLY", "DAILY"):
        return False
    named = parts.weekdays or parts.nth or any(parts.numbers(name) for name in _DAY_PARTS[:2])
    return not named


def _days(parts: RuleParts, first: datetime) -> DayRule:
    months, month_days, weekdays = parts.numbers("BYMONTH"), parts.numbers("BYMONTHDAY"), parts.weekdays
    by_month = bool(months)
    if not (weekdays or parts.nth or any(parts.numbers(name) for name in _DAY_PARTS)):
        if parts.frequency == "YEARLY":
            months, month_days = months or frozenset({first.month}), frozenset({first.day})
        elif parts.frequency == "MONTHLY":
            month_days = frozenset({first.day})
        elif parts.frequency == "WEEKLY":
            weekdays = frozenset({first.weekday()})
    elif parts.numbers("BYWEEKNO") and not (weekdays or month_days or parts.numbers("BYYEARDAY")):
        weekdays = frozenset({first.weekday()})
    unit = _UNITS.get(parts.frequency, "day")
    return DayRule(
        unit=unit,
        interval=parts.interval if unit != "day" or parts.frequency == "DAILY" else 1,
        start=first.date(),
        week_start=parts.week_start,
        months=months,
        month_days=month_days,
        year_days=parts.numbers("BYYEARDAY"),
        weeks=parts.numbers("BYWEEKNO"),
        weekdays=weekdays,
        nth=parts.nth,
        nth_in_month=parts.frequency == "MONTHLY" or by_month,
    )


def _times(parts: RuleParts, first: datetime) -> Times:
    hours, minutes, seconds = (parts.numbers(name) for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    own_second = seconds or frozenset({first.second})
    begin = first.hour * 3600 + first.minute * 60
    if parts.frequency == "SECONDLY":
        allowed = product(hours or _HOURS, minutes or _MINUTES, seconds or _SECONDS)
        return stepped(begin + first.second, parts.interval) & allowed
    if parts.frequency == "MINUTELY":
        whole = stepped(begin, parts.interval * 60) * sum(1 << second for second in own_second)
        return whole & product(hours or _HOURS, minutes or _MINUTES, _SECONDS)
    if parts.frequency == "HOURLY":
        counted = frozenset(hour for hour in hours or _HOURS if (hour - first.hour) % parts.interval == 0)
        return product(counted, minutes or frozenset({first.minute}), own_second)
    return product(hours or frozenset({first.hour}), minutes or frozenset({first.minute}), own_second)


def _placed_weekdays(days: DayRule, times: Times, positions: frozenset[int]) -> DayRule:
    """The days of the week at these positions; they are the same in every week."""
    if times.bit_count() > 1:
        raise TriggerError(
            "RRule: BYSETPOS with FREQ=WEEKLY and several times of day is not supported; say the days and times"
        )
    order = sorted(days.weekdays, key=lambda weekday: (weekday - days.week_start) % 7)
    places = {position - 1 if position > 0 else len(order) + position for position in positions}
    kept = frozenset(order[place] for place in places if 0 <= place < len(order))
    return replace(days, weekdays=kept)
