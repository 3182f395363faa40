"""Who writes next, among the threads of one process: whoever came first."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Turns:
    """SQLite's lock has no line: on a slow disk, who writes one thing after the other has it nearly always, and a
    renewal that asks now and then finds it free by luck."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._line: deque[object] = deque()

    @contextmanager
    def taken(self, until: float) -> Iterator[bool]:
        """Hold the turn; False when others still had it at ``until``, of the monotonic clock."""
        mine = object()
        with self._moved:
            self._line.append(mine)
            is_mine = self._line[0] is mine or self._moved.wait_for(
                lambda: self._line[0] is mine, max(0.0, until - time.monotonic())
            )
        try:
            yield is_mine
        finally:
            with self._moved:
                self._line.remove(mine)
                if self._line:
                    self._moved.notify_all()
