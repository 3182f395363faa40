"""One handle on the tables: what the verbs of every noun stand on."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from hourbell.clock import Clock
    from hourbell.model.audit import Act
    from hourbell.store.memory.listeners import Listeners
    from hourbell.store.memory.tables import Tables


class Handle:
    """Tables and listeners shared with the other handles, and this handle's own count of statements."""

    def __init__(self, clock: Clock, tables: Tables, listeners: Listeners) -> None:
        self._clock = clock
        self._tables = tables
        self._listeners = listeners
        self._statements = 0
        self._act: Act | None = None

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[datetime]:
        """Hold the tables and answer the present instant. What is inside must not await: two threads share the lock."""
        # A database lets other tasks run while it is asked; so does this store, or a loop of verbs would starve them.
        await asyncio.sleep(0)
        with self._tables.transaction():
            self._statements += 1
            yield self._clock.host_now()
