"""Deleting old runs in small batches."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.model.retention import Retention

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.engine.parts import Parts
    from hourbell.settings import Settings
    from hourbell.store.protocol import Store

BATCH = 500
STATEMENTS = 5
MOST = 600.0
"""Seconds between two looks at the most when nothing was left to delete: a tenth of the shortest retention, if less."""

LEAST = 5.0


def retention_of(settings: Settings) -> Retention:
    """The ages at which runs are deleted, as the settings say."""
    every = timedelta(seconds=settings.retention)
    own = {
        "succeeded": settings.retention_succeeded,
        "failed": settings.retention_failed,
        "cancelled": settings.retention_cancelled,
        "skipped": settings.retention_skipped,
    }
    return Retention(every, **{state: timedelta(seconds=age) for state, age in own.items() if age is not None})


class Pruning:
    """Deletes final runs older than the retention of their state, a batch per step."""

    def __init__(self, store: Store, parts: Parts, *, spent: Callable[[int], None]) -> None:
        self._store = store
        self._retention = retention_of(parts.settings)
        self._spent = spent
        self._rested = False
        shortest = min(age.total_seconds() for _, age in self._retention)
        self._every = min(MOST, max(LEAST, shortest / 10))

    async def step(self) -> float:
        """Delete one batch, and answer when to look again. The first step only waits: a start is busy enough."""
        if not self._rested:
            self._rested = True
            return self._every * random.uniform(0.1, 1.0)
        deleted = await self._store.prune(self._retention, BATCH)
        self._spent(STATEMENTS)
        # A pause even when there is more: deleting must not crowd out firing.
        return 0.1 if deleted >= BATCH else self._every * random.uniform(0.8, 1.2)
