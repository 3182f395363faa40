"""Deleting old runs in small batches."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.engine.whole_look import WholeLook
from hourbell.model.retention import Retention

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.engine.parts import Parts
    from hourbell.model.retention import Pruned
    from hourbell.model.run_state import RunState
    from hourbell.settings import Settings
    from hourbell.store.protocol import Store

BATCH = 100
"""Runs that a step deletes; while there is more, twice as many each time, up to `MOST_AT_ONCE`, as long as that is
quick: with a run goes what its body logged, which may be a line or many thousands."""

LONG = 0.2
"""Seconds: a step that took longer is followed by half as many. What is due goes by the same connection."""

QUICK = LONG / 4
"""Seconds: one that took no longer is followed by twice as many."""

MOST_AT_ONCE = 4000
STATEMENTS = 5
MOST = 600.0
"""Seconds between two looks at the most when nothing was left to delete: a tenth of the shortest retention, if less."""

LEAST = 5.0

REST = 1.0
"""So many times as long as a step took is rested after it when there is more: deleting has half of one connection's
time, and leaves the rest to what is due."""

HASTE = 0.99
"""How much of that rest is left for the next step, while there is more step after step: what half of the time is not
enough for would fall behind for ever. After half a minute or so it has nine tenths."""

LEAST_REST = 0.1

SHORTEST = 0.01


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
    """Deletes final runs older than the retention of their state, a batch per step.

    Where it has become slow to begin with the first run, a step goes on where the one before it ended; see
    `WholeLook`. What was left out, because it was under lock or ended late, is found by one from the first.
    """

    def __init__(self, store: Store, parts: Parts, *, spent: Callable[[int], None]) -> None:
        self._store = store
        self._clock = parts.clock
        self._retention = retention_of(parts.settings)
        self._spent = spent
        self._rested = False
        self._batch = BATCH
        self._rest = REST
        self._reached: dict[RunState, str] = {}
        self._is_looking = False
        self._looked = 0.0
        self._whole = WholeLook()
        shortest = min(age.total_seconds() for _, age in self._retention)
        self._every = min(MOST, max(LEAST, shortest / 10))

    async def step(self) -> float:
        """Delete one batch, and answer when to look again. The first step only waits: a start is busy enough."""
        if not self._rested:
            self._rested = True
            return self._every * random.uniform(0.1, 1.0)
        began = self._clock.elapsed()
        whole = not self._is_looking and self._whole.is_due(began)
        if not whole and not self._reached:
            return self._whole.due_in(began)
        try:
            pruned = await self._store.prune(self._retention, self._batch, {} if whole else self._reached)
        except Exception:
            self._fit(self._clock.elapsed() - began, by=4)
            raise
        finally:
            # What took so long that there was no answer rests too, and a step from where the last one ended is next.
            took = self._clock.elapsed() - began
            if whole:
                self._whole.done(began, began + took)
        if whole:
            self._reached.clear()
        self._reached.update(pruned.reached)
        more = pruned.deleted >= self._batch
        self._look(pruned, took, more=more)
        self._fit(took, by=2, grow=more)
        if more or pruned.is_cut_short:
            rest, self._rest = self._rest * took, max(LEAST_REST, self._rest * HASTE)
            return max(SHORTEST, rest)
        self._batch, self._rest = min(self._batch, BATCH), REST
        self._spent(STATEMENTS)
        return self._every * random.uniform(0.8, 1.2)

    def _look(self, pruned: Pruned, took: float, *, more: bool) -> None:
        """One look at everything may take many steps, where much is kept that is older than what goes: it counts for
        how long all of them took, and none begins anew before the last."""
        self._is_looking, was = pruned.is_cut_short or (self._is_looking and more), self._is_looking
        self._looked = (self._looked if was else 0.0) + took
        if was and not self._is_looking:
            now = self._clock.elapsed()
            self._whole.done(now - self._looked, now)

    def _fit(self, took: float, *, by: int, grow: bool = False) -> None:
        """As many the next time as there is time for."""
        if took > LONG:
            self._batch = max(1, self._batch // by)
        elif grow and took <= QUICK:
            self._batch = min(2 * self._batch, MOST_AT_ONCE)
