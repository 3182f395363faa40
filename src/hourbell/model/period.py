"""The stretch of time within which a piece of work is to be done once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

Stretch = Literal["hour", "day", "week", "month"]

ALWAYS = "always"
"""The label of what is done once and for all, or once for a time after it was done."""

_FORMS: Mapping[str, str] = {"hour": "%Y-%m-%dT%H%z", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
_LONGEST = timedelta(days=10 * 366)


@dataclass(frozen=True, slots=True)
class Period:
    """``stretch``  of the calendar; or ``lasting``  so long after the work was done; or neither: for ever."""

    stretch: Stretch | None = None
    lasting: timedelta | None = None

    @classmethod
    def of(cls, given: object) -> Period:
        """What a user gave: None, the name of a stretch, a timedelta. Raises InvalidArguments."""
        if given is None:
            return cls()
        if isinstance(given, timedelta):
            if not timedelta(0) < given <= _LONGEST:
                raise InvalidArguments(f"period={given!r}: give more than nothing and at most ten years")
            return cls(lasting=given)
        for stretch in ("hour", "day", "week", "month"):
            if given == stretch:
                return cls(stretch)
        raise InvalidArguments(f"period={given!r}: give 'hour', 'day', 'week', 'month', a timedelta, or None for ever")

    def label(self, instant: datetime, zone: ZoneInfo) -> str:
        """The stretch that an instant belongs to, by the wall clock of a zone: two instants of one stretch, one label.

        The hour that a change of the clock repeats is two hours; a week is the ISO week, from Monday.
        """
        if self.stretch is None:
            return ALWAYS
        return f"{self.stretch} {instant.astimezone(UTC).astimezone(zone).strftime(_FORMS[self.stretch])}"

    def kept(self, retention: timedelta) -> timedelta | None:
        """For how long it is remembered that the work was done; None: always."""
        if self.stretch is not None:
            return retention
        return self.lasting


def zone_named_in(spec: Mapping[str, Any]) -> str | None:
    """The zone that a trigger's spec names first, its own before those of its parts; None when it names none."""
    waiting: list[Any] = [spec]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, dict):
            if isinstance(one.get("timezone"), str):
                return str(one["timezone"])
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return None
