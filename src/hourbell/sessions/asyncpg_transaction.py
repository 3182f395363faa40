"""A connection of asyncpg. It tells nobody of its commits, so other nodes find what was written by their next poll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class AsyncpgTransaction:
    """See `hourbell.store.transaction.Transaction`."""

    dialect: Literal["postgres", "sqlite"] = "postgres"
    numbered = True
    is_sync = False
    origin: object = None

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._own: Any = None

    @property
    def is_open(self) -> bool:
        """True inside of a transaction."""
        return bool(self._connection.is_in_transaction())

    async def execute(self, text: str, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Run one statement. Raises InvalidArguments outside of a transaction, where it would commit by itself."""
        if not self._connection.is_in_transaction():
            raise InvalidArguments(
                "the asyncpg connection is in no transaction, so nothing could be undone together: use it inside "
                "`async with connection.transaction():`"
            )
        found: Sequence[Mapping[str, Any]] = await self._connection.fetch(text, *values.values())
        return found

    def after_commit(self, told: Callable[[], None]) -> None:
        """Not to be heard of."""

    async def enter(self) -> None:
        """Begin the transaction that `commit` commits. Raises InvalidArguments when one is open already."""
        if self._connection.is_in_transaction():
            raise InvalidArguments(
                "the asyncpg connection is in a transaction already, which only its own block can commit: leave that "
                "out, the effect begins and commits one itself"
            )
        own = self._connection.transaction()
        await own.start()
        self._own = own

    async def flush(self) -> None:
        """Nothing is kept back."""

    async def commit(self) -> None:
        """Commit the transaction that `enter` began."""
        own, self._own = self._own, None
        await own.commit()

    async def rollback(self) -> None:
        """Undo the transaction that `enter` began."""
        own, self._own = self._own, None
        if own is not None and self._connection.is_in_transaction():
            await own.rollback()
