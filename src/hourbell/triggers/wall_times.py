"""Days and times of day as a user writes them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, tzinfo
from typing import TypeAlias

from hourbell.errors import TriggerError
from hourbell.triggers.instants import as_utc, read_instant, write_instant
from hourbell.triggers.wall_clock import resolve_local

Moment: TypeAlias = date | datetime

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
# One year of room at either end, so that no zone's offset leads out of the calendar.
_FIRST_YEAR, _LAST_YEAR = 2, 9998
_LENGTH_OF_DAY = len("2026-01-31")


def read_day(value: object, what: str) -> date:
    """A date, or its text `2026-01-31`.

    Raises:
        TriggerError: when it is something else (a datetime too: which day it is depends on a zone), or out of bounds.
    """
    day = value
    if isinstance(value, str):
        try:
            day = date.fromisoformat(value) if _DAY.fullmatch(value) else None
        except ValueError as error:
            raise TriggerError(f"{what}: {value!r} is not a day: {error}", place=(what,)) from None
        if day is None:
            raise TriggerError(f"{what}: {value[:40]!r} is not a day; write it as 2026-01-31", place=(what,))
    if isinstance(day, datetime) or not isinstance(day, date):
        raise TriggerError(f"{what} must be a date or text such as '2026-01-31', not {type(value).__name__}")
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise TriggerError(
            f"{what}: the year {day.year} is out of bounds, {_FIRST_YEAR} to {_LAST_YEAR}", place=(what,)
        )
    return day


def read_time(value: object, what: str) -> time:
    """A naive time of day in whole seconds, or its text `09:00` or `09:00:30`.

    Raises:
        TriggerError: when it is something else.
    """
    if isinstance(value, str):
        found = _TIME.fullmatch(value)
        parts = [int(part or 0) for part in found.groups()] if found else []
        if not parts or parts[0] > 23 or parts[1] > 59 or parts[2] > 59:
            raise TriggerError(
                f"{what}: {value[:40]!r} is not a time of day; write it as 09:00 or 09:00:30", place=(what,)
            )
        return time(parts[0], parts[1], parts[2])
    if not isinstance(value, time):
        raise TriggerError(f"{what} must be a time of day or text such as '09:00', not {type(value).__name__}")
    if value.tzinfo is not None or value.microsecond:
        raise TriggerError(f"{what}: {value.isoformat()} must be a time of the wall clock, in whole seconds")
    return value.replace(fold=0)


def write_time(moment: time) -> str:
    """How a time of day stands in a spec: `09:00`, with seconds only when there are some."""
    return moment.isoformat("seconds" if moment.second else "minutes")


def read_moment(value: object, what: str) -> Moment:
    """A date; an aware datetime, then in UTC; or a naive one, a time of the wall clock. Each also as text.

    Raises:
        TriggerError: when it is something else, or out of bounds.
    """
    if isinstance(value, str):
        value = read_day(value, what) if len(value) == _LENGTH_OF_DAY else read_instant(value, what)
    if not isinstance(value, datetime):
        return read_day(value, what)
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise TriggerError(
            f"{what}: the year {value.year} is out of bounds, {_FIRST_YEAR} to {_LAST_YEAR}", place=(what,)
        )
    return value.replace(fold=0) if value.utcoffset() is None else as_utc(value)


def write_moment(moment: Moment) -> str:
    """How such a moment stands in a spec."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    return write_instant(moment) if moment.tzinfo is not None else moment.isoformat()


def instant_of(place: tzinfo, moment: Moment) -> datetime:
    """The instant in UTC: of a wall-clock time the first, or the end of the gap that skips it; of a date its start."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return resolve_local(place, moment).astimezone(UTC) if moment.tzinfo is None else moment
