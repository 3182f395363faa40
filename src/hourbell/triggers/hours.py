"""`trigger.within_hours(opens, closes)`: a trigger within a window of each day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, time
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.errors import TriggerError
from hourbell.triggers.combined import branches_of, part_of
from hourbell.triggers.cover import OutsideHours
from hourbell.triggers.narrowed import Narrowed
from hourbell.triggers.spec import Spec, check_fields, optional_text_field, text_field
from hourbell.triggers.wall_times import read_time, write_time
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class WithinHours(Narrowed):
    """Made by `Trigger.within_hours`. From `opens`, included, to before `closes`; it may lead over midnight."""

    kind: ClassVar[str] = "within_hours"

    opens: time
    closes: time
    timezone: str | None = None

    def __post_init__(self) -> None:
        opens, closes = read_time(self.opens, "opens"), read_time(self.closes, "closes")
        if opens == closes:
            raise TriggerError(
                f"within_hours: it opens and closes at {write_time(opens)}, so nothing is left of the day"
            )
        outside = OutsideHours(opens, closes, UTC if self.timezone is None else zone(self.timezone))
        # The class is frozen; this is the end of its constructor.
        object.__setattr__(self, "opens", opens)
        object.__setattr__(self, "closes", closes)
        left = (branch.without((outside,)) for branch in branches_of(self.trigger))
        self._narrow(left, f"there is no fire {self._words()}")

    def explain(self) -> str:
        """What the rule says, in plain English."""
        return f"{self.trigger.explain()}, only {self._words()}"

    def to_spec(self) -> Spec:
        """The rule as JSON values."""
        return {
            "kind": self.kind,
            "trigger": self.trigger.to_spec(),
            "opens": write_time(self.opens),
            "closes": write_time(self.closes),
            "timezone": self.timezone,
        }

    @classmethod
    def read_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The trigger that the spec writes.

        Raises:
            TriggerError: naming the field that is missing, unknown or wrong.
        """
        check_fields(spec, required=("trigger", "opens", "closes"), optional=("timezone",))
        opens, closes = (read_time(text_field(spec, name), name) for name in ("opens", "closes"))
        return cls(part_of(spec), opens, closes, optional_text_field(spec, "timezone"))

    def localized(self, zone_name: str) -> WithinHours:
        """This combination with each part that has no zone, its own hours too, in `zone_name`."""
        return WithinHours(self.trigger.localized(zone_name), self.opens, self.closes, self.timezone or zone_name)

    def _words(self) -> str:
        words = f"between {write_time(self.opens)} and {write_time(self.closes)}"
        return words if self.timezone is None else f"{words}, {self.timezone}"
