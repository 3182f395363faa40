"""`Calendar`: days, ranges and weekdays on which something does not happen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from hourbell.errors import TriggerError
from hourbell.triggers.cover import Cover, FixedWindows, WeekdayWindows, Window, Windows, start_of_day
from hourbell.triggers.ics import MOST_RECURRING, read_ics
from hourbell.triggers.instants import as_utc
from hourbell.triggers.recurring import Recurring, RecurringWindows
from hourbell.triggers.spec import Spec, shown
from hourbell.triggers.wall_times import Moment, instant_of, read_day, read_moment, write_moment
from hourbell.triggers.words import joined
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from typing import TypeAlias

Range: TypeAlias = tuple[Moment, Moment]

MOST_ENTRIES = 5_000
_DAY = timedelta(days=1)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FIELDS = ("days", "ranges", "weekdays", "recurring", "timezone")


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Calendar:
    """A set of times at which something does not happen: holidays, weekends, a freeze, a maintenance window.

    Immutable, hashable, equal by value. Give it to `Trigger.except_`, or store it under a name and let schedules
    refer to it by their policy `blackout`.

    Args:
        days: dates, or text such as `"2030-12-25"`; each is covered from its midnight to the next.
        ranges: pairs (first, last). Two dates: both days included. Two instants (aware datetimes, RFC 3339 text, or
            without an offset, on the wall clock of the calendar's zone): from the first on, to before the second.
        recurring: events that come again by a rule; see `from_ics`, which makes them.
        weekdays: names such as `"sat"` or `"sunday"`; not all seven.
        timezone: an IANA name, for days and wall-clock times. None: the scheduler's own zone once it is stored; the
            trigger's in `except_`; UTC until then.

    Raises:
        TriggerError: when anything is not understood, a range ends before it begins, or there are more than 5,000.
    """

    days: tuple[date, ...]
    ranges: tuple[Range, ...]
    weekdays: tuple[str, ...]
    recurring: tuple[Recurring, ...]
    timezone: str | None
    _cover: Cover = field(compare=False)

    def __init__(
        self,
        *,
        days: Iterable[date | str] = (),
        ranges: Iterable[Sequence[Moment | str]] = (),
        weekdays: Iterable[str] = (),
        recurring: Iterable[Recurring] = (),
        timezone: str | None = None,
    ) -> None:
        place: tzinfo = UTC if timezone is None else zone(timezone)
        listed = tuple(sorted({read_day(day, "days") for day in _bounded("days", days)}))
        spans = tuple(sorted({_read_range(pair) for pair in _bounded("ranges", ranges)}, key=str))
        numbers = sorted({_read_weekday(name) for name in _bounded("weekdays", weekdays)})
        if len(numbers) == len(_WEEKDAYS):
            raise TriggerError("Calendar: weekdays names all seven, so nothing could ever happen; leave one out")
        windows = [Window(start_of_day(place, day), start_of_day(place, day + _DAY)) for day in listed]
        windows += [_window(place, pair) for pair in spans]
        parts: list[Windows] = [FixedWindows.of(windows)] if windows else []
        events = tuple(dict.fromkeys(recurring))
        if len(events) > MOST_RECURRING:
            raise TriggerError(f"Calendar: recurring has {len(events)} entries; the most are {MOST_RECURRING}")
        parts += [RecurringWindows.of(event, place) for event in events]
        if numbers:
            parts.append(WeekdayWindows(frozenset(numbers), place))
        # The class is frozen; this is its constructor.
        object.__setattr__(self, "days", listed)
        object.__setattr__(self, "ranges", spans)
        object.__setattr__(self, "weekdays", tuple(_WEEKDAYS[number] for number in numbers))
        object.__setattr__(self, "recurring", events)
        object.__setattr__(self, "timezone", timezone)
        object.__setattr__(self, "_cover", Cover(tuple(parts)))

    def __repr__(self) -> str:
        said = {name: value for name, value in self.to_spec().items() if value}
        return f"Calendar({', '.join(f'{name}={value!r}' for name, value in said.items())})"

    @property
    def cover(self) -> Cover:
        """The windows that it covers."""
        return self._cover

    def covers(self, instant: datetime) -> bool:
        """Whether this aware instant is one of its times. Raises TriggerError when it is naive."""
        return self._cover.covers(as_utc(instant))

    def localized(self, zone_name: str) -> Calendar:
        """This calendar in `zone_name` when it has no zone of its own, else itself. Raises TriggerError."""
        if self.timezone is not None:
            return self
        return Calendar(
            days=self.days,
            ranges=self.ranges,
            weekdays=self.weekdays,
            recurring=self.recurring,
            timezone=zone_name,
        )

    def explain(self) -> str:
        """What it covers, in plain English: "Saturday and Sunday, and 12 days, Europe/Berlin"."""
        said = [_WEEKDAY_NAMES[_WEEKDAYS.index(name)] for name in self.weekdays]
        days = [day.isoformat() for day in self.days]
        said += days if len(days) <= 3 else [f"{len(days)} days"]
        ranges = [f"{write_moment(first)} to {write_moment(last)}" for first, last in self.ranges]
        said += ranges if len(ranges) <= 2 else [f"{len(ranges)} ranges of time"]
        said += (
            [f"{len(self.recurring)} recurring event{'s' if len(self.recurring) > 1 else ''}"] if self.recurring else []
        )
        words = joined(said) if said else "nothing"
        return words if self.timezone is None else f"{words}, {self.timezone}"

    def to_spec(self) -> Spec:
        """The calendar as JSON values; `Calendar.from_spec` makes an equal one of it."""
        return {
            "days": [day.isoformat() for day in self.days],
            "ranges": [[write_moment(first), write_moment(last)] for first, last in self.ranges],
            "weekdays": list(self.weekdays),
            **({"recurring": [event.to_spec() for event in self.recurring]} if self.recurring else {}),
            "timezone": self.timezone,
        }

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Calendar:
        """The calendar that `to_spec` wrote. Every field may be left out.

        Raises:
            TriggerError: naming the field that is unknown or wrong.
        """
        if not isinstance(spec, Mapping):
            raise TriggerError(f"a calendar's spec must be an object, not {type(spec).__name__}")
        for name, value in spec.items():
            if name not in _FIELDS:
                raise TriggerError(f"calendar: unknown field {shown(name)}; its fields are {', '.join(_FIELDS)}")
            if name != "timezone" and value is not None and not isinstance(value, list):
                raise TriggerError(f"calendar: the field {name!r} must be a list, not {type(value).__name__}")
        lists = {name: spec.get(name) or () for name in _FIELDS[:-1]}
        for pair in lists["ranges"]:
            if not isinstance(pair, list):
                raise TriggerError("calendar: each of 'ranges' must be a list of two texts")
        events = []
        for event in lists.pop("recurring"):
            if not isinstance(event, Mapping):
                raise TriggerError("calendar: each of 'recurring' must be an object")
            events.append(Recurring.from_spec(event))
        return cls(**lists, recurring=events, timezone=spec.get("timezone"))

    @classmethod
    def from_ics(cls, text: str, timezone: str | None = None) -> Calendar:
        """The times of the events of an iCalendar text, at most 1,000,000 characters: holidays as they are published.

        An event covers its days, or from DTSTART to before DTEND; one with an RRULE covers each of its occurrences.
        Times without a zone, and days, are of `timezone`. Cancelled events are left out; EXDATE and RDATE are refused.

        Raises:
            TriggerError: naming the event that is not understood, or when there are more than 5,000 (100 recurring).
        """
        events = read_ics(text)
        return cls(ranges=events.ranges, recurring=events.recurring, timezone=timezone)


def _bounded(name: str, values: Iterable[Any]) -> list[Any]:
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        raise TriggerError(f"Calendar: {name} must be a list, not {type(values).__name__}")
    listed = list(values)
    if len(listed) > MOST_ENTRIES:
        raise TriggerError(f"Calendar: {name} has {len(listed)} entries; the most are {MOST_ENTRIES}")
    return listed


def _read_weekday(name: object) -> int:
    lower = name.lower() if isinstance(name, str) else ""
    for number, known in enumerate(_WEEKDAYS):
        if lower in (known, _WEEKDAY_NAMES[number].lower()):
            return number
    raise TriggerError(f"Calendar: weekdays: {shown(name)} is no day of the week; they are {', '.join(_WEEKDAYS)}")


def _read_range(pair: object) -> Range:
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
        raise TriggerError("Calendar: each of ranges must be a pair, such as ('2030-12-24', '2031-01-01')")
    first, last = (read_moment(value, "ranges") for value in pair)
    if isinstance(first, datetime) != isinstance(last, datetime):
        raise TriggerError(
            f"Calendar: the range {write_moment(first)} to {write_moment(last)} must be two days or two instants"
        )
    if isinstance(first, datetime) and isinstance(last, datetime):
        if (first.tzinfo is None) != (last.tzinfo is None):
            raise TriggerError(
                f"Calendar: of {write_moment(first)} to {write_moment(last)}, only one has an offset; give it to both"
            )
        empty = last <= first
    else:
        empty = last < first
    if empty:
        raise TriggerError(f"Calendar: the range {write_moment(first)} to {write_moment(last)} ends before it begins")
    return first, last


def _window(place: tzinfo, pair: Range) -> Window:
    first, last = pair
    if isinstance(first, datetime) and isinstance(last, datetime):
        return Window(instant_of(place, first), instant_of(place, last))
    return Window(start_of_day(place, first), start_of_day(place, last + _DAY))
