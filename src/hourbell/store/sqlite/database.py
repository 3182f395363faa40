"""Running scripts on SQLite: writers one at a time, each script whole in one hop to the connection's thread."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, TypeVar

from hourbell.effects import effect_session
from hourbell.errors import HourbellError, StoreUnavailable
from hourbell.store.sqlite.connection_thread import CLOSED, ConnectionThread, FileHeld, is_busy
from hourbell.store.sqlite.holder import name_of, writer_of
from hourbell.store.sqlite.store_file import StoreFile
from hourbell.store.sqlite.turns import Turns
from hourbell.store.sqlite_values import rows, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hourbell.clock import Clock
    from hourbell.store.driver import Lane, Span
    from hourbell.store.scripts.script import Begin, Call, Row
    from hourbell.store.statements import Statement

T = TypeVar("T")

_REST = 0.002
_SLOW, _SHARE = 0.1, 0.02
"""Seconds that writing took, from which on the disk is slow; and the part of them that belongs to others."""

_ASK_AGAIN = (0.001, 0.002, 0.005, 0.01, 0.015)
_ASK_ON = 0.02
"""SQLite's own waits grow to 0.1 s: who asks more often is the first in a gap, and a lease depends on that."""
_THREADS: Mapping[str, str] = {"renew": "renew", "read": "read"}


class SqliteDatabase:
    """The driver of `SqlStore` for SQLite. Shared by every event loop of the process: its threads are its own.

    Three connections: one writes, one reads, one renews, so that a renewal waits for no batch of its own process.
    """

    has_row_locks = can_hold = False
    is_lent = False

    def __init__(
        self,
        path: Path,
        statements: Mapping[str, Statement],
        clock: Clock,
        *,
        patience: float,
        verbs_patience: float,
    ) -> None:
        self.file = StoreFile(path, statements, clock, patience=patience)
        self._statements = statements
        self._clock = clock
        self._patience = patience
        self._verbs_patience = verbs_patience
        self.statements = 0
        self._users = 0
        self._lock = threading.Lock()
        self._threads: dict[str, ConnectionThread] = {}
        self._seen_version = 0
        self._turns = Turns()
        self._inside = False  # a transaction of ours: whose turn it is

    def open(self) -> None:
        """Start the threads with the first user. The file is opened when the first script comes."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                for name in ("write", "read", "renew"):
                    waits = name == "read"
                    self._threads[name] = ConnectionThread(f"hourbell-sqlite-{name}", self.file, waits=waits)

    def close(self) -> None:
        """Stop the threads with the last user."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for thread in self._threads.values():
                    thread.stop()
                self._threads = {}

    async def run(
        self, begin: Begin[T], lane: Lane, *, atomic: bool = True, hold: Callable[[T], Span | None] | None = None
    ) -> T:
        """Run a script in one hop. Reading lanes need no transaction; everything else is BEGIN IMMEDIATE."""
        if lane == "read" or (lane == "fire" and not atomic):
            return await self.on("read", lambda connection: self._drive(connection, begin))
        if effect_session() is not None:
            raise HourbellError(
                "this call would wait for the transaction of the effect that it is made in, since SQLite has one "
                "writer at a time: make it outside of the effect's block"
            )
        writer = _THREADS.get(lane, "write")
        deadline = time.monotonic() + self._verbs_patience
        while True:
            until = time.monotonic() + self._patience  # what waits behind others that wait does not begin anew
            try:
                return await self.on(
                    writer,
                    lambda connection, until=until: self.in_transaction(  # type: ignore[misc]
                        connection, lambda: self._drive(connection, begin), until
                    ),
                )
            except FileHeld as held:
                # What users ask for waits longer than the loops do, which share the connection and get their turns. But
                # what may be waiting for its own caller ends before it costs the node its lease.
                if lane != "verbs" or held.is_ours or time.monotonic() >= deadline:
                    raise

    async def on(self, name: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work on one of the connections. A caller that is cancelled leaves the work to finish by itself."""
        thread = self._threads.get(name)
        if thread is None:
            raise StoreUnavailable(CLOSED)
        return await asyncio.wrap_future(thread.submit(work))

    def in_transaction(self, connection: sqlite3.Connection, work: Callable[[], T], until: float | None = None) -> T:
        """Do work between BEGIN IMMEDIATE and COMMIT, on the connection's own thread. Raises FileHeld when somebody
        else still writes at ``until``."""
        until = until if until is not None else time.monotonic() + self._patience
        with self._turns.taken(until) as is_ours:
            if not is_ours:
                raise self._held("not its turn")
            self._begin(connection, until)
            began = time.monotonic()
            self._inside = True
            try:
                result = work()
                self._bracket(connection, "transaction.commit")
            except BaseException:
                if connection.in_transaction:
                    self._bracket(connection, "transaction.rollback")
                raise
            finally:
                self._inside = False
            self._rest(connection, time.monotonic() - began)
        return result

    def _begin(self, connection: sqlite3.Connection, until: float) -> None:
        for wait in chain(_ASK_AGAIN, repeat(_ASK_ON)):
            try:
                self._bracket(connection, "transaction.begin")
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                left = until - time.monotonic()
                if left <= 0:
                    raise self._held(str(error)) from error
                time.sleep(min(wait, left))
            else:
                return

    def _held(self, said: str) -> FileHeld:
        """Who it is, where that can be known."""
        name = self.file.name
        if self._inside:
            return FileHeld(f"{name} has been written to by this process for too long ({said}): its disk is slow")
        writer = writer_of(self.file.path)
        if writer == os.getpid():
            return FileHeld(
                f"{name} is held by a transaction of this process that has written something and is not committed "
                f"({said}). Where that is the session of whoever asks for this, it waited for itself: give the "
                "session along, as in `task.options(session=session).enqueue(…)`, or commit before",
                is_ours=True,
            )
        who = f"process {name_of(writer)}" if writer is not None else "another process"
        return FileHeld(f"{name} is held by {who} for too long ({said}); see what it does there")

    def _rest(self, connection: sqlite3.Connection, took: float) -> None:
        """Let other processes in. SQLite's lock has no queue: who asks again at once starves who sleeps and polls."""
        version = connection.execute(self._statements["watching.changed"].text).fetchone()[0]
        if version != self._seen_version:
            self._seen_version = version
            time.sleep(max(_REST, took * _SHARE))
        elif took >= _SLOW:  # those whom we keep waiting have not been able to change anything
            time.sleep(took * _SHARE)

    def _bracket(self, connection: sqlite3.Connection, name: str) -> None:
        connection.execute(self._statements[name].text)

    def _drive(self, connection: sqlite3.Connection, begin: Begin[T]) -> T:
        now = self._clock.host_now()
        script = begin()
        try:
            asked = next(script)
            while True:
                asked = script.send(self.send(connection, asked, now))
        except StopIteration as end:
            result: T = end.value
            return result

    def send(self, connection: sqlite3.Connection, asked: Call, now: Any) -> Sequence[Row]:
        """Bind and run one call, row by row where it has rows."""
        statement = self._statements[asked.statement]
        common = {name: stored(value) for name, value in asked.values.items()}
        common["now"] = stored(now)
        if asked.rows is None:
            self.statements += 1
            return rows(connection.execute(statement.text, common))
        found: list[Row] = []
        for row in asked.rows:
            self.statements += 1
            bound = common | {name: stored(value) for name, value in row.items()}
            found.extend(rows(connection.execute(statement.text, bound)))
        return found
