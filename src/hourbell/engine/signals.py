"""Stopping at the signal itself: chained to the handlers that are installed, and put back at the end."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT)

ECHO = 0.7
"""Seconds after the first signal within which others are taken for its echo: a terminal or systemd signals the whole
group of processes, and the parent of several server processes then passes on what it got itself."""


class Signals:
    """The first signal calls ``first``, a later one ``second``; the handler that was there before is called as well.

    At a second signal that handler is told SIGINT, whatever came: servers such as uvicorn leave at once only for that.
    Only the main thread may install handlers; elsewhere this does nothing.
    """

    def __init__(self, elapsed: Callable[[], float], first: Callable[[], None], second: Callable[[], None]) -> None:
        self._elapsed = elapsed
        self._first = first
        self._second = second
        self._before: dict[int, Any] = {}
        self._came: float | None = None
        self._unanswered: int | None = None

    def install(self) -> None:
        """Put our handler in front of those that are there."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in STOPPING:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._handle)

    def restore(self) -> None:
        """Put back what was there, where nobody has replaced ours since."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number, before in self._before.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, before if before is not None else signal.SIG_DFL)
        self._before = {}

    def answer(self) -> None:
        """The node has stopped. A signal that nobody but us has handled does now what it would have done."""
        number, self._unanswered = self._unanswered, None
        if number is not None:
            self.restore()
            os.kill(os.getpid(), number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = self._elapsed()
        before = self._before.get(number)
        if self._came is None:
            self._came = now
            self._first()
        elif now - self._came > ECHO:
            self._second()
            if callable(before):
                before(signal.SIGINT, frame)
            else:
                # Nobody else listens, and this is not the first time: go, as the signal says.
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            return
        if callable(before):
            before(number, frame)
        else:
            self._unanswered = number
