"""Keeping the lease: one renewal every third of it, from the node's own thread."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.engine.neighbours import Neighbours
    from hourbell.engine.parts import Parts
    from hourbell.engine.trust import Trust
    from hourbell.engine.witness import Witness
    from hourbell.store.protocol import Store


class Leasing:
    """Renews the lease of one node id until it is lost. What is lost is never renewed: the node takes a new id."""

    def __init__(
        self,
        store: Store,
        parts: Parts,
        trust: Trust,
        witness: Witness,
        neighbours: Neighbours,
        *,
        running: Callable[[], int],
        renewed: Callable[[], None],
        lost: Callable[[str], None],
    ) -> None:
        self._store = store
        self._parts = parts
        self._trust = trust
        self._witness = witness
        self._neighbours = neighbours
        self._running = running
        self._renewed = renewed
        self._lost = lost
        self._lease = parts.settings.lease
        self._offset: float | None = None

    async def step(self) -> float | None:
        """Renew once and answer when to renew next; None when there is nothing to renew any more."""
        if not self._trust.holds():
            self._lost("it could not be renewed in time")
            return None
        asked = self._parts.timekeeper.ask()
        try:
            renewal = await self._store.renew(
                self._trust.node_id, timedelta(seconds=self._lease), self._running(), self._offset
            )
        except StoreUnavailable:
            self._witness.forget()
            raise
        if renewal is None:
            self._lost("the database counts it as ended")
            return None
        self._parts.timekeeper.heard(renewal.now, asked)
        # Nothing is judged by it; it is stored with the next renewal, for whoever wonders about this host's clock.
        self._offset = (self._parts.clock.host_now() - renewal.now).total_seconds()
        self._witness.saw(renewal.siblings, self._parts.clock.elapsed())
        self._neighbours.saw(renewal.siblings)
        if not self._trust.renewed(asked):
            self._lost("its renewal took too long")
            return None
        self._renewed()
        return self._lease / 3 * random.uniform(0.9, 1.0)

    async def watch_trust(self) -> float | None:
        """Notice the end of trust also while a renewal hangs; answers when it would end."""
        if self._trust.holds():
            # Never shorter than a moment: a timer may ring a hair before the time it was set to.
            return max(0.01, self._trust.left())
        self._lost("it could not be renewed in time")
        return None
