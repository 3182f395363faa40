"""How many schedules one transaction fires: as many as are done long before the database ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourbell.clock import Clock

LONG = 1 / 9
"""Of a lease: a batch that took longer is followed by smaller ones. The store's patience is a third of a lease."""

QUICK = LONG / 4
"""Of a lease: a full batch that took no longer is followed by larger ones."""


class BatchSize:
    """What one schedule costs is not known before: a due time, or a thousand that are caught up; nobody to count in its
    way, or ten thousand who wait for their turn. A batch that the database cannot carry out in time would be tried
    again for ever, and all that is due behind it would wait.
    """

    def __init__(self, clock: Clock, lease: float) -> None:
        self._clock = clock
        self._long = lease * LONG
        self._quick = lease * QUICK
        self._most: int | None = None

    def within(self, limit: int) -> int:
        """So many at the most, of ``limit``  that are wanted."""
        return limit if self._most is None else min(limit, self._most)

    def begin(self) -> float:
        """A batch begins: what `ended` or `failed` wants to know of it."""
        return self._clock.elapsed()

    def ended(self, begun: float, limit: int, *, is_full: bool) -> None:
        """A batch of ``limit``  was carried out."""
        took = self._clock.elapsed() - begun
        if took > self._long:
            self._shrink(limit, 2)
        elif self._most is not None and is_full and took <= self._quick:
            self._most *= 2

    def failed(self, begun: float, limit: int) -> None:
        """It was not, and if that took long, then perhaps because it was too large."""
        if self._clock.elapsed() - begun > self._long:
            self._shrink(limit, 4)

    def _shrink(self, limit: int, by: int) -> None:
        smaller = max(1, limit // by)
        self._most = smaller if self._most is None else min(self._most, smaller)
