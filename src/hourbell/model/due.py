"""A schedule as the firing reads it: what its texts say is worked out once for all schedules that say the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hourbell.model.policies import Policies
from hourbell.model.schedule import Schedule, blackout_of
from hourbell.triggers import Trigger

if TYPE_CHECKING:
    from collections.abc import Mapping


_NOT_READ = datetime(1970, 1, 1, tzinfo=UTC)


class Rules:
    """What a schedule says of when and how, as it is stored; itself the same object for all that say the same.

    Its answers are those of `hourbell.model.schedule.Schedule`, kept once they have been given. One that raises
    raises each time.
    """

    def __init__(
        self, trigger_spec: Mapping[str, Any], policies: Mapping[str, Any], inherited: Mapping[str, Any]
    ) -> None:
        self.trigger_spec = trigger_spec
        self.policies = policies
        self.inherited = inherited

    @cached_property
    def trigger(self) -> Trigger:
        """The trigger. Raises TriggerError when this version cannot read it."""
        return Trigger.from_spec(self.trigger_spec)

    @cached_property
    def effective(self) -> Policies:
        """Every policy with its value. Raises InvalidArguments when this version cannot read them."""
        return Policies.layered(self.inherited, self.policies)

    @cached_property
    def blackout(self) -> tuple[str, ...]:
        """The names of the calendars in force. Never raises."""
        return blackout_of(self.inherited, self.policies)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSchedule(Schedule):
    """A schedule that is due, locked by whoever reads it. What firing does not ask for has not been read: its note,
    what its code declared, the end of a pause, its version, when it was made, edited or fired before."""

    created_at: datetime = _NOT_READ
    updated_at: datetime = _NOT_READ
    rules: Rules = field(compare=False, repr=False)

    @property
    def trigger(self) -> Trigger:
        return self.rules.trigger

    @property
    def effective(self) -> Policies:
        return self.rules.effective

    @property
    def blackout(self) -> tuple[str, ...]:
        return self.rules.blackout
