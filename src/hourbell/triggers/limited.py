"""`trigger.limit(count)`: at most so many fires."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.errors import TriggerError
from hourbell.triggers.branches import Branches, checked, refuse_never
from hourbell.triggers.combined import Combined, branches_of, part_of
from hourbell.triggers.instants import EARLIEST, as_utc, write_instant
from hourbell.triggers.spec import Spec, check_fields, optional_instant, optional_instant_field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hourbell.triggers.trigger import Trigger

MOST = 1_000
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Limit(Combined):
    """Made by `Trigger.limit`. Counted from `start`; without one from the trigger's own start, if it has one, else from
    the instant in which the schedule is first stored (`anchor`)."""

    kind: ClassVar[str] = "limit"

    trigger: Trigger
    count: int
    start: datetime | None = None
    anchor: datetime | None = None
    _branches: Branches | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if type(self.count) is not int or not 1 <= self.count <= MOST:
            raise TriggerError(f"limit: the count must be a whole number from 1 to {MOST}")
        start = None if self.start is None else as_utc(self.start, "start")
        parts = checked(branches_of(self.trigger))
        begin = start or self.anchor or _own_start(parts)
        if begin is not None:
            parts = _first(parts, begin, self.count)
            refuse_never(parts, f"there is no fire from {write_instant(begin)} on")
        # The class is frozen; this is the end of its constructor.
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "_branches", parts if begin is not None else None)

    @property
    def branches(self) -> Branches:
        if self._branches is None:
            raise TriggerError(
                "this limit has no start yet, so it has no fires: give it a start, or ask .anchored(instant)"
            )
        return self._branches

    def explain(self) -> str:
        """What the rule says, in plain English."""
        words = f"{self.trigger.explain()}, " + ("once" if self.count == 1 else f"at most {self.count} times")
        begin = self.start or self.anchor
        return words if begin is None else f"{words} from {write_instant(begin)} on"

    def to_spec(self) -> Spec:
        """The rule as JSON values; with the field `anchor` only when the store has anchored it."""
        spec = {**self.declared_spec(), "trigger": self.trigger.to_spec()}
        if self.anchor is not None:
            spec["anchor"] = write_instant(self.anchor)
        return spec

    def declared_spec(self) -> Spec:
        """The spec of what the user declared."""
        return {
            "kind": self.kind,
            "trigger": self.trigger.declared_spec(),
            "count": self.count,
            "start": optional_instant(self.start),
        }

    @classmethod
    def read_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The trigger that the spec writes.

        Raises:
            TriggerError: naming the field that is missing, unknown or wrong.
        """
        check_fields(spec, required=("trigger", "count"), optional=("start", "anchor"))
        start, anchor = (optional_instant_field(spec, name) for name in ("start", "anchor"))
        if start is not None and anchor is not None:
            raise TriggerError("trigger of kind 'limit': the field 'anchor' has no meaning beside a 'start'")
        return cls(part_of(spec), spec["count"], start, None if anchor is None else as_utc(anchor, "anchor"))

    def anchored(self, instant: datetime) -> Limit:
        """This limit counted from `instant` when there is no other start, its parts likewise."""
        trigger = self.trigger.anchored(instant)
        if self.start is not None or self.anchor is not None or _own_start(checked(branches_of(self.trigger))):
            return Limit(trigger, self.count, self.start, self.anchor)
        return Limit(trigger, self.count, None, as_utc(instant))

    def _mapped(self, change: Callable[[Trigger], Trigger]) -> Self:
        return type(self)(change(self.trigger), self.count, self.start, self.anchor)


def _own_start(branches: Branches) -> datetime | None:
    """When the trigger begins by its own words; None when any part of it has always been."""
    starts = []
    for branch in branches.parts:
        given = [getattr(branch.leaf, name, None) for name in ("start", "start_day", "instant")]
        own = next((start for start in given if isinstance(start, date)), None)
        if isinstance(own, datetime):
            starts.append(max(as_utc(own), branch.start) if own.tzinfo is not None else branch.start)
        elif own is not None:
            # A day begins up to fourteen hours earlier somewhere; nothing fires before it.
            starts.append(max(datetime(own.year, own.month, own.day, tzinfo=EARLIEST.tzinfo) - _DAY, branch.start))
        else:
            starts.append(branch.start)
    return None if min(starts) <= EARLIEST else min(starts)


_DAY = timedelta(days=1)


@lru_cache(maxsize=256)
def _first(branches: Branches, begin: datetime, count: int) -> Branches:
    """These branches up to the fire that is the last of so many. Counted once: a stored schedule is read often."""
    fires = branches.first_fires(begin, count)
    end = fires[-1] if fires else begin - _TICK
    return Branches(tuple(branch.clipped(begin, end) for branch in branches.parts))
