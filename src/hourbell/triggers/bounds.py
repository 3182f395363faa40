"""`trigger.between(start, end)`: a trigger within a window of dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.errors import TriggerError
from hourbell.triggers.combined import branches_of, part_of
from hourbell.triggers.instants import EARLIEST, LATEST
from hourbell.triggers.narrowed import Narrowed
from hourbell.triggers.spec import Spec, check_fields, optional_text_field
from hourbell.triggers.wall_times import instant_of, read_moment, write_moment
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.triggers.wall_times import Moment

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Between(Narrowed):
    """Made by `Trigger.between`. Both ends are included; a date means the whole of its day."""

    kind: ClassVar[str] = "between"

    start: Moment | None
    end: Moment | None
    timezone: str | None = None

    def __post_init__(self) -> None:
        start = None if self.start is None else read_moment(self.start, "start")
        end = None if self.end is None else read_moment(self.end, "end")
        if start is None and end is None:
            raise TriggerError("between needs a start, an end, or both")
        place = UTC if self.timezone is None else zone(self.timezone)
        low = EARLIEST if start is None else instant_of(place, start)
        high = LATEST if end is None else _last(place, end)
        # The class is frozen; this is the end of its constructor.
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "end", end)
        if high < low:
            raise TriggerError(f"this can never fire: {self._words()} ends before it begins")
        left = (branch.clipped(low, high) for branch in branches_of(self.trigger))
        self._narrow(left, f"there is no fire {self._words()}")

    def explain(self) -> str:
        """What the rule says, in plain English."""
        words = f"{self.trigger.explain()}, {self._words()}"
        return words if self.timezone is None else f"{words}, {self.timezone}"

    def to_spec(self) -> Spec:
        """The rule as JSON values."""
        return {
            "kind": self.kind,
            "trigger": self.trigger.to_spec(),
            "start": None if self.start is None else write_moment(self.start),
            "end": None if self.end is None else write_moment(self.end),
            "timezone": self.timezone,
        }

    @classmethod
    def read_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The trigger that the spec writes.

        Raises:
            TriggerError: naming the field that is missing, unknown or wrong.
        """
        check_fields(spec, required=("trigger",), optional=("start", "end", "timezone"))
        ends = [optional_text_field(spec, name) for name in ("start", "end")]
        start, end = (None if text is None else read_moment(text, "start or end") for text in ends)
        return cls(part_of(spec), start, end, optional_text_field(spec, "timezone"))

    def localized(self, zone_name: str) -> Between:
        """This combination with each part that has no zone, its own dates too, in `zone_name`."""
        return Between(self.trigger.localized(zone_name), self.start, self.end, self.timezone or zone_name)

    def _words(self) -> str:
        parts = [] if self.start is None else [f"from {write_moment(self.start)}"]
        parts += [] if self.end is None else [f"until {write_moment(self.end)}"]
        return " ".join(parts)


def _last(place: tzinfo, end: Moment) -> datetime:
    """The last instant that belongs to this end."""
    return instant_of(place, end) if isinstance(end, datetime) else instant_of(place, end + _DAY) - _TICK
