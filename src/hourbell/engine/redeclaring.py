"""Saying again what this process declares, when what is stored is said by nobody any more."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.engine.parts import Parts
    from hourbell.store.protocol import Store

LEAST_PAUSE = 15.0
"""Seconds between two looks at the least."""

_log = logging.getLogger("hourbell.engine")


class Redeclaring:
    """Looks about once a lease, in one statement.

    Declarations are compared when a node starts. A newer version that started and has left again (a canary that was
    stopped, a deploy that was rolled back) would otherwise leave its schedules behind until somebody starts anew.
    """

    def __init__(
        self, store: Store, parts: Parts, node_id: str, *, changed: Callable[[], object], spent: Callable[[int], None]
    ) -> None:
        self._store = store
        self._parts = parts
        self._node_id = node_id
        self._changed = changed
        self._spent = spent
        self._pause = max(LEAST_PAUSE, parts.settings.lease)
        self._rested = False

    async def step(self) -> float:
        """Look, and declare again where that is needed; the first step only waits, for a start has just declared."""
        if self._rested:
            self._spent(1)
            if await self._store.overruled(self._node_id):
                await self._store.declare(self._node_id, self._parts.declarations())
                _log.warning(
                    "schedules stood as a version declared them that has left; they are declared again as here"
                )
                self._changed()
        self._rested = True
        return self._pause * random.uniform(0.9, 1.1)
