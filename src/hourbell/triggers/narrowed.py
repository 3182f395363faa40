"""What the triggers have in common that let through only some fires of one other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from hourbell.triggers.branches import Branch, Branches, checked, refuse_never
from hourbell.triggers.combined import Combined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hourbell.triggers.spec import Spec
    from hourbell.triggers.trigger import Trigger


@dataclass(frozen=True, slots=True)
class Narrowed(Combined):
    """A trigger with fewer fires than the one that it is made of. A child says which, in its constructor."""

    trigger: Trigger
    _branches: Branches = field(init=False, repr=False, compare=False)

    @property
    def branches(self) -> Branches:
        return self._branches

    def declared_spec(self) -> Spec:
        """The spec of what the user declared."""
        return {**self.to_spec(), "trigger": self.trigger.declared_spec()}

    def _narrow(self, left: Iterable[Branch], never: str) -> None:
        """The end of a constructor: what is left of each branch. Raises TriggerError, as ``never``, when nothing is."""
        parts = checked(left)
        refuse_never(parts, never)
        object.__setattr__(self, "_branches", parts)  # the class is frozen

    def _mapped(self, change: Callable[[Trigger], Trigger]) -> Self:
        return replace(self, trigger=change(self.trigger))
