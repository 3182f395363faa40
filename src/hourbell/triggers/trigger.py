"""What every trigger is: a pure rule that says when."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.errors import TriggerError
from hourbell.triggers.instants import as_utc
from hourbell.triggers.preview import foresee
from hourbell.triggers.spec import Spec, shown
from hourbell.triggers.wall_times import read_moment, read_time

if TYPE_CHECKING:
    from datetime import date, datetime, time

    from hourbell.triggers.calendars import Calendar
    from hourbell.triggers.preview import PreviewedFire
    from hourbell.triggers.wall_rule import WallRule

COUNT_CAP = 10_000
_MOST_PREVIEWED = 1_000


class Trigger(ABC):
    """A rule that names instants, its fires. Immutable, hashable, equal by value; it reads no clock and no file.

    Every instant that it takes or gives is aware. All comparisons are made in UTC, so that a repeated or
    skipped hour of the wall clock never makes a fire come back or get lost.
    """

    __slots__ = ()

    kind: ClassVar[str]
    """The name of this sort of trigger in its spec."""

    @abstractmethod
    def next_after(self, instant: datetime) -> datetime | None:
        """The first fire strictly later than `instant` (in UTC), in the trigger's zone; None when there is none.

        Raises:
            TriggerError: when `instant` is naive.
        """

    @abstractmethod
    def prev_before(self, instant: datetime) -> datetime | None:
        """The last fire strictly earlier than `instant` (in UTC), in the trigger's zone; None when there is none.

        Raises:
            TriggerError: when `instant` is naive.
        """

    @abstractmethod
    def count_between(self, start: datetime, end: datetime, cap: int = COUNT_CAP) -> int:
        """How many fires there are later than `start` and not later than `end`; `cap` means "at least so many".

        It is computed, not walked: the work does not grow with the number of fires.

        Raises:
            TriggerError: when an instant is naive, or `cap` is not positive.
        """

    def fires_between(self, start: datetime, end: datetime, limit: int = COUNT_CAP) -> list[datetime]:
        """The fires later than `start` and not later than `end`, oldest first, at most the first `limit` of them.

        The work grows with the number of fires in the answer, not with the time between the two.

        Raises:
            TriggerError: when an instant is naive, or `limit` is not positive.
        """
        check_cap(limit, "limit")
        last = as_utc(end, "end")
        fires: list[datetime] = []
        fire = self.next_after(as_utc(start, "start"))
        while fire is not None and len(fires) < limit and fire.astimezone(UTC) <= last:
            fires.append(fire)
            fire = self.next_after(fire)
        return fires

    def preview(self, count: int, *, after: datetime) -> list[PreviewedFire]:
        """The next `count` fires (1 to 1000) later than `after`, each marked when a change of the clock concerns it.

        Between them stand the times of the rule that the clock skips and nothing makes up for, as `dropped`.

        Raises:
            TriggerError: when `after` is naive, `count` is out of bounds, or the trigger has no fires yet.
        """
        check_cap(count, "count")
        if count > _MOST_PREVIEWED:
            raise TriggerError(f"count must be at most {_MOST_PREVIEWED}")
        return foresee(self, count, after)

    def wall_rule(self) -> WallRule | None:
        """The pattern of the wall clock, the zone and the policy behind this trigger; None where it has no such."""
        return None

    @abstractmethod
    def explain(self) -> str:
        """What the rule says, in plain English."""

    @abstractmethod
    def to_spec(self) -> Spec:
        """The rule as JSON values; `Trigger.from_spec` makes an equal trigger of it."""

    def declared_spec(self) -> Spec:
        """The spec of what the user declared, without what the store added to it: the anchor of an `Every`, the id
        that an `H` is hashed from.

        Two triggers that were declared alike have the same one, however long ago each was stored.
        """
        return self.to_spec()

    def localized(self, zone_name: str) -> Trigger:
        """This trigger in `zone_name` when it was declared without a zone, else itself.

        Raises:
            TriggerError: when there is no such zone.
        """
        return self

    def anchored(self, instant: datetime) -> Trigger:
        """This trigger counted from the whole second of `instant` when it has no start of its own, else itself.

        Raises:
            TriggerError: when `instant` is naive.
        """
        return self

    def bound(self, schedule_id: str) -> Trigger:
        """This trigger with what is hashed from its schedule's id (the `H` of a cron expression) worked out.

        A trigger that hashes nothing is itself; one that is bound already is bound anew. A trigger made of others
        binds each of them.

        Raises:
            TriggerError: when nothing that the hash could choose ever fires.
        """
        return self

    # Combinations are imported where they are made: they are children of this class.

    def except_(self, calendar: Calendar) -> Trigger:
        """This trigger without the fires that the calendar covers: they are no fires, and nothing records them.

        (The policy `blackout` records what it passes over, and follows a stored calendar as it is edited.)

        Raises:
            TriggerError: when no fire is left. A trigger of which 600 windows in a row cover every fire is taken to
                have no other.
        """
        from hourbell.triggers.exception import Except, checked_calendar

        checked_calendar(calendar)
        return Except(self, calendar)

    def between(
        self, start: date | str | None = None, end: date | str | None = None, timezone: str | None = None
    ) -> Trigger:
        """This trigger from `start` to `end`, both included; one of them may be left out.

        Each is an aware datetime, RFC 3339 text, a date or a naive datetime of `timezone` (an IANA name; None: the
        scheduler's once it is stored, UTC until then). A date means the whole of its day. To list the fires of a
        stretch of time, see `fires_between`.

        Raises:
            TriggerError: when there is no fire in between.
        """
        from hourbell.triggers.bounds import Between

        first = None if start is None else read_moment(start, "start")
        return Between(self, first, None if end is None else read_moment(end, "end"), timezone)

    def within_hours(self, opens: time | str, closes: time | str, timezone: str | None = None) -> Trigger:
        """This trigger between two times of each day, such as `"09:00"` (included) and `"17:00"` (excluded).

        It may lead over midnight: `"22:00"` to `"06:00"`. `timezone` as in `between`.

        Raises:
            TriggerError: when no fire is left.
        """
        from hourbell.triggers.hours import WithinHours

        return WithinHours(self, read_time(opens, "opens"), read_time(closes, "closes"), timezone)

    def limit(self, count: int, start: datetime | None = None) -> Trigger:
        """The first `count` (1 to 1000) fires of this trigger, from `start` on.

        Without it, from the trigger's own start if it has one, else from when its schedule is first stored.

        Raises:
            TriggerError: when there is no fire.
        """
        from hourbell.triggers.limited import Limit

        return Limit(self, count, start)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Trigger:
        """The trigger that `to_spec` wrote.

        Raises:
            TriggerError: when the kind is unknown, a field is unknown, missing or of a wrong type (the message
                names it), or what it says is refused by the trigger itself.
        """
        # Imported here because the list of kinds is made of this class's children.
        from hourbell.triggers.kinds import KINDS

        if not isinstance(spec, Mapping):
            raise TriggerError(f"a trigger's spec must be an object with a 'kind', not {type(spec).__name__}")
        if "kind" not in spec:
            raise TriggerError("a trigger's spec needs the field 'kind'")
        kind = spec["kind"]
        child = KINDS.get(kind) if isinstance(kind, str) else None
        if child is None:
            raise TriggerError(f"unknown kind of trigger {shown(kind)}; known are {', '.join(KINDS)}", place=("kind",))
        return child.read_spec(spec)

    @classmethod
    @abstractmethod
    def read_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The trigger of this kind that the spec writes; called by `from_spec`, which has checked the kind.

        Raises:
            TriggerError: see `from_spec`.
        """


def check_cap(cap: int, name: str = "cap") -> None:
    """Refuse a cap that counts nothing.

    Raises:
        TriggerError: when it is not a positive whole number.
    """
    if type(cap) is not int or cap < 1:
        raise TriggerError(f"{name} must be a whole number, 1 or more")
