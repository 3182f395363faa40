"""The life of a node on its own thread: bring up the store, hold one lease after the other, and leave."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from hourbell.engine import verdict
from hourbell.engine.backoff import Backoff
from hourbell.engine.crossing import Crossing
from hourbell.engine.loop import spawn
from hourbell.engine.registering import Registering
from hourbell.engine.shift import Shift
from hourbell.engine.tenure import Tenure
from hourbell.errors import StoreUnavailable
from hourbell.executors.describing import summary
from hourbell.telling import Telling

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from hourbell.engine.parts import Parts
    from hourbell.engine.pulse import Pulse
    from hourbell.engine.trust import Trust
    from hourbell.executors.choice import Kind
    from hourbell.executors.protocol import Executor
    from hourbell.model.run import Settlement
    from hourbell.store.protocol import Store

LEAVE_PATIENCE = 1.0
"""Seconds for each of the last words to the database."""

_PATIENT = 4.0
"""Seconds between two tries to begin, at most, where the database refuses what somebody has to mend."""

OVERTIME = 4.0
"""Seconds beyond the drain's grace after which this thread ends what the application's loop did not."""

_log = Telling(logging.getLogger("hourbell.engine"))


class Owner(Protocol):
    """The node, as its thread sees it; called on the application's loop."""

    def began(self, shift: Shift) -> None:
        """A lease is held: the shift may start."""

    def over(self, shift: Shift) -> None:
        """The lease of this shift is lost."""

    def could_not_begin(self, error: BaseException) -> None:
        """A try to begin failed; the next follows by itself unless the node is stopped."""


