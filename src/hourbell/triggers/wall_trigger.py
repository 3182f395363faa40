"""What the triggers have in common that follow the wall clock of a zone and are counted from a day."""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC
from typing import TYPE_CHECKING, Self

from hourbell.triggers.instants import as_utc
from hourbell.triggers.trigger import COUNT_CAP, Trigger, check_cap
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from datetime import date, datetime, tzinfo

    from hourbell.triggers.spec import Spec
    from hourbell.triggers.wall_rule import WallRule


class WallTrigger(Trigger):
    """Where no start is given and one is needed, the store puts in an anchor: the local day on which the schedule is
    first stored. It is no part of what the user declared."""

    __slots__ = ()

    timezone: str | None
    anchor: date | None

    @abstractmethod
    def _rule(self) -> WallRule:
        """The times, the zone and the policy. Raises TriggerError while there is nothing to count from."""

    @abstractmethod
    def _is_counted(self) -> bool:
        """True when it is known from where the count begins, or none is needed."""

    @abstractmethod
    def _changed(self, *, timezone: str | None = None, anchor: date | None = None) -> Self:
        """The same with what is given."""

    def next_after(self, instant: datetime) -> datetime | None:
        """The first fire strictly later than `instant` (in UTC), in the trigger's zone; None when the end is passed.

        Raises:
            TriggerError: when `instant` is naive, or there is neither a start nor an anchor where one is needed.
        """
        return self._rule().next_after(as_utc(instant))

    def prev_before(self, instant: datetime) -> datetime | None:
        """The last fire strictly earlier than `instant` (in UTC), in the trigger's zone; None when there is none.

        Raises:
            TriggerError: when `instant` is naive, or there is neither a start nor an anchor where one is needed.
        """
        return self._rule().prev_before(as_utc(instant))

    def count_between(self, start: datetime, end: datetime, cap: int = COUNT_CAP) -> int:
        """How many fires there are later than `start` and not later than `end`, at most `cap`.

        Raises:
            TriggerError: when an instant is naive, `cap` is not positive, or there is nothing to count from.
        """
        check_cap(cap)
        return self._rule().count_between(as_utc(start), as_utc(end), cap)

    def wall_rule(self) -> WallRule | None:
        """The times, the zone and the policy; None while it has no start."""
        return self._rule() if self._is_counted() else None

    def to_spec(self) -> Spec:
        """The rule as JSON values; with the field `anchor` only when the store has anchored it."""
        spec = self.declared_spec()
        if self.anchor is not None:
            spec["anchor"] = self.anchor.isoformat()
        return spec

    def localized(self, zone_name: str) -> Self:
        """This trigger in `zone_name` when it has no zone of its own, else itself.

        Raises:
            TriggerError: when there is no such zone.
        """
        return self if self.timezone is not None else self._changed(timezone=zone_name)

    def anchored(self, instant: datetime) -> Self:
        """This trigger counted from the local day of `instant` when it needs a start and has none, else itself.

        Raises:
            TriggerError: when `instant` is naive.
        """
        if self._is_counted():
            return self
        return self._changed(anchor=as_utc(instant).astimezone(self._zone()).date())

    def _zone(self) -> tzinfo:
        return UTC if self.timezone is None else zone(self.timezone)
