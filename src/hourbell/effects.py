"""What a body sees of its effect, and what an effect sees of its attempt."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from hourbell.block import Block

if TYPE_CHECKING:
    from contextvars import Token

    from hourbell.model.run import Settlement
    from hourbell.once import Guards


class Effect(Block, Protocol):
    """The block of `Context.effect`: the session's writes and the run's success, committed as one."""

    session: Any
    is_open: bool
    """True inside the block: what is requested there belongs to it."""

    def result(self, value: Any) -> None:
        """What becomes the result of the run. Raises ResultRejected when it cannot be kept."""


class Hold(Protocol):
    """What the node knows of the attempt that a body is, for its effect."""

    @property
    def run_id(self) -> str: ...

    @property
    def node_id(self) -> str: ...

    @property
    def attempt(self) -> int: ...

    @property
    def guards(self) -> Guards: ...

    def effect(self, session: Any) -> Effect:
        """See `Context.effect`."""

    def holds(self) -> bool:
        """True while the node may report this attempt."""

    def begin_effect(self) -> None:
        """Raises HourbellError when the run has an effect already."""

    def abandon_effect(self) -> None:
        """Nothing came of it."""

    def dump(self, value: Any) -> str | None:
        """A result as JSON text. Raises ResultRejected."""

    def settlement(self, result: str | None) -> Settlement:
        """What ends the run as succeeded, now."""

    def committed(self, settlement: Settlement) -> None:
        """The run has ended so; whatever the body does from now on changes nothing of that."""


_current: ContextVar[Effect | None] = ContextVar("hourbell_effect", default=None)


def open_effect(effect: Effect) -> Token[Effect | None]:
    """From here on requests belong to this effect."""
    return _current.set(effect)


def close_effect(token: Token[Effect | None]) -> None:
    """They do not any more."""
    _current.reset(token)


def effect_session() -> Any:
    """The session of the effect that this code is in, or None."""
    effect = _current.get()
    return effect.session if effect is not None and effect.is_open else None
