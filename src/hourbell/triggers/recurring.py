"""Windows of time that come again and again, by a recurrence rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from hourbell.errors import TriggerError
from hourbell.triggers.cover import Window, start_of_day
from hourbell.triggers.rrule import RRule
from hourbell.triggers.spec import Spec, shown
from hourbell.triggers.wall_times import read_moment, write_moment
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.triggers.wall_times import Moment

_TICK = timedelta(microseconds=1)
_LONGEST = 366 * 86_400
_FIELDS = ("rule", "start", "timezone", "days", "seconds")


@dataclass(frozen=True, slots=True)
class Recurring:
    """An event that recurs: whole `days` from midnight on when its start is a date, else so many `seconds`."""

    rule: str
    start: Moment
    timezone: str | None
    days: int
    seconds: int

    def __post_init__(self) -> None:
        for name, number in (("days", self.days), ("seconds", self.seconds)):
            if type(number) is not int or not 0 <= number <= _LONGEST:
                raise TriggerError(f"Calendar: recurring: {name} must be a whole number of at most a year")
        if (self.days > 0) == (self.seconds > 0) or (self.days > 0) == isinstance(self.start, datetime):
            raise TriggerError("Calendar: recurring: give days to a start that is a date, seconds to another")
        self.trigger(UTC)

    def trigger(self, place: tzinfo) -> RRule:
        """When it begins, in its own zone or this one. Raises TriggerError when it never does."""
        return RRule(self.rule, self.start, self.timezone or getattr(place, "key", "UTC"))

    def to_spec(self) -> Spec:
        """The event as JSON values."""
        return {
            "rule": self.rule,
            "start": write_moment(self.start),
            "timezone": self.timezone,
            "days": self.days,
            "seconds": self.seconds,
        }

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Recurring:
        """The event that `to_spec` wrote. Raises TriggerError naming the field that is wrong."""
        for name in spec:
            if name not in _FIELDS:
                raise TriggerError(f"Calendar: recurring: unknown field {shown(name)}")
        rule, start, timezone = (spec.get(name) for name in _FIELDS[:3])
        if not isinstance(rule, str) or not isinstance(start, str) or not isinstance(timezone, str | None):
            raise TriggerError("Calendar: recurring: rule, start and timezone must be texts")
        if timezone is not None:
            zone(timezone)
        return cls(rule, read_moment(start, "start"), timezone, spec.get("days", 0), spec.get("seconds", 0))


@dataclass(frozen=True, slots=True)
class RecurringWindows:
    """The windows of one such event, as `Windows`."""

    trigger: RRule
    zone: tzinfo
    days: int
    length: timedelta

    @classmethod
    def of(cls, event: Recurring, place: tzinfo) -> RecurringWindows:
        """The windows of an event whose floating times are of this zone."""
        own = zone(event.timezone) if event.timezone is not None else place
        return cls(event.trigger(place), own, event.days, timedelta(seconds=event.seconds))

    def around(self, instant: datetime) -> Window | None:
        # All are equally long, so the last one that has begun is the one that lasts longest.
        begun = self.trigger.prev_before(instant + _TICK)
        if begun is None:
            return None
        end = begun.astimezone(UTC) + self.length
        if self.days:
            day: date = begun.date()
            end = start_of_day(self.zone, day + timedelta(days=self.days))
        return Window(begun.astimezone(UTC), end) if instant < end else None

    def following(self, instant: datetime) -> datetime | None:
        found = self.trigger.next_after(instant)
        return found.astimezone(UTC) if found is not None else None
