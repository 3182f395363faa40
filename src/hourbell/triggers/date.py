"""`At`: once, at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.errors import TriggerError
from hourbell.triggers.instants import as_utc, read_instant, write_instant
from hourbell.triggers.spec import Spec, check_fields, optional_text_field, text_field
from hourbell.triggers.trigger import COUNT_CAP, Trigger, check_cap
from hourbell.triggers.wall_clock import resolve_local
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from collections.abc import Mapping

# One year of room at either end, so that no zone's offset leads out of the calendar.
_FIRST_YEAR, _LAST_YEAR = 2, 9998


@dataclass(frozen=True, slots=True, init=False, repr=False)
class At(Trigger):
    """Once.

    Args:
        instant: an aware datetime, or text such as `"2026-01-31T09:00:00+01:00"`. A naive one is a time of the wall
            clock in `timezone`: one that is there twice means the first, one in a gap the first instant after it.
        timezone: an IANA name. None: the scheduler's own zone once it is stored, UTC until then.

    Raises:
        TriggerError: when the instant or the zone cannot be understood.
    """

    kind: ClassVar[str] = "at"

    written: datetime
    """The instant in UTC; or, naive, the wall-clock time that still waits for its zone."""
    timezone: str | None

    def __init__(self, instant: datetime | str, timezone: str | None = None) -> None:
        if isinstance(instant, str):
            instant = read_instant(instant, "instant")
        if not isinstance(instant, datetime):
            raise TriggerError(f"At: the instant must be a datetime or text, not {type(instant).__name__}")
        if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
            raise TriggerError(f"At: the year {instant.year} is out of bounds, {_FIRST_YEAR} to {_LAST_YEAR}")
        if timezone is not None:
            place = zone(timezone)
            if instant.utcoffset() is None:
                instant = resolve_local(place, _plain(instant))
        written = _plain(instant) if instant.utcoffset() is None else as_utc(instant)
        # The class is frozen; this is its constructor.
        object.__setattr__(self, "written", written)
        object.__setattr__(self, "timezone", timezone)

    def __repr__(self) -> str:
        place = "" if self.timezone is None else f", timezone={self.timezone!r}"
        return f"At({self._text()!r}{place})"

    @property
    def instant(self) -> datetime:
        """The one fire, in the trigger's zone."""
        return self.written.replace(tzinfo=UTC) if self.timezone is None else self.written.astimezone(self._zone())

    def next_after(self, instant: datetime) -> datetime | None:
        """The instant itself when it is strictly later than the one asked about, else None.

        Raises:
            TriggerError: when `instant` is naive.
        """
        return self.instant if as_utc(instant) < self.instant else None

    def prev_before(self, instant: datetime) -> datetime | None:
        """The instant itself when it is strictly earlier than the one asked about, else None.

        Raises:
            TriggerError: when `instant` is naive.
        """
        return self.instant if self.instant < as_utc(instant) else None

    def count_between(self, start: datetime, end: datetime, cap: int = COUNT_CAP) -> int:
        """1 when the instant is later than `start` and not later than `end`, else 0.

        Raises:
            TriggerError: when an instant is naive, or `cap` is not positive.
        """
        check_cap(cap)
        return 1 if as_utc(start) < self.instant <= as_utc(end) else 0

    def explain(self) -> str:
        """What the rule says, in plain English."""
        moment = self.instant
        clock = moment.strftime("%H:%M:%S" if moment.second or moment.microsecond else "%H:%M")
        day = f"{moment.day} {moment.strftime('%B')} {moment.year}"
        place = "" if self.timezone is None and self.written.tzinfo is None else f", {self.timezone or 'UTC'}"
        return f"once, on {day} at {clock}{place}"

    def to_spec(self) -> Spec:
        """The rule as JSON values; `instant` has no `Z` while it waits for its zone."""
        return {"kind": self.kind, "instant": self._text(), "timezone": self.timezone}

    @classmethod
    def read_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The trigger that the spec writes.

        Raises:
            TriggerError: naming the field that is missing, unknown or wrong.
        """
        check_fields(spec, required=("instant",), optional=("timezone",))
        return cls(text_field(spec, "instant"), optional_text_field(spec, "timezone"))

    def localized(self, zone_name: str) -> At:
        """This trigger in `zone_name` when it has no zone of its own, else itself.

        Raises:
            TriggerError: when there is no such zone.
        """
        return self if self.timezone is not None else At(self.written, zone_name)

    def _zone(self) -> tzinfo:
        return UTC if self.timezone is None else zone(self.timezone)

    def _text(self) -> str:
        return self.written.isoformat() if self.written.tzinfo is None else write_instant(self.written)


def _plain(local: datetime) -> datetime:
    return local.replace(tzinfo=None, fold=0)
