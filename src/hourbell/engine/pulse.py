"""The progress of the application's event loop, seen from outside of it."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

    from hourbell.clock import Clock
    from hourbell.engine.status import Blockage

REMEMBERED = 60.0
"""Seconds for which health tells of what blocked the loop: whoever asks it then could not be answered meanwhile."""


class Pulse:
    """The application's loop stamps it every ``period`` seconds; any thread may ask how long it has been silent.

    ``lag`` is how many seconds too late the last stamp came: what everything else on the loop has to wait as well.
    """

    def __init__(self, clock: Clock, period: float) -> None:
        self._clock = clock
        self.period = period
        self.lag = 0.0
        self._worst = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self.blockage: Blockage | None = None
        self._stamp = clock.elapsed()
        self._thread_id = threading.get_ident()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to stamp, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._stamp = self._clock.elapsed()
        self._thread_id = threading.get_ident()
        self._beat()

    def stop(self) -> None:
        """Stamp no more."""
        if self._timer is not None:
            self._timer.cancel()

    def silence(self) -> float:
        """Seconds since the loop last got a turn."""
        return self._clock.elapsed() - self._stamp

    def worst(self) -> float:
        """The longest lag since this was asked last."""
        worst, self._worst = self._worst, 0.0
        return worst

    def blocked(self) -> Blockage | None:
        """What held the loop up within the last minute, as its watch has told; None when nothing did."""
        seen = self.blockage
        if seen is None or (self._clock.now() - seen.seen_at).total_seconds() > REMEMBERED:
            return None
        return seen

    def task(self) -> asyncio.Task[Any] | None:
        """The task that the loop is stepping just now."""
        return asyncio.current_task(self._loop) if self._loop is not None else None

    def frame(self) -> FrameType | None:
        """The innermost frame of the loop's thread just now."""
        return sys._current_frames().get(self._thread_id)

    def stack(self) -> str:
        """Where the loop's thread is just now."""
        frame = self.frame()
        return "".join(traceback.format_stack(frame)) if frame is not None else "(its thread is gone)"

    def _beat(self) -> None:
        now = self._clock.elapsed()
        self.lag = max(0.0, now - self._stamp - self.period)
        self._worst = max(self._worst, self.lag)
        self._stamp = now
        self._timer = asyncio.get_running_loop().call_later(self.period, self._beat)
