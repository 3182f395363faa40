"""The application's own transaction, as a store sees it that is to write in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Transaction(Protocol):
    """What a session or a connection of the application can do for us. It is never shared between tasks or threads.

    Whatever its database or its driver raises comes through as it is: the transaction is the application's, and so is
    what to do about it.
    """

    dialect: Literal["postgres", "sqlite"]
    numbered: bool
    """Parameters stand in the text as ``$1``, to be bound in their order; else as ``:name``."""
    is_sync: bool
    """It never suspends: it may be used where nothing can be awaited."""
    origin: object
    """What all transactions on the same database share, like their engine; held weakly. None: nothing is known."""

    @property
    def is_open(self) -> bool:
        """True while something may be written that is neither committed nor undone: others may wait for it."""

    async def execute(self, text: str, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Run one statement in the transaction, beginning one if need be, and answer its rows."""

    def after_commit(self, told: Callable[[], None]) -> None:
        """Call ``told`` once the transaction is committed, in whichever thread that happens; never after a rollback.

        Where the end of the transaction cannot be heard of, nothing is called.
        """

    async def enter(self) -> None:
        """Make sure that there is a transaction which `commit` can commit. Raises InvalidArguments."""

    async def flush(self) -> None:
        """Send what is not yet written, so that the next statement may be the last before the commit."""

    async def commit(self) -> None:
        """Commit everything that was done in it."""

    async def rollback(self) -> None:
        """Undo everything that was done in it."""
