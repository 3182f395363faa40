"""Telling the other nodes that there is work for them: seldom, and never while something waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.clock import Clock
    from hourbell.store.protocol import Store

GAP = 0.1
"""Seconds between two hints at the least: many reasons make one hint."""


class Hinting:
    """Sends hints from a loop of its own, so that neither firing nor claiming waits for them."""

    def __init__(self, store: Store, clock: Clock, wake: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._wake = wake
        self._pending = False
        self._sent_at = clock.elapsed() - GAP

    async def step(self) -> float | None:
        """Send the hint that was asked for, if any; or answer how long it has to wait."""
        if not self._pending:
            return None
        wait = self._sent_at + GAP - self._clock.elapsed()
        if wait > 0:
            return wait
        self._pending = False
        self._sent_at = self._clock.elapsed()
        await self._store.hint()
        return None

    def ask(self) -> None:
        """There is work that this node cannot take."""
        self._pending = True
        self._wake()
