"""What a body sees of work that is to be done once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from hourbell.block import Block

if TYPE_CHECKING:
    from datetime import timedelta

    from hourbell.context import Context


class Once(Block, Protocol):
    """The block of `Context.once` and `Scheduler.once`: true for whoever is to do the work, false once it was done.

    Entered with ``async with``, or ``with`` in a plain function that runs in a thread. The work is done when the block
    is left without an error. Raises Busy when it is entered and ``wait`` is over, LeaseLost when it is left and another
    one may have begun the work anew.
    """

    key: str

    def __bool__(self) -> bool: ...

    @property
    def result(self) -> Any:
        """What was kept of the work; None when nothing was."""

    @property
    def fence(self) -> int:
        """A number that rises each time the work is begun: what compares it can refuse who was replaced."""

    @property
    def lost(self) -> bool:
        """True once another one may have begun the work anew."""

    def keep(self, value: Any) -> None:
        """What those who come later get as ``result``. Raises ResultRejected when it cannot be kept."""

    async def done(self, session: Any) -> None:
        """Write in this session's transaction that the work is done: so it is exactly if that commits.

        As the last call before the commit, inside the block. Raises LeaseLost, and InvalidArguments for a session on
        another database.
        """

    def done_sync(self, session: Any) -> None:
        """As `done`, in a session that is never awaited."""


class Guards(Protocol):
    """Who makes such blocks for a body: its scheduler, or the way to it from another process."""

    def once(
        self,
        context: Context,
        key: str,
        *,
        period: timedelta | str | None,
        wait: float | None,
        timezone: str | None,
    ) -> Once:
        """See `Context.once`."""
