"""A cron expression in words.

The words come from the values that the fields name and not from how they are written, so two expressions that
mean the same are explained alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.triggers.cron_day_rules import LastDay, LastOfWeekday, LastWorkday, NearestWorkday, NthWeekday
from hourbell.triggers.words import clock, joined, numbers, ordinal, runs, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.triggers.cron_day_rules import DayRule
    from hourbell.triggers.cron_fields import CronField, CronFields
    from hourbell.triggers.dst import Fold, Gap

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
# More clock times than this are told by their hours instead.
_MOST_TIMES = 12


def explain_fields(fields: CronFields) -> str:
    """What the fields say: "at 09:00 on Monday to Friday"."""
    if fields.hashed:
        return _undecided(fields)
    times = _times(fields.second.values(), fields.minute.values(), fields.hour.values())
    days = _dates(fields)
    if days:
        return f"{times} {days}"
    return f"{times} every day" if times.startswith("at ") and times[3].isdigit() else times


def explain_policy(gap: Gap | None, fold: Fold | None) -> str:
    """What was chosen for skipped and repeated times, to be put behind the rest; nothing for the default."""
    text = ""
    if gap is not None:
        text += "; a time that the clock skips " + ("is left out" if gap == "skip" else "runs at the end of the gap")
    if fold is not None:
        text += "; a time that comes twice runs at " + ("both" if fold == "both" else f"its {fold}")
    return text


def _times(seconds: Sequence[int], minutes: Sequence[int], hours: Sequence[int]) -> str:
    if len(seconds) > 1:
        return _each_of(seconds, "second", 60) + _in_minutes(minutes, hours)
    second = seconds[0]
    if len(minutes) > 1 or len(hours) == 24:
        if second and len(minutes) == 60:
            return f"at second {second} of every minute{_in_hours(hours)}"
        return _by_minutes(minutes, hours) + (f", at second {second}" if second else "")
    minute = minutes[0]
    run = runs(hours, 24)
    if len(run) == 1 and len(hours) > 2:
        low, high = run[0]
        return f"every hour from {clock(low, minute, second)} to {clock(high, minute, second)}"
    step = step_of(hours, 24)
    if step is not None and len(hours) > 2:
        begin = "" if hours[0] == minute == second == 0 else f" from {clock(hours[0], minute, second)}"
        return f"every {step} hours{begin}"
    if len(hours) <= _MOST_TIMES:
        return "at " + joined([clock(hour, minute, second) for hour in hours])
    return _by_minutes(minutes, hours) + (f", at second {second}" if second else "")


def _by_minutes(minutes: Sequence[int], hours: Sequence[int]) -> str:
    if len(minutes) * len(hours) <= _MOST_TIMES // 2 and len(hours) < 24:
        return "at " + joined([clock(hour, minute) for hour in hours for minute in minutes])
    if minutes == (0,) and len(hours) == 24:
        return "every hour"
    words = _each_of(minutes, "minute", 60)
    if len(hours) == 24:
        return words if words.startswith("every") else f"{words} of every hour"
    return words + _in_hours(hours)


def _each_of(values: Sequence[int], unit: str, size: int) -> str:
    """ "every minute", "every 5 minutes", "at minutes 0, 15 and 40"."""
    step = step_of(values, size)
    if step == 1:
        return f"every {unit}"
    if step is not None and len(values) > 2:
        begin = f" (from {unit} {values[0]})" if values[0] else ""
        return f"every {step} {unit}s{begin}"
    return f"at {unit}{'s' if len(values) > 1 else ''} {numbers(values)}"


def _in_minutes(minutes: Sequence[int], hours: Sequence[int]) -> str:
    if len(minutes) == 60:
        return _in_hours(hours)
    return f" in {_each_of(minutes, 'minute', 60).removeprefix('at ')}" + (_in_hours(hours) or " of every hour")


def _in_hours(hours: Sequence[int]) -> str:
    run = runs(hours, 24)
    if len(hours) == 24:
        return ""
    if len(run) == 1:
        low, high = run[0]
        return f" from {clock(low, 0)} to {clock(high, 59)}"
    return f" in the hours {numbers(hours)}"


def _dates(fields: CronFields) -> str:
    """The days in words; nothing when it is every day of the year."""
    of_month, of_week = fields.day_of_month, fields.day_of_week
    months = "" if len(fields.month.values()) == 12 else _months(fields.month.values())
    any_in_month, any_in_week = len(of_month.values()) == 31, len(of_week.values()) == 7
    # A full field leaves the decision to the other one, except where either is enough: then it is every day.
    if (any_in_month and any_in_week) or (fields.either_day and (any_in_month or any_in_week)):
        return f"every day in {months}" if months else ""
    week = _on_days_of_week(of_week, months)
    if any_in_month:
        return week
    month = f"on {_days_of_month(of_month)} of {months or 'every month'}"
    if any_in_week:
        return month
    if fields.either_day:
        return f"{month} or {week}"
    return f"{month} if that is {_weekdays(of_week, 'or')}"


def _days_of_month(field: CronField) -> str:
    days = [ordinal(low) if low == high else f"{ordinal(low)} to {ordinal(high)}" for low, high in runs(field.values())]
    if days:
        days[0] = f"the {days[0]}"
    return joined(days + [_rule(rule) for rule in field.rules])


def _on_days_of_week(field: CronField, months: str) -> str:
    """ "on Monday in June", "on the 2nd Friday of every month"."""
    parts = []
    if field.mask:
        parts.append(f"on {_weekdays(replace(field, rules=()))}" + (f" in {months}" if months else ""))
    if field.rules:
        parts.append(f"on {joined([_rule(rule) for rule in field.rules])} of {months or 'every month'}")
    return " and ".join(parts)


def _weekdays(field: CronField, last: str = "and") -> str:
    # Told from Monday on, as people plan their weeks.
    order = sorted(runs(field.values(), 7), key=lambda run: (run[0] - 1) % 7)
    days = [_DAYS[low] if low == high else f"{_DAYS[low]} to {_DAYS[high]}" for low, high in order]
    return joined(days + [_rule(rule) for rule in field.rules], last)


def _rule(rule: DayRule) -> str:
    match rule:
        case LastDay(before=0):
            return "the last day"
        case LastDay(before=before):
            return f"the {ordinal(before + 1)}-to-last day"
        case LastWorkday():
            return "the last weekday (Monday to Friday)"
        case NearestWorkday(near=near):
            return f"the weekday (Monday to Friday) nearest to the {ordinal(near)}"
        case NthWeekday(weekday=weekday, nth=nth):
            return f"the {ordinal(nth)} {_DAYS[weekday]}"
        case LastOfWeekday(weekday=weekday):
            return f"the last {_DAYS[weekday]}"
    raise AssertionError(rule)


def _months(months: Sequence[int]) -> str:
    return joined(
        [
            _MONTHS[low - 1] if low == high else f"{_MONTHS[low - 1]} to {_MONTHS[high - 1]}"
            for low, high in runs(months, 12)
        ]
    )


def _undecided(fields: CronFields) -> str:
    """The words for an expression with an `H` that no schedule's id has decided yet."""
    named = [("minute", fields.minute, 60), ("hour", fields.hour, 24)]
    if fields.second.hashed or fields.second.values() != (0,):
        named.insert(0, ("second", fields.second, 60))
    parts = []
    for name, field, size in named:
        full = len(field.values()) == size and not field.hashed
        parts.append(f"any {name}" if full else f"{name} {field.hashed or numbers(field.values())}")
    days = (("day of month", fields.day_of_month), ("month", fields.month), ("day of week", fields.day_of_week))
    parts += [f"{name} {field.hashed}" for name, field in days if field.hashed]
    when = "" if any(field.hashed for _, field in days) else " " + (_dates(fields) or "every day")
    return f"at times that the id of the schedule decides ({', '.join(parts)}){when}"
