"""The store in an SQLite file: the composition of driver, migrations and the look at what has changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hourbell.clock import Clock, SystemClock
from hourbell.errors import InvalidArguments
from hourbell.store.scripts.script import call
from hourbell.store.sql_store import SqlStore
from hourbell.store.sqlite.database import SqliteDatabase
from hourbell.store.sqlite.migrating import SqliteMigrating
from hourbell.store.statements import load

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from hourbell.model.plan import NextWork


@dataclass(frozen=True, slots=True)
class _Seen:
    """The last look: the file's version, what was asked, what was answered."""

    version: int
    asked: tuple[object, ...]
    work: NextWork


class SqliteStore(SqlStore):
    """See `hourbell.store.protocol.Store`. For one host: every process opens the same file.

    ``patience`` is how many seconds a writer waits for another one. A process that is frozen inside its millisecond
    of writing blocks the file until it goes on or dies; SQLite has no timer against that.
    """

    def __init__(self, path: str | Path, clock: Clock | None = None, *, patience: float = 5.0) -> None:
        if str(path) in ("", ":memory:"):
            raise InvalidArguments("SQLite needs a file, since every process opens it; for tests use memory://")
        self._clock = clock or SystemClock()
        statements = load("sqlite")
        self._sqlite = SqliteDatabase(Path(path), statements, self._clock, patience)
        self._migrating = SqliteMigrating(self._sqlite, statements, self._clock)
        self._seen: _Seen | None = None
        self._is_open = False
        super().__init__(self._sqlite)

    def twin(self) -> SqliteStore:
        """Another handle on the same connections: they have threads of their own and serve any event loop."""
        twin = SqliteStore.__new__(SqliteStore)
        twin._clock, twin._sqlite, twin._migrating = self._clock, self._sqlite, self._migrating
        twin._seen, twin._is_open = None, False
        SqlStore.__init__(twin, self._sqlite)
        return twin

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
        return await self._sqlite.on("renew", self._migrating.migrate)

    async def next_work(self, node_id: str, tasks: Collection[str], queues: Sequence[str] | None) -> NextWork:
        """As the port says; while nothing was written to the file, the last answer is only moved on in time."""
        asked = (node_id, tuple(tasks), queues)
        version = await self._sqlite.on("read", self._version)
        seen = self._seen
        if seen is not None and seen.version == version and seen.asked == asked:
            now = self._clock.host_now()
            if _still_true(seen.work, now):
                return replace(seen.work, now=now)
        work = await super().next_work(node_id, tasks, queues)
        self._seen = _Seen(version, asked, work)
        return work

    def _version(self, connection: sqlite3.Connection) -> int:
        rows = self._sqlite.send(connection, call("watching.changed"), self._clock.host_now())
        version: int = rows[0]["data_version"]
        return version

    async def listen(self, heard: Callable[[], None]) -> None:
        """SQLite sends no hints: the poll is cheap, since it first looks whether the file has changed."""

    async def hint(self) -> None:
        """Nobody to tell."""


def _still_true(work: NextWork, now: datetime) -> bool:
    """Nothing was due then, and no instant that it named has come since (or time went back)."""
    if work.fire_due or work.run_due or now < work.now:
        return False
    return not any(at is not None and at <= now for at in (work.next_fire_at, work.next_run_at))
