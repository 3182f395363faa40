"""One SQLite connection on a thread of its own: work goes in by a queue and comes back as a future."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from hourbell.errors import HourbellError, StoreMisconfigured, StoreRejected, StoreUnavailable

if TYPE_CHECKING:
    from hourbell.store.sqlite.store_file import StoreFile

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

CLOSED = "the store is closed; open it first"

_BUSY = ("locked", "busy")
_GONE = ("unable to open", "disk", "i/o error", "readonly", "full")
_FOR_GOOD = ("unable to open", "i/o error", "readonly", "malformed")
"""What a connection may keep saying when its cause is long over: it was opened as it was possible then."""


class FileHeld(StoreUnavailable):
    """Somebody else is writing, and did not end within the time that one waits for that. Nothing was done.

    ``is_ours``: a transaction of this process, so that the caller may be what it waits for.
    """

    def __init__(self, message: str, *, is_ours: bool = False) -> None:
        super().__init__(message)
        self.is_ours = is_ours


class ConnectionThread:
    """Runs one piece of work after another on its connection, which it opens when the first piece comes, and again when
    it is of no use any more. ``waits``: see `StoreFile.connect`."""

    def __init__(self, name: str, file: StoreFile, *, waits: bool) -> None:
        self._file = file
        self._waits = waits
        self._queue: queue.SimpleQueue[tuple[Work, Future[Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopped = False
        # A daemon: a process that ends without closing the store must not wait for it.
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue work. The future carries its result, or one of the store's errors. StoreUnavailable once stopped."""
        future: Future[T] = Future()
        with self._lock:  # nothing may come after the mark of the end: nobody would ever look at it
            if self._stopped:
                raise StoreUnavailable(CLOSED)
            self._queue.put((work, future))
        return future

    def stop(self) -> None:
        """End after the work that is queued, and wait for that."""
        with self._lock:
            self._stopped = True
            self._queue.put(None)
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        connection: sqlite3.Connection | None = None
        while (item := self._queue.get()) is not None:
            work, future = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                self._file.check()
                if connection is None:
                    connection = self._file.connect(waits=self._waits)
                future.set_result(work(connection))
            except sqlite3.Error as error:
                future.set_exception(translated(error, self._file.name))
                if connection is not None and any(word in str(error).lower() for word in _FOR_GOOD):
                    self._file.disconnect(connection)
                    connection = None
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the future
                future.set_exception(error)
            del item, work, future
        if connection is not None:
            self._file.disconnect(connection)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether somebody else has the file just now."""
    return any(word in str(error).lower() for word in _BUSY)


def translated(error: sqlite3.Error, file: str) -> HourbellError:
    """The store's error for one of SQLite's, naming the file."""
    said = str(error)
    lowered = said.lower()
    if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError):
        return StoreRejected(f"SQLite refused the data: {said}")
    if is_busy(error):
        return FileHeld(f"{file} is held by another process for too long ({said}); see which one has it open")
    if "no such table" in lowered or "no such column" in lowered:
        return StoreMisconfigured(f"the tables in {file} are missing or too old ({said}); run `hourbell migrate`")
    if "malformed" in lowered:
        return StoreMisconfigured(
            f"{file} is damaged ({said}); `hourbell doctor` says more. Stop every process that has it open, keep a "
            "copy, and restore it from a backup"
        )
    if "not a database" in lowered or "syntax error" in lowered:
        return StoreMisconfigured(f"{file} cannot be used ({said}); check the database URL and SQLite's version")
    if any(word in lowered for word in _GONE):
        return StoreUnavailable(f"{file} cannot be used ({said}); check that its folder exists, rights and disk")
    return StoreUnavailable(f"SQLite failed on {file} ({said})")
