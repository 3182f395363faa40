"""Log records written in a thread of their own, so that no slow file or terminal holds up whoever logs."""

from __future__ import annotations

import copy
import logging
import os
import queue
import threading

from hourbell.observability.logs import TrackingFilter

MOST = 100_000
PATIENCE = 5.0
"""Seconds that `flush` and `close` wait for the thread; what it has not written by then is written by the caller."""

_Item = logging.LogRecord | threading.Event | None


class QueuedHandler(logging.Handler):
    """Passes each record on to ``handlers`` in a thread of its own. Logging costs a place in a queue, whatever they do.

    Records are told their request and run first (`TrackingFilter`), since the thread could not know them. At the end of
    the process, when `logging.shutdown` closes it, everything is written that was logged, to the last line. Beyond
    ``most`` waiting records new ones are left out, counted, and the count is logged; memory is not used up.

    A forked child has a thread of its own and writes nothing of what its parent logged.
    """

    def __init__(self, *handlers: logging.Handler, most: int = MOST) -> None:
        super().__init__()
        self.handlers = handlers
        self._most = most
        self._closed = False
        self.addFilter(TrackingFilter())
        self._begin_anew()

    def emit(self, record: logging.LogRecord) -> None:
        """Put a copy with its message made into the queue: what its arguments become later must not matter."""
        if os.getpid() != self._pid:
            self._begin_anew()
        try:
            ready = copy.copy(record)
            ready.msg, ready.args = _message(record), None
        except Exception:  # noqa: BLE001 - as every handler does: logging must not hurt who logs
            self.handleError(record)
            return
        if self._closed:
            self._pass(ready)
        elif self._queue.qsize() >= self._most:
            self._left_out += 1
        else:
            self._tell_left_out()
            self._queue.put(ready)
            if self._thread is None:
                self._start()

    def flush(self) -> None:
        """Wait until all that was logged until now is written."""
        if self._thread is not None and not self._closed and os.getpid() == self._pid:
            written = threading.Event()
            self._queue.put(written)
            written.wait(PATIENCE)
        for handler in self.handlers:
            handler.flush()

    def close(self) -> None:
        """Write what is waiting, and end the thread. What is logged after that is written at once."""
        self.acquire()
        try:
            first, self._closed = not self._closed, True
            self._tell_left_out()
        finally:
            self.release()
        if first and self._thread is not None and os.getpid() == self._pid:
            self._queue.put(None)
            self._thread.join(PATIENCE)
            self._drain()
        super().close()

    def _begin_anew(self) -> None:
        self._pid = os.getpid()
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._left_out = 0
        self._closed = False

    def _start(self) -> None:
        # A daemon: the interpreter ends it after logging.shutdown, which waits for what it has to write.
        self._thread = threading.Thread(target=self._work, args=(self._queue,), name="hourbell-log", daemon=True)
        self._thread.start()

    def _work(self, waiting: queue.SimpleQueue[_Item]) -> None:
        while (item := waiting.get()) is not None:
            self._do(item)

    def _drain(self) -> None:
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return
            if item is not None:
                self._do(item)

    def _do(self, item: logging.LogRecord | threading.Event) -> None:
        if isinstance(item, threading.Event):
            item.set()
        else:
            self._pass(item)

    def _pass(self, record: logging.LogRecord) -> None:
        for handler in self.handlers:
            if record.levelno >= handler.level:
                try:
                    handler.handle(record)
                except Exception:  # noqa: BLE001 - the others, and the next line, are still to be written
                    self.handleError(record)

    def _tell_left_out(self) -> None:
        count, self._left_out = self._left_out, 0
        if count:
            told = f"{count} lines were left out: they came faster than they could be written"
            self._queue.put(logging.LogRecord("hourbell.log", logging.WARNING, "", 0, told, None, None))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a line that cannot be put together is still worth a line
        return f"{record.msg!s} (its arguments do not fit)"
