"""What a body's effect may know and do about its attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.engine import verdict
from hourbell.engine.settling import cleaned
from hourbell.errors import HourbellError

if TYPE_CHECKING:
    from hourbell.effects import Effect
    from hourbell.engine.holding import Execution
    from hourbell.engine.parts import Parts
    from hourbell.engine.trust import Trust
    from hourbell.model.run import Settlement
    from hourbell.once import Guards


class AttemptHold:
    """See `hourbell.effects.Hold`. Used from the body's own task or thread: it shares plain values only."""

    __slots__ = ("_execution", "_has_effect", "_parts", "_trust")

    def __init__(self, execution: Execution, trust: Trust, parts: Parts) -> None:
        self._execution = execution
        self._trust = trust
        self._parts = parts
        self._has_effect = False

    @property
    def run_id(self) -> str:
        return self._execution.run.id

    @property
    def attempt(self) -> int:
        return self._execution.run.attempt

    @property
    def node_id(self) -> str:
        return self._trust.node_id

    @property
    def guards(self) -> Guards:
        return self._execution.task

    def effect(self, session: Any) -> Effect:
        """See `hourbell.context.Context.effect`."""
        return self._execution.task.effect(self, session)

    def holds(self) -> bool:
        """True while the node may report this attempt."""
        return self._trust.holds() and self._trust.is_ours() and not self._execution.given_up

    def begin_effect(self) -> None:
        """Raises HourbellError when the run has an effect already."""
        if self._has_effect:
            raise HourbellError(f"run {self.run_id} has an effect already: it ends the run, so there can be one only")
        self._has_effect = True

    def abandon_effect(self) -> None:
        """Nothing came of it."""
        self._has_effect = False

    def dump(self, value: Any) -> str | None:
        """A result as JSON text. Raises ResultRejected."""
        return self._execution.task.dump_result(value, self._parts.settings.result_max)

    def settlement(self, result: str | None) -> Settlement:
        """What ends the run as succeeded, now."""
        execution = self._execution
        return cleaned(verdict.succeeded(execution.run, result, execution.started, self._parts.clock.now().timestamp()))

    def committed(self, settlement: Settlement) -> None:
        """The run has ended so; whatever the body does from now on changes nothing of that."""
        self._execution.settled = settlement
