"""APScheduler's trigger names and arguments, as its `add_job` takes them, read as triggers of ours."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from hourbell import At, Cron, Every, Trigger, TriggerError

_CRON = ("year", "month", "day", "week", "day_of_week", "hour", "minute", "second")
_INTERVAL = ("weeks", "days", "hours", "minutes", "seconds")
_WINDOW = ("start_date", "end_date", "timezone", "jitter")
_TAKES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"cron": (*_CRON, *_WINDOW), "interval": (*_INTERVAL, *_WINDOW), "date": ("run_date", "timezone")}
)
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[ T]([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{1,6}))?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_YEARS = re.compile(r"([0-9]{4})(?:-([0-9]{4}))?")
_SHOWN = 40


def read_trigger(name: str, given: Mapping[str, Any], zone: str, now: datetime) -> tuple[Trigger, dict[str, Any]]:
    """The trigger of this name (``cron``, ``interval`` or ``date``), and the policies that its arguments ask for.

    The arguments mean what they mean in APScheduler 3: of the days of the week 0 is Monday; fields less than the least
    one given are at their minimum and greater ones `*`; a date without a time is its midnight; an interval without a
    ``start_date`` begins one period from now; ``date`` without ``run_date`` is ``now``. ``zone`` is that of times which
    name none. Raises TriggerError: an unknown name or argument, a value that means nothing, or (where APScheduler would
    fire every second) no field or period at all.
    """
    takes = _TAKES.get(name)
    if takes is None:
        raise TriggerError(f"there is no trigger {name[:_SHOWN]!r}: give 'cron', 'interval' or 'date'")
    for argument in given:
        if argument not in takes:
            near = difflib.get_close_matches(argument[:_SHOWN], takes, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(takes)}"
            raise TriggerError(f"the trigger {name!r} takes no argument {argument[:_SHOWN]!r}; {advice}")
    values = {argument: value for argument, value in given.items() if value is not None}
    place = _text(values, "timezone")
    policies = {"jitter": values["jitter"]} if "jitter" in values else {}
    if name == "cron":
        return _cron(values, place, zone), policies
    if name == "interval":
        return _interval(values, place or zone), policies
    moment = _moment(values, "run_date", place or zone)
    return At(moment if moment is not None else now, place or zone), {}


def _cron(values: Mapping[str, Any], place: str | None, zone: str) -> Trigger:
    fields = {name: values[name] for name in _CRON if name in values}
    years = _years(fields.pop("year", "*"))
    if years is not None and not fields:  # less than the least field given: at its minimum
        fields = {"month": 1}
    trigger: Trigger = Cron(timezone=place, **fields)
    start, end = _moment(values, "start_date", place or zone), _moment(values, "end_date", place or zone)
    if years is not None:
        opens, following = (At(f"{year:04}-01-01T00:00:00", place or zone).instant for year in (years[0], years[1] + 1))
        closes = following - timedelta(microseconds=1)
        start, end = max(start or opens, opens), min(end or closes, closes)
    return trigger if start is None and end is None else trigger.between(start, end, place)


def _interval(values: Mapping[str, Any], zone: str) -> Trigger:
    periods = {name: values[name] for name in _INTERVAL if name in values}
    for name, value in periods.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TriggerError(f"interval: {name} must be a number")
    if not any(periods.values()):
        raise TriggerError(f"interval: give a period: {', '.join(_INTERVAL)}")
    start, end = _moment(values, "start_date", zone), _moment(values, "end_date", zone)
    return Every(**periods, start=start, end=end)


def _years(value: object) -> tuple[int, int] | None:
    """The first and the last year that a field of cron names; None for all of them."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if text == "*":
        return None
    found = _YEARS.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise TriggerError("cron: give year as one year or as two with a dash, 2030 or '2030-2032'")
    first, last = int(found[1]), int(found[2] or found[1])
    if not 2 <= first <= last <= 9990:
        raise TriggerError("cron: year is out of bounds, or its end is before its beginning")
    return first, last


def _moment(values: Mapping[str, Any], name: str, zone: str) -> datetime | None:
    """The instant that an argument names, in the zone when it says no offset itself."""
    text = _text(values, name)
    if text is None:
        return None
    found = _DATE.fullmatch(text) if len(text) <= _SHOWN else None
    if found is None:
        raise TriggerError(f"{name}: write a date as 2030-01-31, or 2030-01-31T09:00:00, or with an offset at its end")
    year, *parts, fraction, offset = found.groups()
    month, day, hour, minute, second = ((part or "0").zfill(2) for part in parts)
    text = f"{year}-{month}-{day}T{hour}:{minute}:{second}.{fraction or '0'}{offset or ''}"
    try:
        return At(text, zone).instant
    except TriggerError as error:
        raise TriggerError(f"{name}: {error}") from None


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise TriggerError(f"{name} must be text")
    return value
