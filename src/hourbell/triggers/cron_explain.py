"""A cron expression in words.

The words come from the values that the fields name and not from how they are written, so two expressions that
mean the same are explained alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.triggers.words import clock, joined, numbers, ordinal, runs, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.triggers.cron_fields import CronFields
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
    in_month, in_week = fields.day_of_month.values(), fields.day_of_week.values()
    months = "" if len(fields.month.values()) == 12 else _months(fields.month.values())
    any_in_month, any_in_week = len(in_month) == 31, len(in_week) == 7
    # A full field leaves the decision to the other one, except where either is enough: then it is every day.
    if (any_in_month and any_in_week) or (fields.either_day and (any_in_month or any_in_week)):
        return f"every day in {months}" if months else ""
    if any_in_month:
        return f"on {_weekdays(in_week)} in {months}" if months else f"on {_weekdays(in_week)}"
    month = f"on the {_ordinals(in_month)} of {months or 'every month'}"
    if any_in_week:
        return month
    if fields.either_day:
        return f"{month} or on {_weekdays(in_week)}" + (f" in {months}" if months else "")
    return f"{month} if that is {_weekdays(in_week, 'or')}"


def _ordinals(days: Sequence[int]) -> str:
    return joined([ordinal(low) if low == high else f"{ordinal(low)} to {ordinal(high)}" for low, high in runs(days)])


def _months(months: Sequence[int]) -> str:
    return joined(
        [
            _MONTHS[low - 1] if low == high else f"{_MONTHS[low - 1]} to {_MONTHS[high - 1]}"
            for low, high in runs(months, 12)
        ]
    )


def _weekdays(days: Sequence[int], last: str = "and") -> str:
    # Told from Monday on, as people plan their weeks.
    order = sorted(runs(days, 7), key=lambda run: (run[0] - 1) % 7)
    return joined([_DAYS[low] if low == high else f"{_DAYS[low]} to {_DAYS[high]}" for low, high in order], last)
