"""A guard that this process holds: until when it may count on it, and who is stopped when it may not."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from hourbell.model.trusted import trusted

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.clock import Clock
    from hourbell.model.guard import GuardHold


class Held:
    """One taking of a guard, and the moment until which it is trusted, on the clock that only grows.

    That is a lease after the *start* of the last good renewal, minus a margin: whoever comes next sees the lease end
    later than its holder does. Renewals come from the keeper's thread; everything here may be called from any.
    """

    def __init__(self, hold: GuardHold, clock: Clock, lease: float, asked: float) -> None:
        self.hold = hold
        self._clock = clock
        self._span = trusted(lease)
        self._deadline = asked + self._span
        self._lost = False
        self._pid = os.getpid()
        self._told: Callable[[], None] | None = None
        self.is_left = False

    @property
    def holds(self) -> bool:
        """True while nobody else can have it. In a forked child, which copied everything, it never is."""
        return not self._lost and self._clock.elapsed() < self._deadline and os.getpid() == self._pid

    @property
    def left(self) -> float:
        """Seconds until it ends unless it is renewed."""
        return max(0.0, self._deadline - self._clock.elapsed())

    def tell(self, told: Callable[[], None]) -> None:
        """Call this once when it is lost, in the thread that finds it out; at once when it is lost already."""
        self._told = told
        if self._lost:
            self._tell()

    def renewed(self, asked: float) -> None:
        """A renewal that was sent at ``asked`` succeeded. What was lost meanwhile stays lost."""
        if self.holds:
            self._deadline = max(self._deadline, asked + self._span)

    def lose(self) -> None:
        """Somebody else has it, or may have."""
        self._lost = True
        self._tell()

    def _tell(self) -> None:
        told, self._told = self._told, None
        if told is not None:
            told()


class Interruption:
    """Cancels the task that is in the block of a guard which is lost, as a timeout cancels what takes too long."""

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._cancelling = self._task.cancelling() if self._task is not None else 0
        self._open = True
        self._struck = False

    def ask(self) -> None:
        """From any thread."""
        try:
            self._loop.call_soon_threadsafe(self._strike)
        except RuntimeError:  # the loop is closed, and its tasks with it
            return

    def over(self, error: type[BaseException] | None) -> bool:
        """The block is left. True when it is left by this interruption alone, and not because others cancel it too."""
        self._open = False
        if not self._struck or self._task is None:
            return False
        return self._task.uncancel() <= self._cancelling and error is asyncio.CancelledError

    def _strike(self) -> None:
        if self._open and not self._struck and self._task is not None:
            self._struck = True
            self._task.cancel()
