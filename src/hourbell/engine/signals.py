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
    Only the main thread may install handlers; elsewhere this does nothing. Who put theirs in front of ours may call
    ours for as long as the process lives: once we are over, and in a copy of the process that somebody forked (a pool
    ends its workers by SIGTERM), a signal does what it would do without us.
    """

    def __init__(self, elapsed: Callable[[], float], first: Callable[[], None], second: Callable[[], None]) -> None:
        self._elapsed = elapsed
        self._first = first
        self._second = second
        self._before: dict[int, Any] = {}
        self._came: float | None = None
        self._unanswered: int | None = None
        self._over = False
        self._pid = os.getpid()

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
        self._over = True
        if threading.current_thread() is not threading.main_thread():
            return
        for number, before in self._before.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, before if before is not None else signal.SIG_DFL)

    def answer(self) -> None:
        """The node has stopped. A signal that nobody but us has handled does now what it would have done."""
        number, self._unanswered = self._unanswered, None
        if number is None:
            return
        self.restore()
        present = getattr(signal.getsignal(number), "__self__", None)
        if isinstance(present, Signals) and not present._over:
            present._unanswered = number  # another node has not stopped yet: it is the last who answers
        else:
            os.kill(os.getpid(), number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._over or os.getpid() != self._pid:
            self._pass_on(number, frame)
            return
        now = self._elapsed()
        before = self._before.get(number)
        if self._came is None:
            self._came = now
            self._first()
        elif now - self._came > ECHO:
            self._second()
            # Where nobody else listens, and this is not the first time: go, as the signal says.
            self._pass_on(number, frame, told=signal.SIGINT)
            return
        if callable(before):
            before(number, frame)
        else:
            self._unanswered = number

    def _pass_on(self, number: int, frame: FrameType | None, *, told: int | None = None) -> None:
        before = self._before.get(number)
        if callable(before):
            before(told or number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
