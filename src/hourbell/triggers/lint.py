"""Advice about triggers that do what they say, and perhaps not what was meant."""

from __future__ import annotations

from calendar import month_name
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.triggers.cron import Cron
from hourbell.triggers.instants import LATEST, SECOND, as_utc
from hourbell.triggers.interval import Every
from hourbell.triggers.offsets import changes_between
from hourbell.triggers.words import clock, joined, ordinal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from hourbell.triggers.cron_fields import CronField, CronFields
    from hourbell.triggers.offsets import OffsetChange
    from hourbell.triggers.trigger import Trigger
    from hourbell.triggers.wall_rule import WallRule

_DAY = timedelta(days=1)
# In twenty-eight years every date has fallen on every weekday.
_AHEAD = timedelta(days=28 * 366)
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MANY = 3


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know about a trigger. `about` is stable and short, `text` is for people."""

    about: str
    text: str


def lint(trigger: Trigger, *, after: datetime) -> tuple[Advice, ...]:
    """What is worth knowing about this trigger, seen from `after`; nothing of it is an error.

    `about` is one of `dst-gap`, `dst-fold`, `midnight`, `short-months`, `either-day`, `uneven-step`, `every-minute`,
    `elapsed-days`.

    Raises:
        TriggerError: when `after` is naive.
    """
    found: list[Advice] = []
    rule = trigger.wall_rule()
    start = as_utc(after, "after")
    if isinstance(trigger, Cron) and (fields := trigger.fields()) is not None:
        found += _about_fields(fields)
        if rule is not None and len(fields.hour.values()) < 24:
            found += _about_changes(rule, start)
    elif rule is not None:
        found += _about_changes(rule, start)
    if isinstance(trigger, Every) and trigger.period % _DAY == timedelta(0):
        text = (
            "a day is 24 hours of elapsed time here, so its time of day moves when the clock changes; "
            "CalendarEvery(days=…) stays at one time of the wall clock"
        )
        found.append(Advice("elapsed-days", text))
    return tuple(found)


def lint_all(triggers: Mapping[str, Trigger]) -> tuple[Advice, ...]:
    """What is worth knowing about schedules together, by their ids: many that run at the same time of day."""
    times: dict[str, list[str]] = {}
    for schedule_id, trigger in triggers.items():
        if isinstance(trigger, Cron) and (fields := trigger.fields()) is not None and not fields.hashed:
            minutes, hours = fields.minute.values(), fields.hour.values()
            if len(minutes) == len(hours) == 1:
                times.setdefault(f"{clock(hours[0], minutes[0])} {trigger.timezone or 'UTC'}", []).append(schedule_id)
    counts = Counter({moment: len(ids) for moment, ids in times.items()})
    return tuple(
        Advice(
            "same-time",
            f"{count} of {len(triggers)} schedules run at {moment}: {_named(times[moment])}; a minute of its own for "
            "each, as in 'H 0 * * *', spreads the load",
        )
        for moment, count in counts.most_common()
        if count >= _MANY
    )


def _named(ids: list[str]) -> str:
    shown = sorted(ids)[:_MANY]
    return joined([*shown, "others"] if len(ids) > _MANY else shown)


def _about_fields(fields: CronFields) -> Iterator[Advice]:
    minutes, hours = fields.minute.values(), fields.hour.values()
    if minutes == hours == (0,) and fields.second.values() == (0,) and not fields.hashed:
        text = "midnight is when most schedules of the world run; 'H H(0-5) * * *' gives each a time of its own"
        yield Advice("midnight", text)
    yield from _about_dates(fields)
    yield from _about_steps(fields)
    if len(minutes) == 60 and len(hours) == 1 and not fields.hashed:
        text = (
            f"every minute from {clock(hours[0], 0)} to {clock(hours[0], 59)}, 60 times; once is '0 {hours[0]} * * *'"
        )
        yield Advice("every-minute", text)


def _about_dates(fields: CronFields) -> Iterator[Advice]:
    months, days = fields.month.values(), fields.day_of_month.values()
    last = days[-1] if days and not fields.day_of_month.hashed else 0
    # A stretch up to the 31st is a way to say "the last week"; a lone 31st is not.
    short = [month for month in months if _LENGTHS[month - 1] < last]
    if last > 28 and last - 1 not in days and (short or (last == 29 and 2 in months)):
        if short:
            names = joined([month_name[month] for month in short], "or")
            text = f"there is no {ordinal(last)} of {names}, which are passed over; the last day of a month is L"
            if len(short) == 1:
                text = text.replace("which are", "which is")
        else:
            text = "there is a 29th of February in leap years only; the last day of a month is L"
        yield Advice("short-months", text)
    if fields.either_day and 0 < len(days) < 31 and fields.day_of_week.mask != 0x7F and not fields.hashed:
        text = "either day field is enough, as in every cron; for both, a + before the day of week: '13 * +fri'"
        yield Advice("either-day", text)


def _about_steps(fields: CronFields) -> Iterator[Advice]:
    for name, field, size, unit in (("minutes", fields.minute, 60, "m"), ("hours", fields.hour, 24, "h")):
        step = _uneven_step(field, size)
        if step is not None:
            last = field.values()[-1]
            text = (
                f"every {step} {name} but at the turn: from {last} it is {size - last} to the next 0; "
                f"an even rhythm is '@every {step}{unit}'"
            )
            yield Advice("uneven-step", text)


def _uneven_step(field: CronField, size: int) -> int | None:
    values = field.values()
    if not field.starred or len(values) < 2 or values[0] != 0:
        return None
    step = values[1]
    return step if values == tuple(range(0, size, step)) and size % step else None


def _about_changes(rule: WallRule, start: datetime) -> Iterator[Advice]:
    """The next change of the clock that skips times of the rule, and the next that repeats some."""
    seen: set[bool] = set()
    for change in changes_between(rule.zone, start, min(start, LATEST - _AHEAD) + _AHEAD):
        times = [] if change.skips in seen else _times_within(rule, change)
        if times:
            yield _about_gap(rule, change, times) if change.skips else _about_fold(rule, change, times)
            seen.add(change.skips)
        if len(seen) == 2:
            return


def _times_within(rule: WallRule, change: OffsetChange) -> list[str]:
    """The rule's first times that the change skips or repeats."""
    found: list[str] = []
    local = rule.pattern.after(change.first - SECOND)
    while local is not None and local < change.end and len(found) <= _MANY:
        found.append(clock(local.hour, local.minute, local.second))
        local = rule.pattern.after(local)
    return found


