"""Reading the events of an iCalendar text (RFC 5545) as ranges of time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from hourbell.errors import TriggerError
from hourbell.triggers.recurring import Recurring
from hourbell.triggers.spec import shown
from hourbell.triggers.wall_clock import resolve_local
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hourbell.triggers.wall_times import Moment

LONGEST = 1_000_000
MOST_EVENTS = 5_000
MOST_RECURRING = 100
_LINE = re.compile(r"([A-Za-z-]+)((?:;[^:]*)?):(.*)", re.DOTALL)
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_TIME = re.compile(r"([0-9]{8})T([0-9]{2})([0-9]{2})([0-9]{2})(Z?)")
_DURATION = re.compile(
    r"\+?P(?:([0-9]{1,3})W)?(?:([0-9]{1,4})D)?(?:T(?:([0-9]{1,4})H)?(?:([0-9]{1,5})M)?(?:([0-9]{1,6})S)?)?"
)
_DAY = timedelta(days=1)
_UNSUPPORTED = ("EXDATE", "RDATE", "RECURRENCE-ID", "EXRULE")


@dataclass(frozen=True, slots=True)
class Events:
    """Single events as pairs, dates with their last day included, and those that recur."""

    ranges: tuple[tuple[Moment, Moment], ...]
    recurring: tuple[Recurring, ...]


@dataclass(frozen=True, slots=True)
class _Field:
    """A property of an event: its value, and the zone that it names."""

    value: str
    zone: str | None


def read_ics(text: object) -> Events:
    """The events of a calendar file. Cancelled ones, and those without a length, are left out.

    Raises:
        TriggerError: naming the event and what is not understood in it, or that there are too many.
    """
    if not isinstance(text, str):
        raise TriggerError(f"Calendar.from_ics takes text, not {type(text).__name__}")
    if len(text) > LONGEST:
        raise TriggerError(f"Calendar.from_ics: the text has {len(text)} characters; the most are {LONGEST}")
    if "BEGIN:VCALENDAR" not in text:
        raise TriggerError("Calendar.from_ics: this is no iCalendar text: it has no BEGIN:VCALENDAR")
    ranges: list[tuple[Moment, Moment]] = []
    recurring: list[Recurring] = []
    for number, event in enumerate(_events(text), start=1):
        if number > MOST_EVENTS:
            raise TriggerError(f"Calendar.from_ics: there are more than {MOST_EVENTS} events")
        try:
            _read_event(event, ranges, recurring)
        except (TriggerError, ValueError, OverflowError) as error:
            raise TriggerError(f"Calendar.from_ics: event {number}{_title(event)}: {error}") from None
    if len(recurring) > MOST_RECURRING:
        raise TriggerError(f"Calendar.from_ics: {len(recurring)} events recur; the most are {MOST_RECURRING}")
    return Events(tuple(ranges), tuple(recurring))


def _events(text: str) -> Iterator[dict[str, _Field]]:
    """The properties of each event, by name. Lines are unfolded; parts within an event (alarms) are passed over."""
    event: dict[str, _Field] | None = None
    inner = 0
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        upper = line.strip().upper()
        if upper == "BEGIN:VEVENT":
            event, inner = {}, 0
        elif upper == "END:VEVENT" and event is not None:
            yield event
            event = None
        elif event is not None and upper.startswith("BEGIN:"):
            inner += 1
        elif event is not None and upper.startswith("END:"):
            inner -= 1
        elif event is not None and inner == 0 and (found := _LINE.fullmatch(line.strip())):
            place = re.search(r";TZID=\"?([^;\"]+)", found[2], re.IGNORECASE)
            event[found[1].upper()] = _Field(found[3].strip(), place[1] if place else None)


def _read_event(event: Mapping[str, _Field], ranges: list[tuple[Moment, Moment]], recurring: list[Recurring]) -> None:
    if "STATUS" in event and event["STATUS"].value.upper() == "CANCELLED":
        return
    for name in _UNSUPPORTED:
        if name in event:
            raise TriggerError(f"{name} is not supported; write the days themselves")
    if "DTSTART" not in event:
        raise TriggerError("it has no DTSTART")
    start, place = _moment(event["DTSTART"])
    end = _end(event, start)
    if isinstance(start, datetime) and isinstance(end, datetime):
        if end <= start:
            return
        if "RRULE" in event:
            seconds = int((end - start).total_seconds())
            recurring.append(Recurring(event["RRULE"].value, start, place, 0, seconds))
        elif start.tzinfo is None and place is not None:
            ranges.append((_resolved(start, place), _resolved(end, place)))
        else:
            ranges.append((start, end))
    elif end > start:
        if "RRULE" in event:
            recurring.append(Recurring(event["RRULE"].value, start, None, (end - start).days, 0))
        else:
            ranges.append((start, end - _DAY))


def _end(event: Mapping[str, _Field], start: Moment) -> Moment:
    """The end, excluded: DTEND, or DTSTART and DURATION, or the day itself."""
    if "DTEND" in event:
        end, _ = _moment(event["DTEND"])
        same_sort = isinstance(end, datetime) == isinstance(start, datetime)
        if not same_sort or getattr(end, "tzinfo", None) != getattr(start, "tzinfo", None):
            raise TriggerError("DTSTART and DTEND are not of the same sort")
        return end
    if "DURATION" in event:
        found = _DURATION.fullmatch(event["DURATION"].value.upper())
        if found is None:
            raise TriggerError(f"DURATION {shown(event['DURATION'].value)} is not understood")
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return start + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return start if isinstance(start, datetime) else start + _DAY


def _moment(field: _Field) -> tuple[Moment, str | None]:
    """A date; an instant in UTC; or a naive time of the wall clock, with the name of its zone when it has one."""
    if found := _DATE.fullmatch(field.value):
        return date(int(found[1]), int(found[2]), int(found[3])), None
    found = _TIME.fullmatch(field.value)
    if found is None:
        raise TriggerError(f"{shown(field.value)} is neither a date nor a time")
    stamp = datetime.strptime(field.value.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - it is told apart below
    if found[5]:
        return stamp.replace(tzinfo=UTC), None
    if field.zone is not None:
        zone(field.zone)
    return stamp, field.zone


def _resolved(local: datetime, place: str) -> datetime:
    return resolve_local(zone(place), local).astimezone(UTC)


def _title(event: Mapping[str, _Field]) -> str:
    return f" ({shown(event['SUMMARY'].value)})" if "SUMMARY" in event else ""