class Keeping:
    """Everything here happens on the node's thread. ``shared`` is the application's store, ``own`` its twin."""

    def __init__(
        self,
        own: Store,
        shared: Store,
        parts: Parts,
        *,
        executors: Mapping[Kind, Executor],
        pulse: Pulse,
        app: Crossing,
        owner: Owner,
    ) -> None:
        self._own = own
        self._shared = shared
        self._parts = parts
        self._executors = executors
        self._pulse = pulse
        self._app = app
        self._owner = owner
        self._registering = Registering(own, parts)
        self._tenure: Tenure | None = None
        self._registered: Trust | None = None
        self._brought_up = False
        self._resting = False
        self._finish: asyncio.Event | None = None
        self._aside: set[asyncio.Task[None]] = set()

    async def main(self) -> None:
        """Hold leases until told to finish, then leave the database in order."""
        self._finish = asyncio.Event()
        work = spawn(self._hold_leases(), "leases")
        farewell = spawn(self._finish.wait(), "farewell")
        await asyncio.wait({work, farewell}, return_when=asyncio.FIRST_COMPLETED)
        for task in (work, farewell, *self._aside):
            task.cancel()
        ended = await asyncio.gather(work, farewell, *self._aside, return_exceptions=True)
        if isinstance(ended[0], Exception):
            _log.error("the node ended unexpectedly", exc_info=ended[0])
        await self._leave()

    def finish(self) -> None:
        """End."""
        if self._finish is not None:
            self._finish.set()

    def hinted(self) -> None:
        """There may be new work; a node that is stopping leaves it to the others."""
        if self._tenure is None:
            return
        if self._resting:
            self._tenure.hinting.ask()
        else:
            self._tenure.watching.hinted()

    def crowded(self) -> None:
        """There is work that this node has no room for: the others are told."""
        if self._tenure is not None:
            self._tenure.hinting.ask()

    def stopping(self, grace: float) -> None:
        """The node drains: only the lease is kept. If the application's loop never gets to it, this thread ends."""
        if self._resting:
            return
        self._resting = True
        if self._tenure is not None:
            self._keep(spawn(self._tenure.rest(), "rest"))
        asyncio.get_running_loop().call_later(grace + OVERTIME, self.force, None)

    def force(self, done: threading.Event | None) -> None:
        """Hand everything back now, without asking the application's loop, and end."""
        self._keep(spawn(self._force(done), "force"))

    @property
    def hints(self) -> bool:
        """Hints are proven to arrive; may be asked from any thread."""
        return self._tenure is not None and self._tenure.watching.hints

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def _hold_leases(self) -> None:
        while not self._resting:
            trust = await self._begin()
            if trust is None:
                return
            shift = self._shift(trust)
            tenure = self._tenure = Tenure(self._own, self._parts, shift, self._pulse, self._app, self.finish)
            if not self._app.call(self._owner.began, shift):
                return  # the application's loop is closed
            try:
                await tenure.run()
            finally:
                self._tenure = None
            if tenure.buried:
                self._registering.hide()
            self._app.call(self._owner.over, shift)

    async def _begin(self) -> Trust | None:
        """Try until it succeeds: open, migrate, register, declare. None when a signal came meanwhile: who ends takes
        nothing up, and the new id leaves with it."""
        # What somebody has to mend is mended in a moment too: then the node is back as soon as after an outage.
        backoff, patient = Backoff(), Backoff(first=1.0, cap=_PATIENT)
        first = not self._brought_up
        while True:
            try:
                if not self._brought_up:
                    await self._own.open()
                    await self._own.migrate()
                    self._brought_up = True
                await self._app_moves()
                self._registered = await self._registering.attempt()
            except Exception as error:
                # The start itself raises what the first try met and waiting does not mend; to log it too says it twice.
                if not first or isinstance(error, StoreUnavailable):
                    self._parts.troubles.met("start", error)
                first = False
                if not self._app.call(self._owner.could_not_begin, error):
                    raise
                await asyncio.sleep(backoff.failed() if isinstance(error, StoreUnavailable) else patient.failed())
                continue
            self._parts.troubles.over("start")
            return None if self._resting else self._registered

    async def _app_moves(self) -> None:
        """Wait while the application's loop is blocked: nobody would execute what this node claimed."""
        while self._pulse.silence() > self._parts.settings.lease:  # noqa: ASYNC110 - a blocked loop sets no event
            await asyncio.sleep(1)

    def _shift(self, trust: Trust) -> Shift:
        home = Crossing(asyncio.get_running_loop())
        return Shift(
            self._shared,
            self._parts,
            trust,
            self._executors,
            lost=lambda reason: home.call(self._lost, trust, reason),
            queued=lambda: home.call(self.hinted),
            crowded=lambda: home.call(self.crowded),
            spent=lambda statements: home.call(self._spent, statements),
        )

    def _lost(self, trust: Trust, reason: str) -> None:
        if self._tenure is not None and self._tenure.shift.trust is trust:
            self._tenure.lost(reason)

    def _spent(self, statements: int) -> None:
        if self._tenure is not None:
            self._tenure.watching.spent(statements)

    async def _force(self, done: threading.Event | None) -> None:
        tenure, self._registered = self._tenure, None
        try:
            if tenure is not None and tenure.shift.trust.holds():
                trust = tenure.shift.trust
                remaining = self._remaining(tenure.shift)
                # From here on the application's loop starts and reports nothing: what it holds is handed back below.
                tenure.shift.close()
                trust.end()
                async with asyncio.timeout(LEAVE_PATIENCE):
                    if remaining:
                        await self._own.settle(trust.node_id, remaining)
                    self._parts.events.tell_ends(await self._own.retire_node(trust.node_id), trust.node_id)
        except (StoreUnavailable, TimeoutError) as error:
            _log.warning("the runs of this node could not be handed back; its lease will end by itself: %s", error)
        finally:
            if done is not None:
                done.set()
            self.finish()

    def _remaining(self, shift: Shift) -> list[Settlement]:
        now = self._parts.clock.now().timestamp()
        remaining = shift.settling.unwritten()
        # Taken away before it is judged what has begun: none of these begins any more, and of the others each may have.
        unbegun, _ = shift.holdings.forfeit()
        remaining += [verdict.handed_back(run) for run in unbegun]
        taken = {(run.id, run.attempt) for run in unbegun}
        for one in list(shift.holdings.running.values()):
            if one.settled is not None:
                remaining.append(one.settled)
            elif (one.run.id, one.run.attempt) not in taken:
                remaining.append(verdict.interrupted(one.run, one.started or now, now))
        return remaining

    async def _leave(self) -> None:
        """The last words to the database: nothing waits for a lease to end, or for a poll."""
        for words in (self._retire, self._own.close):
            try:
                async with asyncio.timeout(LEAVE_PATIENCE):
                    await words()
            except Exception as error:  # noqa: BLE001 - the node ends, whatever the database says to it
                _log.warning("the node could not take its leave of the database: %s", summary(error))

    async def _retire(self) -> None:
        trust, unconfirmed = self._registered, self._registering.unconfirmed
        if unconfirmed is not None:
            await self._own.retire_node(unconfirmed)
        if trust is not None:
            self._parts.events.tell_ends(await self._own.retire_node(trust.node_id), trust.node_id)
            trust.end()
            await self._own.hint()
