"""The store in an SQLite file: the composition of driver and migrations."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from hourbell.clock import Clock, SystemClock
from hourbell.errors import InvalidArguments
from hourbell.store.sql_store import VERBS_PATIENCE, SqlStore
from hourbell.store.sqlite.database import SqliteDatabase
from hourbell.store.sqlite.examining import SqliteExamining
from hourbell.store.sqlite.migrating import SqliteMigrating
from hourbell.store.statements import load
from hourbell.store.within import Lending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.model.database_facts import DatabaseFacts
    from hourbell.model.hint import Heard
    from hourbell.store.protocol import StoreVerbs
    from hourbell.store.scripts.script import Row
    from hourbell.store.transaction import Transaction


class SqliteStore(SqlStore):
    """See `hourbell.store.protocol.Store`. For one host: every process opens the same file.

    ``patience`` is how many seconds a writer waits for another one, and ``verbs_patience`` the same for what users ask,
    if that is more. A process that is frozen inside its millisecond
    of writing blocks the file until it goes on or dies; SQLite has no timer against that.
    """

    def __init__(
        self,
        path: str | Path,
        clock: Clock | None = None,
        *,
        patience: float = 5.0,
        verbs_patience: float = VERBS_PATIENCE,
    ) -> None:
        if str(path) in ("", ":memory:"):
            raise InvalidArguments("SQLite needs a file, since every process opens it; for tests use memory://")
        self._clock = clock or SystemClock()
        statements = load("sqlite")
        self._sqlite = SqliteDatabase(
            Path(path), statements, self._clock, patience=patience, verbs_patience=verbs_patience
        )
        self._migrating = SqliteMigrating(self._sqlite, statements, self._clock)
        self._examining = SqliteExamining(self._sqlite.file.path, statements)
        self._lending = Lending("sqlite", self._clock, named=lambda _: statements, ask=self._identity, place={})
        self._is_open = False
        super().__init__(self._sqlite)

    def twin(self) -> SqliteStore:
        """Another handle on the same connections: they have threads of their own and serve any event loop."""
        twin = SqliteStore.__new__(SqliteStore)
        twin._clock, twin._sqlite, twin._migrating = self._clock, self._sqlite, self._migrating
        twin._lending, twin._examining = self._lending, self._examining
        twin._is_open = False
        SqlStore.__init__(twin, self._sqlite)
        return twin

    async def within(self, transaction: Transaction, *, may_ask: bool = True) -> StoreVerbs:
        """The verbs in a transaction of the application's, on the same file."""
        return SqlStore(await self._lending.database(transaction, may_ask=True))

    async def _identity(self) -> Row:
        return {"here": str(self._sqlite.file.path)}

    async def open(self) -> None:
        """Start the connections' threads."""
        if not self._is_open:
            self._is_open = True
            self._sqlite.open()

    async def close(self) -> None:
        """Stop the threads when no other handle uses them."""
        if self._is_open:
            self._is_open = False
            await asyncio.to_thread(self._sqlite.close)

    async def migrate(self) -> Sequence[str]:
        """Apply the missing migrations. Raises StoreMisconfigured when this SQLite lacks what the statements need."""
        self._migrating.probe()
        return await self._sqlite.on("renew", self._migrating.migrate) if await self.pending() else []

    async def pending(self) -> Sequence[str]:
        """What is missing, by its names."""
        return await self._sqlite.on("read", self._migrating.pending)

    async def examine(self) -> DatabaseFacts:
        """What the file says, and how it looks from outside."""
        return await self._sqlite.on(
            "read", lambda connection: self._examining.examine(connection, self._migrating.pending)
        )

    async def listen(self, heard: Heard) -> None:
        """SQLite sends no hints; a poll is one statement inside this process and costs microseconds."""

    async def hint(self) -> None:
        """Nobody to tell."""
