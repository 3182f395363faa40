"""Calling for help: a node that has its hands full tells the others that there is work."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.clock import Clock

CROWDED_GAP = 1.0
"""Seconds between two calls of a node that has its hands full, which it may have for hours."""


class Crowding:
    """Calls seldom. On the application's loop: to cross over to the other thread costs more than to look here."""

    def __init__(self, clock: Clock, crowded: Callable[[], object]) -> None:
        self._clock = clock
        self._crowded = crowded
        self._called_at = clock.elapsed() - CROWDED_GAP

    def call(self) -> None:
        """There is more than this node can take."""
        if self._clock.elapsed() - self._called_at >= CROWDED_GAP:
            self._called_at = self._clock.elapsed()
            self._crowded()
