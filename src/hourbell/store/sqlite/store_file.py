"""The file of a store: opening it, and seeing whether it is still the one that was opened."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hourbell.errors import StoreUnavailable
from hourbell.store.sqlite_values import stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.clock import Clock
    from hourbell.store.statements import Statement

LOOK_EVERY = 0.5
"""Seconds from one look to the next: each lets go of the interpreter's lock, which costs more than the look itself."""

_BESIDE = ("", "-wal", "-shm")
_PRAGMAS = (
    *("connection.journal", "connection.log_size", "connection.synchronous", "connection.foreign_keys"),
    "watching.changed",  # reads, so that the files beside it are there
)

Identity = tuple[tuple[int, int] | None, ...]


class StoreFile:
    """Used by all connections of a process.

    A file that somebody deletes, moves or replaces is written to by those who have it open as if nothing had happened:
    what they are asked for is gone with it, and whoever opens the name sees another file. So that is looked for.
    """

    def __init__(self, path: Path, statements: Mapping[str, Statement], clock: Clock, *, patience: float) -> None:
        # The last connection may be opened when somebody has gone to another folder.
        self.path = path.absolute()
        self.name = str(path)
        self._statements = statements
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._connections = 0
        self._opened: Identity = ()
        self._looked = 0.0

    def connect(self, *, waits: bool) -> sqlite3.Connection:
        """A connection to the file that the others have open. Raises StoreUnavailable when that is not there any more.

        ``waits``: for what others have locked, which who writes does by itself.
        """
        with self._lock:
            if self._connections:
                self._compare(self._found())
            connection = sqlite3.connect(self.path, timeout=self._patience, isolation_level=None)
            try:
                # The statements name now(); they never reach it, for :now always carries the host's clock.
                connection.create_function("now", 0, lambda: stored(self._clock.host_now()))
                for name in _PRAGMAS if waits else (*_PRAGMAS, "connection.no_waiting"):
                    connection.execute(self._statements[name].text).fetchall()
            except BaseException:
                connection.close()
                raise
            if not self._connections:
                self._opened = self._found()
            self._connections += 1
            return connection

    def disconnect(self, connection: sqlite3.Connection) -> None:
        """Close it. The last of all that are open anywhere takes the files beside this one away."""
        with self._lock:
            connection.close()
            self._connections -= 1

    def check(self) -> None:
        """Raises StoreUnavailable when it is another file by now, or none."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY and self._connections:
            self._looked = now
            with self._lock:
                if self._connections:
                    self._compare(self._found())

    def _compare(self, found: Identity) -> None:
        gone = [one is not None and one != now for one, now in zip(self._opened, found, strict=True)]
        if not any(gone):
            return
        self._looked = 0.0  # who comes next is to look as well
        if gone[0]:
            raise StoreUnavailable(
                f"{self.name} was deleted, moved or replaced while this process had it open, so nothing is written any "
                "more. Put it back; or stop every process that uses it, remove the -wal and -shm that it has left "
                "behind, and start them again"
            )
        raise StoreUnavailable(
            f"the -wal or -shm beside {self.name} was deleted or replaced while this process had it open, so nothing "
            "is written any more: others would damage the file. Stop every process that uses it, and start them again"
        )

    def _found(self) -> Identity:
        return tuple(_identity(f"{self.path.resolve()}{end}") for end in _BESIDE)


def _identity(file: str) -> tuple[int, int] | None:
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
