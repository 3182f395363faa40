"""`any_of`: the fires of several triggers together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.errors import TriggerError
from hourbell.triggers.branches import MOST_BRANCHES, Branches, checked, too_many
from hourbell.triggers.combined import Combined, branches_of, check_depth, read_part
from hourbell.triggers.spec import Spec, check_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hourbell.triggers.trigger import Trigger


@dataclass(frozen=True, slots=True)
class AnyOf(Combined):
    """Made by `any_of`."""

    kind: ClassVar[str] = "any_of"

    triggers: tuple[Trigger, ...]
    _branches: Branches = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.triggers:
            raise TriggerError("any_of needs at least one trigger")
        parts = checked(branch for trigger in self.triggers for branch in branches_of(trigger))
        # The class is frozen; this is the end of its constructor.
        object.__setattr__(self, "_branches", parts)

    @property
    def branches(self) -> Branches:
        return self._branches

    def explain(self) -> str:
        """What the rule says, in plain English."""
        return "; or ".join(trigger.explain() for trigger in self.triggers)

    def to_spec(self) -> Spec:
        """The rule as JSON values."""
        return {"kind": self.kind, "triggers": [trigger.to_spec() for trigger in self.triggers]}

    def declared_spec(self) -> Spec:
        """The spec of what the user declared."""
        return {"kind": self.kind, "triggers": [trigger.declared_spec() for trigger in self.triggers]}

    @classmethod
    def read_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The trigger that the spec writes.

        Raises:
            TriggerError: naming the field that is missing, unknown or wrong.
        """
        check_fields(spec, required=("triggers",), optional=())
        if not isinstance(spec["triggers"], list):
            raise TriggerError("trigger of kind 'any_of': the field 'triggers' must be a list")
        if len(spec["triggers"]) > MOST_BRANCHES:  # said before the time goes into reading them all
            raise too_many(len(spec["triggers"]))
        check_depth(spec)
        return cls(tuple(read_part(part, "triggers", number) for number, part in enumerate(spec["triggers"])))

    def _mapped(self, change: Callable[[Trigger], Trigger]) -> Self:
        return type(self)(tuple(change(trigger) for trigger in self.triggers))


def any_of(*triggers: Trigger) -> AnyOf:
    """A trigger that fires whenever any of these does. An instant at which several do is one fire.

    `count_between` counts the first thousand of its fires; beyond, it answers at least what the busiest part has.

    Raises:
        TriggerError: when there is none, there are more than 32, or one is no trigger.
    """
    return AnyOf(triggers)
