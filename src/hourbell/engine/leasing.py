"""Keeping the lease: one renewal every third of it, from the node's own thread."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from hourbell.errors import StoreMisconfigured, StoreRejected, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.engine.neighbours import Neighbours
    from hourbell.engine.parts import Parts
    from hourbell.engine.trust import Trust
    from hourbell.engine.witness import Witness
    from hourbell.model.node import Renewal
    from hourbell.model.plan import NextWork, Question
    from hourbell.store.protocol import Store


PATIENCE = 1 / 15
"""The part of a lease that a renewal may take which has a question with it."""

ALONE = 60.0
"""Seconds for which renewals go without it after one that had no answer in time."""


class Asker(Protocol):
    """Who has something to ask that a renewal could take along."""

    def question(self, asked: float, within: float) -> Question | None:
        """What to ask at ``asked``, unless that has more time than ``within`` seconds."""

    def answered(self, work: NextWork, asked: float) -> None:
        """The answer to it."""

    def unanswered(self) -> None:
        """There will be none."""


class Leasing:
    """Renews the lease of one node id until it is lost. What is lost is never renewed: the node takes a new id."""

    def __init__(
        self,
        store: Store,
        parts: Parts,
        trust: Trust,
        witness: Witness,
        neighbours: Neighbours,
        asker: Asker,
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
        self._asker = asker
        self._alone_until = parts.clock.elapsed()
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
        try:
            renewal, asked = await self._renew_and_ask() or await self._renew()
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
        if renewal.work is not None:
            self._asker.answered(renewal.work, asked)
        self._renewed()
        return self._lease / 3 * random.uniform(0.9, 1.0)

    async def _renew(self, question: Question | None = None) -> tuple[Renewal | None, float]:
        asked = self._parts.timekeeper.ask()
        lease = timedelta(seconds=self._lease)
        renewal = await self._store.renew(self._trust.node_id, lease, self._running(), self._offset, question=question)
        return renewal, asked

    async def _renew_and_ask(self) -> tuple[Renewal | None, float] | None:
        """The renewal that brings back what there is to do; None when it goes alone.

        The question reads the large tables, which may be locked or slow to read. The lease waits for neither: where
        the answer is not back in a moment, or is none, the renewal goes alone at once, and for a while.
        """
        asked = self._parts.timekeeper.ask()
        if asked < self._alone_until:
            return None
        question = self._asker.question(asked, self._lease / 3)
        if question is None:
            return None
        try:
            async with asyncio.timeout(self._lease * PATIENCE):
                return await self._renew(question)
        except BaseException as error:
            self._asker.unanswered()
            self._alone_until = self._parts.clock.elapsed() + ALONE
            if isinstance(error, TimeoutError | StoreRejected | StoreMisconfigured):
                return None
            raise

    async def watch_trust(self) -> float | None:
        """Notice the end of trust also while a renewal hangs; answers when it would end."""
        if self._trust.holds():
            # Never shorter than a moment: a timer may ring a hair before the time it was set to.
            return max(0.01, self._trust.left())
        self._lost("it could not be renewed in time")
        return None
