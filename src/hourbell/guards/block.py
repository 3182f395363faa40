"""The block in which a guard is held, under ``async with`` or, in a thread, ``with``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar, Self

from hourbell.guards.held import Interruption
from hourbell.guards.taking import inside, lost, refuse_loop

if TYPE_CHECKING:
    from types import TracebackType

    from hourbell.guards.held import Held
    from hourbell.guards.taking import GuardRoom


class Block(ABC):
    """Entered once. When the lease is lost, the task in the block is cancelled, and leaving it raises LeaseLost.

    A thread cannot be cancelled: it looks at ``lost``, and leaving the block raises all the same.
    """

    verb: ClassVar[str]
    """How the block is asked for, in messages."""

    def __init__(self, room: GuardRoom) -> None:
        self._room = room
        self._held: Held | None = None
        self._interruption: Interruption | None = None
        self._stack = ExitStack()

    @property
    def lost(self) -> bool:
        """True once another one may have begun."""
        return self._held is not None and not self._held.holds

    async def __aenter__(self) -> Self:
        """Take the guard. Raises Busy when others have it and the time to wait is over."""
        self._refuse_again()
        await self._enter()
        if self._held is not None:
            self._interruption = Interruption()
            self._held.tell(self._interruption.ask)
            self._stack.enter_context(inside(self._held))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the guard. Raises LeaseLost when another one may have begun before that."""
        self._stack.close()
        held = self._held
        if held is None:
            return
        if self._interruption is not None and self._interruption.over(kind):
            raise lost(held) from error
        await self._leave(held, error)

    def __enter__(self) -> Self:
        """As with ``async with``, in a thread that runs no event loop."""
        refuse_loop(self.verb)
        self._refuse_again()
        self._room.wait_for(self._enter)
        if self._held is not None:
            self._stack.enter_context(inside(self._held))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As with ``async with``."""
        self._stack.close()
        held = self._held
        if held is not None:
            self._room.wait_for(lambda: self._leave(held, error))

    @abstractmethod
    async def _enter(self) -> None:
        """Take it, and say in ``_held`` what was taken."""

    @abstractmethod
    async def _leave(self, held: Held, error: BaseException | None) -> None:
        """End the holding; ``error`` is what the body raised."""

    @abstractmethod
    def _refuse_again(self) -> None:
        """Raise HourbellError when this block was entered before, or is inside of itself."""
