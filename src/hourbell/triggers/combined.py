"""What all triggers that are made of others have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hourbell.errors import TriggerError
from hourbell.triggers.branches import MOST_BRANCHES, Branch, Branches
from hourbell.triggers.instants import as_utc
from hourbell.triggers.trigger import COUNT_CAP, Trigger, check_cap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from typing import Self

DEEPEST = 16
"""Triggers within triggers."""


class Combined(Trigger):
    """A trigger that is made of others. Its fires are those of its branches."""

    __slots__ = ()

    @property
    @abstractmethod
    def branches(self) -> Branches:
        """The normal form, worked out when the trigger was made."""

    @abstractmethod
    def _mapped(self, change: Callable[[Trigger], Trigger]) -> Self:
        """The same combination of changed parts."""

    def next_after(self, instant: datetime) -> datetime | None:
        """The first fire strictly later than `instant` (in UTC), in the zone of the part that has it.

        Raises:
            TriggerError: when `instant` is naive, or a part has no start yet.
        """
        return self.branches.next_after(as_utc(instant))

    def prev_before(self, instant: datetime) -> datetime | None:
        """The last fire strictly earlier than `instant` (in UTC), in the zone of the part that has it.

        Raises:
            TriggerError: when `instant` is naive, or a part has no start yet.
        """
        return self.branches.prev_before(as_utc(instant))

    def count_between(self, start: datetime, end: datetime, cap: int = COUNT_CAP) -> int:
        """How many fires there are later than `start` and not later than `end`, at most `cap`.

        Raises:
            TriggerError: when an instant is naive, `cap` is not positive, or a part has no start yet.
        """
        check_cap(cap)
        return self.branches.count(as_utc(start), as_utc(end), cap)

    def localized(self, zone_name: str) -> Trigger:
        """This combination with each part that has no zone in `zone_name`.

        Raises:
            TriggerError: when there is no such zone.
        """
        return self._mapped(lambda part: part.localized(zone_name))

    def anchored(self, instant: datetime) -> Trigger:
        """This combination with each part that has no start counted from `instant`.

        Raises:
            TriggerError: when `instant` is naive, or there would be no fire.
        """
        return self._mapped(lambda part: part.anchored(instant))

    def bound(self, schedule_id: str) -> Trigger:
        """This combination with what its parts hash from the schedule's id worked out."""
        return self._mapped(lambda part: part.bound(schedule_id))


def branches_of(trigger: Trigger) -> tuple[Branch, ...]:
    """The branches of any trigger; a simple one is its own only branch.

    Raises:
        TriggerError: when it is no trigger.
    """
    if not isinstance(trigger, Trigger):
        raise TriggerError(f"a combination is made of triggers, not {type(trigger).__name__}")
    return trigger.branches.parts if isinstance(trigger, Combined) else (Branch(trigger),)


def part_of(spec: Mapping[str, Any], name: str = "trigger") -> Trigger:
    """The part that stands in this field of a spec.

    Raises:
        TriggerError: when it cannot be read, or triggers stand within triggers too deeply.
    """
    check_depth(spec)
    return read_part(spec[name], name)


def read_part(spec: Any, *place: str | int) -> Trigger:
    """The trigger that this spec writes, which stands in this place of another.

    Raises:
        TriggerError: when it cannot be read.
    """
    try:
        return Trigger.from_spec(spec)
    except TriggerError as error:
        raise error.below(*place) from None


def check_depth(spec: Mapping[str, Any]) -> None:
    """Refuse a spec of too many parts before it is read: reading goes into each.

    Raises:
        TriggerError: when there are too many, or they stand too deeply within each other.
    """
    waiting: list[tuple[Mapping[str, Any], int]] = [(spec, 1)]
    seen = 0
    while waiting:
        found, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST or seen > DEEPEST * MOST_BRANCHES:
            raise TriggerError(f"a trigger may be made of at most {DEEPEST} within each other, {MOST_BRANCHES} in all")
        waiting.extend((part, depth + 1) for part in _parts(found))


def _parts(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    several = spec.get("triggers")
    listed = several[: MOST_BRANCHES + 1] if isinstance(several, list) else []
    for part in (spec.get("trigger"), *listed):
        if isinstance(part, Mapping):
            yield part
