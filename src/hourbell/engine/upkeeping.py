"""Looking after what nobody was woken for: seldom, in one statement, and whoever has work by it is called."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from hourbell.engine.whole_look import WholeLook
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.engine.parts import Parts
    from hourbell.store.protocol import Store

LEAST_PAUSE = 15.0
"""Seconds between two looks at the least."""

_log = Telling(logging.getLogger("hourbell.engine"))


class Upkeeping:
    """Looks about once a lease.

    Runs of nodes that ended or are absent, runs that wait for a turn which is free, and what a pause or a removal has
    yet to end, are left to the rescue; here is nothing but the look, so that nothing is locked where all is well.
    What this process declares is declared again when a newer version started and has left (a canary that was stopped, a
    deploy that was rolled back): declarations are compared when a node starts, and its schedules would stay behind
    until somebody starts anew.
    """

    def __init__(
        self,
        store: Store,
        parts: Parts,
        node_id: str,
        *,
        sweep: Callable[[], object],
        changed: Callable[[], object],
        spent: Callable[[int], None],
    ) -> None:
        self._store = store
        self._parts = parts
        self._node_id = node_id
        self._sweep = sweep
        self._changed = changed
        self._spent = spent
        self._pause = max(LEAST_PAUSE, parts.settings.lease)
        self._look = WholeLook()
        self._rested = False

    async def step(self) -> float:
        """Look, and answer when to look again. The first look comes soon after the start, not of all nodes of a deploy
        at once."""
        if not self._rested:
            self._rested = True
            return random.uniform(0.1, 0.3) * self._parts.settings.lease
        clock = self._parts.clock
        asked = clock.elapsed()
        if not self._look.is_due(asked):
            return self._look.due_in(asked)
        try:
            found = await self._store.upkeep(self._node_id)
        except Exception:
            self._look.failed(asked, clock.elapsed())
            raise
        self._look.done(asked, clock.elapsed())
        self._spent(1)
        if found.lost or found.waiting or found.ending:
            self._sweep()
        if found.overruled:
            await self._store.declare(self._node_id, self._parts.declarations())
            _log.warning("schedules stood as a version declared them that has left; they are declared again as here")
            self._changed()
        return max(self._look.due_in(clock.elapsed()), self._pause * random.uniform(0.9, 1.1))
