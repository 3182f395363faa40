"""`trigger.except_(calendar)`: a trigger without the fires that a calendar covers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.errors import TriggerError
from hourbell.triggers.branches import Branches, checked, refuse_never
from hourbell.triggers.calendars import Calendar
from hourbell.triggers.combined import Combined, branches_of, part_of
from hourbell.triggers.spec import Spec, check_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hourbell.triggers.trigger import Trigger


def checked_calendar(calendar: object) -> None:
    """Refuse what is no calendar. Raises TriggerError."""
    if not isinstance(calendar, Calendar):
        found = type(calendar).__name__
        raise TriggerError(f"except_ takes a Calendar, such as Calendar(weekdays=['sat', 'sun']), not {found}")


@dataclass(frozen=True, slots=True)
class Except(Combined):
    """Made by `Trigger.except_`. What the calendar covers is no fire: nothing is recorded for it."""

    kind: ClassVar[str] = "except"

    trigger: Trigger
    calendar: Calendar
    _branches: Branches = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = checked(branch.without(self.calendar.cover.parts) for branch in branches_of(self.trigger))
        refuse_never(parts, f"the calendar covers every fire ({self.calendar.explain()})")
        # The class is frozen; this is the end of its constructor.
        object.__setattr__(self, "_branches", parts)

    @property
    def branches(self) -> Branches:
        return self._branches

    def explain(self) -> str:
        """What the rule says, in plain English."""
        return f"{self.trigger.explain()}, except on {self.calendar.explain()}"

    def to_spec(self) -> Spec:
        """The rule as JSON values."""
        return {"kind": self.kind, "trigger": self.trigger.to_spec(), "calendar": self.calendar.to_spec()}

    def declared_spec(self) -> Spec:
        """The spec of what the user declared."""
        return {**self.to_spec(), "trigger": self.trigger.declared_spec()}

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

    def _mapped(self, change: Callable[[Trigger], Trigger]) -> Self:
        return type(self)(change(self.trigger), self.calendar)
