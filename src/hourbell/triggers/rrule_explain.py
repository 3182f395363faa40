"""A recurrence rule in plain English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.triggers.rrule_parts import FREQUENCIES
from hourbell.triggers.wall_times import write_moment
from hourbell.triggers.words import clock, joined, numbers, ordinal

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.triggers.rrule_parts import RuleParts

_UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MOST_TIMES = 4


def explain_rule(parts: RuleParts, first: datetime | None) -> str:
    """What the rule says; what it takes from its start is said too, when that is known."""
    unit = _UNITS[parts.level]
    words = [f"every {unit}" if parts.interval == 1 else f"every {parts.interval} {unit}s"]
    words += _days(parts, first)
    months = [_MONTHS[number - 1] for number in sorted(parts.numbers("BYMONTH"))]
    if months:
        words.append(f"in {joined(months)}")
    words += _times(parts, first)
    if positions := parts.numbers("BYSETPOS"):
        words.append(f"(of these only the {_nth_list(positions)})")
    text = " ".join(words)
    if parts.count is not None:
        text += ", once" if parts.count == 1 else f", {parts.count} times"
    if parts.until is not None:
        text += f", until {write_moment(parts.until)}"
    return text


def _days(parts: RuleParts, first: datetime | None) -> list[str]:
    said = []
    if weeks := parts.numbers("BYWEEKNO"):
        said.append(f"in the {_nth_list(weeks)} week of the year")
    if year_days := parts.numbers("BYYEARDAY"):
        said.append(f"on the {_nth_list(year_days)} day of the year")
    if month_days := parts.numbers("BYMONTHDAY"):
        said.append(f"on the {_nth_list(month_days)} day of the month")
    named = [_DAYS[day] for day in sorted(parts.weekdays)]
    named += [f"the {_nth(number)} {_DAYS[day]}" for number, day in sorted(parts.nth)]
    if named:
        said.append(f"on {joined(named)}")
    if said or first is None or first.year < 1000:
        return said
    if parts.frequency == "YEARLY" and not parts.numbers("BYMONTH"):
        return [f"on {first.day} {_MONTHS[first.month - 1]}"]
    if parts.frequency in ("YEARLY", "MONTHLY"):
        return [f"on the {ordinal(first.day)}"]
    return [f"on {_DAYS[first.weekday()]}"] if parts.frequency == "WEEKLY" else []


def _times(parts: RuleParts, first: datetime | None) -> list[str]:
    hours, minutes, seconds = (sorted(parts.numbers(name)) for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    if parts.level < FREQUENCIES.index("DAILY") or first is None:
        named = (("second", seconds), ("minute", minutes), ("hour", hours))
        return [f"in {unit} {numbers(values)}" for unit, values in named if values]
    hours, minutes, seconds = hours or [first.hour], minutes or [first.minute], seconds or [first.second]
    count = len(hours) * len(minutes) * len(seconds)
    if count > _MOST_TIMES:
        return [f"at {count} times of the day, in hours {numbers(hours)}"]
    return ["at " + joined([clock(hour, minute, second) for hour in hours for minute in minutes for second in seconds])]


def _nth_list(values: frozenset[int]) -> str:
    return joined([_nth(number) for number in sorted(values, key=lambda number: (number < 0, number))])


def _nth(number: int) -> str:
    if number == -1:
        return "last"
    return ordinal(number) if number > 0 else f"{ordinal(-number)} last"