def _about_gap(rule: WallRule, change: OffsetChange, times: list[str]) -> Advice:
    if rule.policy.over(change).gap == "next_valid":
        fate, other = f"run once, at {_time(change.end)}", "skip"
    else:
        fate, other = "do not run", "next_valid"
    return Advice("dst-gap", f"{_what(rule, change)}: {_shown(times, fate)}; gap={other!r} says otherwise")


def _about_fold(rule: WallRule, change: OffsetChange, times: list[str]) -> Advice:
    fold = rule.policy.over(change).fold
    fate, other = ("run twice", "first") if fold == "both" else (f"run only at the {fold} occurrence", "both")
    return Advice("dst-fold", f"{_what(rule, change)}: {_shown(times, fate)}; fold={other!r} says otherwise")


def _what(rule: WallRule, change: OffsetChange) -> str:
    day = f"{change.first.day} {month_name[change.first.month]} {change.first.year}"
    verb = "skips" if change.skips else "repeats"
    return f"{rule.zone} {verb} {_time(change.first)} to {_time(change.end)}, next on {day}"


def _shown(times: list[str], fate: str) -> str:
    if len(times) == 1:
        verb, _, rest = fate.partition(" ")
        return f"{times[0]} {'does' if verb == 'do' else 'runs'} {rest}".replace("runs once, at", "runs at")
    return f"{joined(times) if len(times) <= _MANY else ', '.join(times[:_MANY]) + ' and so on'} {fate}"


def _time(local: datetime) -> str:
    return clock(local.hour, local.minute, local.second)
