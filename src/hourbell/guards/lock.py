"""A named lock: one holder at a time over all nodes, for as long as its lease is renewed."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hourbell.errors import HourbellError, StoreUnavailable
from hourbell.guards.block import Block
from hourbell.guards.taking import leave, new_owner, refuse_nested, take
from hourbell.model.guard import GuardKind, GuardState, GuardWish
from hourbell.model.period import Period
from hourbell.telling import Telling

if TYPE_CHECKING:
    from hourbell.guards.held import Held
    from hourbell.guards.taking import GuardRoom

REMEMBERED = timedelta(days=1)
"""For how long a lock that nobody has is kept: its next fence would be as good without."""

_UTC = ZoneInfo("UTC")
_log = Telling(logging.getLogger("hourbell.guards"))


class Lock(Block):
    """``async with scheduler.lock(name) as lock:``, or ``with`` in a plain function that runs in a thread.

    Raises Busy when it is entered and ``wait`` is over.
    When the lease is lost, the task in the block is cancelled, and leaving the block raises LeaseLost. A thread cannot
    be cancelled: it looks at ``lock.lost``, and leaving the block raises all the same.
    """

    verb = "scheduler.lock"

    def __init__(self, room: GuardRoom, name: str, wait: float | None) -> None:
        super().__init__(room)
        self.name = name
        self._wait = wait

    @property
    def fence(self) -> int:
        """A number above those of all earlier holders: what compares it can refuse one that was replaced.

        Raises HourbellError before the lock was taken.
        """
        if self._held is None:
            raise HourbellError(f"lock {self.name!r} has no fence before it is taken: use it as `async with`")
        return self._held.hold.fence

    def __repr__(self) -> str:
        return f"<Lock {self.name!r}>"

    async def _enter(self) -> None:
        wish = GuardWish(
            kind=GuardKind.LOCK,
            name=self.name,
            owner=new_owner(),
            period=Period(),
            zone=_UTC,
            lease=self._room.lease,
            keep=REMEMBERED,
        )
        guard, self._held = await take(self._room, wish, self._wait)
        if self._held is None:
            raise HourbellError(f"lock {self.name!r} is {guard.state}, which no lock can be: was its row edited?")

    async def _leave(self, held: Held, error: BaseException | None) -> None:
        """What the body raised is not hidden behind what may go wrong here."""
        try:
            await leave(self._room, held, GuardState.FREE, REMEMBERED)
        except StoreUnavailable as unavailable:
            _log.warning("lock %r could not be set free and ends with its lease: %s", self.name, unavailable)
        except HourbellError as refused:
            if error is None:
                raise
            _log.warning("%s", refused)

    def _refuse_again(self) -> None:
        if self._held is not None:
            raise HourbellError(f"this lock was used before: ask scheduler.lock({self.name!r}) for another one")
        refuse_nested(GuardKind.LOCK, self.name)
