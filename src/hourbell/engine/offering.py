"""Taking runs as they are fired: the firing's talk with the application's loop, which knows what could start there."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol

from hourbell.engine.crossing import Crossing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.engine.reading_back import ReadingBack
    from hourbell.model.offer import Offer
    from hourbell.model.run import Run

PATIENCE = 0.005
"""Seconds that a fire waits for the application's loop at the most. A loop that is held up takes nothing, so that what
it could not start is there for others."""

FLOW = 0.05
"""Seconds for which the next batch of many waits for places, while all that was fired before it was taken."""

PAUSE = 0.002
"""Seconds between two looks for places."""


class Starters(Protocol):
    """Who starts runs, on the application's loop."""

    def offer(self, most: int, *, spare: bool = False) -> Offer | None:
        """What could start at once, of each kind ``most`` at the most, from now on kept free; None: nothing. ``spare``:
        only what is free beyond half of the places, since they are kept for longer."""

    def adopt(self, claim_id: str, runs: Sequence[Run], *, in_burst: bool = False) -> None:
        """These were taken under the offer of this name, and no more. ``in_burst``: more is due already, and none of
        these schedules is soon due again."""


class Offering:
    """Asks for an offer before each fire, and hands over what was taken under it.

    When the answer of a fire is lost, what it took is read back before the next one, whether or not that has an offer:
    each offer ends with one call of `Starters.adopt`. All of it belongs to the node's thread.
    """

    def __init__(self, reading_back: ReadingBack, starters: Starters, app: Crossing) -> None:
        self._starters = starters
        self._app = app
        self._turn = asyncio.Lock()
        self._question: asyncio.Future[Offer | None] | None = None
        self._doubts: list[Offer] = []
        self._reading_back = reading_back

    @property
    def doubtful(self) -> bool:
        """What some fire took is not known, and not read back yet."""
        return bool(self._doubts)

    async def ask(self, most: int, patience: float = PATIENCE, *, spare: bool = False) -> Offer | None:
        """What could start at once. None as well when the loop does not say so soon, or has not said so yet."""
        async with self._turn:
            return await self._ask(most, patience, spare=spare)

    async def _ask(self, most: int, patience: float, *, spare: bool) -> Offer | None:
        if self._question is not None:
            return None
        loop = asyncio.get_running_loop()
        question: asyncio.Future[Offer | None] = loop.create_future()
        self._question = question
        if not self._app.call(self._put, Crossing(loop), most, spare):
            return None
        await asyncio.wait({question}, timeout=patience)
        if not question.done():
            question.cancel()
            return None
        return question.result()

    async def ask_again(self, most: int, least: int) -> Offer | None:
        """The same, waiting a moment for ``least`` places: the bodies of the batch before are on their way."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + FLOW
        while True:
            offer = await self.ask(most, FLOW)
            if offer is not None and offer.room >= least:
                return offer
            if offer is not None:
                self.took(offer, ())
            if self._question is not None or loop.time() >= deadline:
                return None
            await asyncio.sleep(PAUSE)

    def took(self, offer: Offer, runs: Sequence[Run], *, in_burst: bool = False) -> None:
        """Hand over what was taken, also when it is nothing."""
        self._app.call(partial(self._starters.adopt, offer.claim_id, runs, in_burst=in_burst))

    def in_doubt(self, offer: Offer) -> None:
        """Perhaps the fire was carried out and only its answer is lost."""
        self._doubts.append(offer)

    async def read_back(self) -> None:
        """Hand over what fires took whose answers were lost."""
        while self._doubts:
            offer = self._doubts[0]
            runs = await self._reading_back.read(offer.node_id, offer.claim_id)
            self._doubts.remove(offer)
            self.took(offer, sorted(runs, key=lambda run: run.id))

    def _put(self, home: Crossing, most: int, spare: bool) -> None:
        offer = self._starters.offer(most, spare=spare)
        if not home.call(self._heard, offer) and offer is not None:
            self._starters.adopt(offer.claim_id, ())

    def _heard(self, offer: Offer | None) -> None:
        question, self._question = self._question, None
        if question is not None and not question.done():
            question.set_result(offer)
        elif offer is not None:  # too late: the fire has gone on without
            self.took(offer, ())
