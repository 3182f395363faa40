"""One lease on the node's thread, from its registration to its end: renew, watch, fire, rescue, prune, listen."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from hourbell.engine.blocking import Blocking
from hourbell.engine.firing import Firing
from hourbell.engine.hinting import Hinting
from hourbell.engine.leasing import Leasing
from hourbell.engine.listening import LOOP, Listening
from hourbell.engine.loop import Loop
from hourbell.engine.neighbours import Neighbours
from hourbell.engine.offering import Offering
from hourbell.engine.pruning import Pruning
from hourbell.engine.pulse_watch import PulseWatch
from hourbell.engine.reading_back import ReadingBack
from hourbell.engine.rescuing import Rescuing
from hourbell.engine.upkeeping import Upkeeping
from hourbell.engine.watching import Watching
from hourbell.engine.witness import Witness
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from hourbell.engine.crossing import Crossing
    from hourbell.engine.parts import Parts
    from hourbell.engine.pulse import Pulse
    from hourbell.engine.shift import Shift
    from hourbell.model.hint import Hint
    from hourbell.model.run import CancelRequest
    from hourbell.store.protocol import Store

FIRE_PATIENCE = 1.0
"""Seconds that a fire under way gets when the node begins to stop."""

_log = Telling(logging.getLogger("hourbell.engine"))


class Tenure:
    """The loops that live as long as one node id does. The shift is its other half, on the application's loop."""

    def __init__(
        self,
        store: Store,
        parts: Parts,
        shift: Shift,
        pulse: Pulse,
        app: Crossing,
        deserted: Callable[[], None],
    ) -> None:
        self.shift = shift
        self.buried = False
        """Somebody else ended the lease while this node lived and could trust in it."""
        self._app = app
        self._over = asyncio.Event()
        trust, troubles, lease = shift.trust, parts.troubles, parts.settings.lease
        witness, neighbours = Witness(lease), Neighbours(parts.processes, parts.settings.poll)
        self.hinting = Hinting(store, parts.clock, self._hint_soon)
        self.watching = Watching(store, parts, trust.node_id, self, self._ask_again)
        firing = self._firing = self._made_firing(store, parts)
        rescuing = Rescuing(store, parts, trust.node_id, witness, neighbours, self, spent=self.watching.spent)
        self._rescuing = rescuing
        upkeeping = Upkeeping(
            store, parts, trust.node_id, sweep=self._sweep, changed=self.watching.hinted, spent=self.watching.spent
        )
        listening = Listening(store, self.watching, troubles)
        pulse_watch = PulseWatch(store, parts, pulse, shift, app, lost=self.lost, deserted=deserted)
        self._watch = Loop("watch", self.watching.step, troubles)
        self._fire = Loop("fire", firing.step, troubles)
        self._fire_beside = Loop("fire beside", firing.beside, troubles)
        self._rescue = Loop("rescue", rescuing.step, troubles)
        self._hint = Loop("hint", self.hinting.step, troubles)
        leasing = Leasing(
            store,
            parts,
            trust,
            witness,
            neighbours,
            self.watching,
            running=shift.running,
            renewed=self._rescue.wake,
            lost=self.lost,
        )
        # A renewal that failed is worth another try well before the trust is gone.
        self._renew = Loop("renew", leasing.step, troubles, longest_wait=min(3.0, lease / 10))
        self._restful = [
            self._watch,
            self._fire,
            self._fire_beside,
            self._rescue,
            Loop("prune", Pruning(store, parts, spent=self.watching.spent).step, troubles),
            Loop("upkeep", upkeeping.step, troubles),
            Loop(LOOP, listening.step, troubles),
        ]
        self._vital = [
            self._renew,
            self._hint,
            Loop("trust", leasing.watch_trust, troubles),
            Loop("pulse", pulse_watch.step, troubles),
            Loop("blocking", Blocking(store, parts, pulse, shift).step, troubles),
        ]

    async def run(self) -> None:
        """Keep the lease until it is lost; ended by cancelling."""
        for loop in (*self._vital, *self._restful):
            loop.start()
        try:
            await self._over.wait()
        finally:
            await asyncio.gather(*(loop.stop() for loop in (*self._vital, *self._restful)))

    async def rest(self) -> None:
        """Only keep the lease, for as long as bodies are drained."""
        # A fire under way may have taken runs, which its answer hands over to be handed back.
        firing = (self._fire, self._fire_beside)
        await asyncio.gather(*(loop.stop(FIRE_PATIENCE if loop in firing else 0.0) for loop in self._restful))

    def lost(self, reason: str) -> None:
        """The lease is over, whoever noticed: nothing is claimed, started or reported under it any more."""
        if self._over.is_set():
            return
        self.buried = self.shift.trust.holds()
        self.shift.trust.end()
        self._over.set()
        _log.warning("node %s lost its lease: %s. It takes a new id", self.shift.trust.node_id, reason)

    def fire(self, due: datetime | None = None) -> None:
        """Wake the firing, for what is due, or will be in a moment."""
        self._firing.expect(due)
        self._fire.wake()

    def expect_crowd(self) -> None:
        """Have the firing make ready for more than one batch at a time."""
        self._firing.expect_crowd()
        self._fire_beside.wake()

    def take_now(self) -> None:
        """Wake the claiming, on the application's loop."""
        self._app.call(self.shift.claiming.take_now)

    def take_named(self, hint: Hint) -> None:
        """Have this run claimed, on the application's loop."""
        self._app.call(self.shift.claiming.take_named, hint)

    def take_due(self, asked: float, *, whole: bool) -> None:
        """Wake the claiming, unless it has claimed since the question that found a run due."""
        self._app.call(partial(self.shift.claiming.take_due, asked, whole=whole))

    def cancel(self, requests: Sequence[CancelRequest]) -> None:
        """Have the bodies of these attempts asked to end, on the application's loop."""
        self._app.call(self.shift.executing.end, requests)

    def room(self) -> int:
        """How many runs could start on this node now."""
        return self.shift.room()

    def _sweep(self) -> None:
        self._rescuing.sweep()
        self._rescue.wake()

    def _made_firing(self, store: Store, parts: Parts) -> Firing:
        node_id = self.shift.trust.node_id
        offering = Offering(ReadingBack(store, parts.clock), self.shift.claiming, self._app)
        firing = Firing(
            store,
            parts,
            node_id,
            self,
            fired=self.watching.fired,
            hint=self.hinting.ask,
            offering=offering,
            beaten=self.watching.beaten,
        )
        if store.can_hold:
            firing.more = self._fire_more
        return firing

    def _fire_more(self) -> None:
        self._fire_beside.wake()

    def _ask_again(self) -> None:
        self._watch.wake()

    def _hint_soon(self) -> None:
        self._hint.wake()
