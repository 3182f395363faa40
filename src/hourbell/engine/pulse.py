"""The progress of the application's event loop, seen from outside of it."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourbell.clock import Clock


class Pulse:
    """The application's loop stamps it every ``period`` seconds; any thread may ask how long it has been silent."""

    def __init__(self, clock: Clock, period: float) -> None:
        self._clock = clock
        self._period = period
        self._stamp = clock.elapsed()
        self._thread_id = threading.get_ident()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to stamp, on the running event loop."""
        self._thread_id = threading.get_ident()
        self._beat()

    def stop(self) -> None:
        """Stamp no more."""
        if self._timer is not None:
            self._timer.cancel()

    def silence(self) -> float:
        """Seconds since the loop last got a turn."""
        return self._clock.elapsed() - self._stamp

    def stack(self) -> str:
        """Where the loop's thread is just now."""
        frame = sys._current_frames().get(self._thread_id)
        return "".join(traceback.format_stack(frame)) if frame is not None else "(its thread is gone)"

    def _beat(self) -> None:
        self._stamp = self._clock.elapsed()
        self._timer = asyncio.get_running_loop().call_later(self._period, self._beat)
