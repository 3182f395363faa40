"""A named lock: one holder at a time over all nodes, for as long as its lease is renewed."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from hourbell.errors import HourbellError, StoreUnavailable
from hourbell.guards.held import Interruption
from hourbell.guards.taking import inside, leave, lost, new_owner, refuse_loop, refuse_nested, take
from hourbell.model.guard import GuardKind, GuardState, GuardWish
from hourbell.model.period import Period

if TYPE_CHECKING:
    from types import TracebackType

    from hourbell.guards.held import Held
    from hourbell.guards.taking import GuardRoom

REMEMBERED = timedelta(days=1)
"""For how long a lock that nobody has is kept: its next fence would be as good without."""

_UTC = ZoneInfo("UTC")
_log = logging.getLogger("hourbell.guards")


class Lock:
    """``async with scheduler.lock(name) as lock:``, or ``with`` in a plain function that runs in a thread.

    When the lease is lost, the task in the block is cancelled, and leaving the block raises LeaseLost. A thread cannot
    be cancelled: it looks at ``lock.lost``, and leaving the block raises all the same.
    """

    def __init__(self, room: GuardRoom, name: str, wait: float | None) -> None:
        self.name = name
        self._room = room
        self._wait = wait
        self._held: Held | None = None
        self._interruption: Interruption | None = None
        self._stack = ExitStack()

    @property
    def fence(self) -> int:
        """A number above those of all earlier holders: what compares it can refuse one that was replaced.

        Raises HourbellError before the lock was taken.
        """
        if self._held is None:
            raise HourbellError(f"lock {self.name!r} has no fence before it is taken: use it as `async with`")
        return self._held.hold.fence

    @property
    def lost(self) -> bool:
        """True once another holder may have begun."""
        return self._held is not None and not self._held.holds

    def __repr__(self) -> str:
        return f"<Lock {self.name!r}>"

    async def __aenter__(self) -> Self:
        """Take it. Raises Busy when somebody else has it and the time to wait is over."""
        self._refuse_again()
        self._held = await self._taken()
        self._interruption = Interruption()
        self._held.tell(self._interruption.ask)
        self._stack.enter_context(inside(self._held))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Set it free. Raises LeaseLost when another holder may have begun before that."""
        self._stack.close()
        held, interruption = self._held, self._interruption
        if held is None or interruption is None:
            return
        if interruption.over(kind):
            raise lost(held) from error
        await self._free(held, failed=error is not None)

    def __enter__(self) -> Self:
        """As with ``async with``, in a thread that runs no event loop."""
        refuse_loop("scheduler.lock")
        self._refuse_again()
        self._room.wait_for(self._take_here)
        assert self._held is not None  # noqa: S101 - narrows the type
        self._stack.enter_context(inside(self._held))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As with ``async with``."""
        self._stack.close()
        held = self._held
        if held is not None:
            self._room.wait_for(lambda: self._free(held, failed=error is not None))

    async def _take_here(self) -> None:
        self._held = await self._taken()

    async def _taken(self) -> Held:
        wish = GuardWish(
            kind=GuardKind.LOCK,
            name=self.name,
            owner=new_owner(),
            period=Period(),
            zone=_UTC,
            lease=self._room.lease,
            keep=REMEMBERED,
        )
        guard, held = await take(self._room, wish, self._wait)
        if held is None:
            raise HourbellError(f"lock {self.name!r} is {guard.state}, which no lock can be: was its row edited?")
        return held

    async def _free(self, held: Held, *, failed: bool) -> None:
        """What the body raised is not hidden behind what may go wrong here."""
        try:
            await leave(self._room, held, GuardState.FREE, REMEMBERED)
        except StoreUnavailable as unavailable:
            _log.warning("lock %r could not be set free and ends with its lease: %s", self.name, unavailable)
        except HourbellError as refused:
            if not failed:
                raise
            _log.warning("%s", refused)

    def _refuse_again(self) -> None:
        if self._held is not None:
            raise HourbellError(f"this lock was used before: ask scheduler.lock({self.name!r}) for another one")
        refuse_nested(GuardKind.LOCK, self.name)
