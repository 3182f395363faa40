"""`Every`: elapsed time. It knows no zone and no daylight saving: six hours are six hours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Never, Self

from hourbell.errors import TriggerError
from hourbell.triggers.instants import LATEST, as_utc, read_instant, write_instant
from hourbell.triggers.spec import (
    Spec,
    check_fields,
    number_field,
    optional_instant,
    optional_instant_field,
)
from hourbell.triggers.trigger import COUNT_CAP, Trigger, check_cap
from hourbell.triggers.words import duration

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORTEST = timedelta(milliseconds=100)
LONGEST = timedelta(days=36_525)


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Every(Trigger):
    """Every so often, in elapsed time, on a grid that restarts do not move.

    With a `start`, the fires are the start itself and every whole period after it. Without one, the trigger is
    anchored when its schedule is first stored, and the first fire comes one period later. `end` is included.

    Args:
        weeks, days, hours, minutes, seconds: the period, their sum, from 0.1 seconds to 100 years.
        start, end: aware datetimes, or RFC 3339 text such as `"2026-01-31T09:00:00Z"`.

    Raises:
        TriggerError: when the period is out of bounds or an instant is naive, or the end comes before the start.
    """

    kind: ClassVar[str] = "every"

    period: timedelta
    start: datetime | None
    end: datetime | None
    anchor: datetime | None
    """Where the grid begins when there is no start; put in by the store, no part of what the user declared."""

    def __init__(
        self,
        *unnamed: Never,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
    ) -> None:
        if unnamed:
            raise TriggerError(_without_unit(unnamed[0]))
        period = _period(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        self._fill(period, _bound(start, "start"), _bound(end, "end"), None)

    def _fill(self, period: timedelta, start: datetime | None, end: datetime | None, anchor: datetime | None) -> None:
        if start is not None and end is not None and end < start:
            raise TriggerError(
                f"Every can never fire: its end {write_instant(end)} is before its start {write_instant(start)}"
            )
        # The class is frozen; this is its constructor.
        object.__setattr__(self, "period", period)
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "end", end)
        object.__setattr__(self, "anchor", anchor)

    def __repr__(self) -> str:
        parts = [f"seconds={_plain_number(self.period)}"]
        for name in ("start", "end", "anchor"):
            instant = getattr(self, name)
            if instant is not None:
                parts.append(f"{name}={write_instant(instant)!r}")
        return f"Every({', '.join(parts)})"

    def next_after(self, instant: datetime) -> datetime | None:
        """The first fire strictly later than `instant`, in UTC; None when the end is passed.

        Raises:
            TriggerError: when `instant` is naive, or there is neither a start nor an anchor.
        """
        base, first = self._grid()
        step = max(first, (as_utc(instant) - base) // self.period + 1)
        last = self._last_step(base)
        return None if step > last else base + step * self.period

    def prev_before(self, instant: datetime) -> datetime | None:
        """The last fire strictly earlier than `instant`, in UTC; None when there is none.

        Raises:
            TriggerError: when `instant` is naive, or there is neither a start nor an anchor.
        """
        base, first = self._grid()
        step = min(self._last_step(base), -((base - as_utc(instant)) // self.period) - 1)
        return None if step < first else base + step * self.period

    def count_between(self, start: datetime, end: datetime, cap: int = COUNT_CAP) -> int:
        """How many fires there are later than `start` and not later than `end`, at most `cap`.

        Raises:
            TriggerError: when an instant is naive, `cap` is not positive, or there is neither start nor anchor.
        """
        check_cap(cap)
        base, first = self._grid()
        passed = max(first - 1, (as_utc(start) - base) // self.period)
        reached = min(self._last_step(base), (as_utc(end) - base) // self.period)
        return min(cap, max(0, reached - passed))

    def explain(self) -> str:
        """What the rule says, in plain English."""
        text = "every " + duration(self.period)
        if self.start is not None:
            text += f", counted from {write_instant(self.start)}"
        elif self.anchor is not None:
            text += f", counted from {write_instant(self.anchor)}"
        return text if self.end is None else f"{text}, until {write_instant(self.end)}"

    def to_spec(self) -> Spec:
        """The rule as JSON values; with the field `anchor` only when the store has anchored it."""
        spec = self.declared_spec()
        if self.anchor is not None:
            spec["anchor"] = write_instant(self.anchor)
        return spec

    def declared_spec(self) -> Spec:
        """The spec without the anchor: what the user declared."""
        return {
            "kind": self.kind,
            "seconds": self.period.total_seconds(),
            "start": optional_instant(self.start),
            "end": optional_instant(self.end),
        }

    @classmethod
    def read_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The trigger that the spec writes.

        Raises:
            TriggerError: naming the field that is missing, unknown or wrong.
        """
        check_fields(spec, required=("seconds",), optional=("start", "end", "anchor"))
        start, end, anchor = (_bound(optional_instant_field(spec, name), name) for name in ("start", "end", "anchor"))
        if start is not None and anchor is not None:
            raise TriggerError("trigger of kind 'every': the field 'anchor' has no meaning beside a 'start'")
        trigger = cls.__new__(cls)
        trigger._fill(_period(seconds=number_field(spec, "seconds")), start, end, anchor)
        return trigger

    def anchored(self, instant: datetime) -> Every:
        """This trigger counted from the whole second of `instant`, unless it has a start or an anchor already.

        Raises:
            TriggerError: when `instant` is naive.
        """
        if self.start is not None or self.anchor is not None:
            return self
        trigger = Every.__new__(Every)
        trigger._fill(self.period, None, self.end, as_utc(instant).replace(microsecond=0))
        return trigger

    def _grid(self) -> tuple[datetime, int]:
        """Where the grid begins, and the number of its first step that is a fire."""
        if self.start is not None:
            return self.start, 0
        if self.anchor is not None:
            return self.anchor, 1
        raise TriggerError(
            "this Every has no start yet, so it has no fires: give it a start, or ask .anchored(instant)"
        )

    def _last_step(self, base: datetime) -> int:
        """The number of the last step that is a fire; where instants end when there is no other.

        Beyond that every question is taken for one about the end itself, so a fire there would come again and again.
        """
        return ((self.end or LATEST) - base) // self.period


def _period(**parts: float) -> timedelta:
    for name, value in parts.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TriggerError(f"Every: {name} must be a number, not {type(value).__name__}")
    try:
        if not all(map(math.isfinite, parts.values())):
            raise TriggerError("Every: the period must be a finite number")
        period = timedelta(**parts)
    except OverflowError:
        raise TriggerError("Every: the period is out of bounds; the longest is 100 years") from None
    if period <= timedelta(0):
        raise TriggerError("Every: the period must be more than zero, such as Every(minutes=10)")
    if period < SHORTEST:
        raise TriggerError("Every: the period is too short; the shortest is 0.1 seconds")
    if period > LONGEST:
        raise TriggerError("Every: the period is too long; the longest is 100 years")
    return period


def _without_unit(given: object) -> str:
    if isinstance(given, timedelta):
        return f"every takes no timedelta: name the unit, as in every(seconds={given.total_seconds():g})"
    if isinstance(given, int | float):
        return f"every {given:g} of what? Name the unit, as in every(minutes={given:g}) or every(seconds={given:g})"
    return "every takes its period by name, as in every(minutes=10)"


def _bound(value: datetime | str | None, name: str) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = read_instant(value, name)
    return as_utc(value, name)


def _plain_number(period: timedelta) -> str:
    seconds = period.total_seconds()
    return str(int(seconds)) if seconds.is_integer() else str(seconds)
