"""`trigger.except_(calendar)`: a trigger without the fires that a calendar covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.errors import TriggerError
from hourbell.triggers.calendars import Calendar
from hourbell.triggers.combined import branches_of, part_of
from hourbell.triggers.narrowed import Narrowed
from hourbell.triggers.spec import Spec, check_fields

if TYPE_CHECKING:
    from collections.abc import Mapping


def checked_calendar(calendar: object) -> None:
    """Refuse what is no calendar. Raises TriggerError."""
    if not isinstance(calendar, Calendar):
        found = type(calendar).__name__
        raise TriggerError(f"except_ takes a Calendar, such as Calendar(weekdays=['sat', 'sun']), not {found}")


@dataclass(frozen=True, slots=True)
class Except(Narrowed):
    """Made by `Trigger.except_`. What the calendar covers is no fire: nothing is recorded for it."""

    kind: ClassVar[str] = "except"

    calendar: Calendar

    def __post_init__(self) -> None:
        left = (branch.without(self.calendar.cover.parts) for branch in branches_of(self.trigger))
        self._narrow(left, f"the calendar covers every fire ({self.calendar.explain()})")

    def explain(self) -> str:
        """What the rule says, in plain English."""
        return f"{self.trigger.explain()}, except on {self.calendar.explain()}"

    def to_spec(self) -> Spec:
        """The rule as JSON values."""
        return {"kind": self.kind, "trigger": self.trigger.to_spec(), "calendar": self.calendar.to_spec()}

    @classmethod
    def read_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The trigger that the spec writes.

        Raises:
            TriggerError: naming the field that is missing, unknown or wrong.
        """
        check_fields(spec, required=("trigger", "calendar"), optional=())
        return cls(part_of(spec), Calendar.from_spec(spec["calendar"]))

    def localized(self, zone_name: str) -> Except:
        """This combination with each part, the calendar too, that has no zone in `zone_name`."""
        return Except(self.trigger.localized(zone_name), self.calendar.localized(zone_name))
