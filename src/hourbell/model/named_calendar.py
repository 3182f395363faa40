"""A calendar that is stored under a name, for schedules to refer to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hourbell.errors import Conflict, NotFound, TriggerError
from hourbell.triggers.calendars import Calendar
from hourbell.triggers.cover import Cover

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

_KEPT = 64
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCalendar:
    """A calendar as it was read from the store. Instants are aware UTC; ``version`` counts its changes, from 1."""

    name: str
    spec: str
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def calendar(self) -> Calendar:
        """The calendar itself. Raises TriggerError when this version of Hourbell cannot read it."""
        return _read(self.spec)


def cover_of(calendars: Iterable[NamedCalendar]) -> Cover:
    """The windows of all of these. Raises TriggerError when one cannot be read."""
    return Cover(tuple(part for named in calendars for part in named.calendar.cover.parts))


def missing_calendar(name: str) -> NotFound:
    """The error for a name that no calendar has."""
    return NotFound(f"there is no calendar {name!r}; the list of calendars shows those that there are")


def still_named(name: str, schedules: Sequence[str]) -> Conflict:
    """The error for a calendar that is to be removed while schedules name it."""
    shown = ", ".join(map(repr, schedules[:_SHOWN])) + (", …" if len(schedules) > _SHOWN else "")
    return Conflict(
        f"calendar {name!r} is named by {len(schedules)} schedule{'s' if len(schedules) > 1 else ''} ({shown}): change "
        "their policy blackout first, or give force=True; they would not fire then until it is there again"
    )


@lru_cache(maxsize=_KEPT)
def _read(spec: str) -> Calendar:
    try:
        return Calendar.from_spec(json.loads(spec))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, TriggerError):
            raise
        raise TriggerError("what is stored of a calendar is no JSON that can be read; store it again") from None
