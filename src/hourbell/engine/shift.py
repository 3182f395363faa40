"""The work under one lease on the application's event loop: claim, execute, settle, and an end to it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING

from hourbell.engine import verdict
from hourbell.engine.claiming import Claiming
from hourbell.engine.comparing import Comparing
from hourbell.engine.crossing import Crossing
from hourbell.engine.executing import Executing
from hourbell.engine.holding import Holdings
from hourbell.engine.loop import Loop
from hourbell.engine.notes import Notes
from hourbell.engine.noting import Noting
from hourbell.engine.settling import Settling
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hourbell.engine.holding import Execution
    from hourbell.engine.parts import Parts
    from hourbell.engine.trust import Trust
    from hourbell.executors.choice import Kind
    from hourbell.executors.protocol import Executor
    from hourbell.store.protocol import Store

CANCEL_PATIENCE = 1.0
"""Seconds that bodies get to end after they were cancelled."""

QUIETLY = 1.0
"""Seconds that bodies get to end before it is said that they are waited for."""

FLUSH_PATIENCE = 1.5
"""Seconds that the last reports get to be written."""

_MOST_TOLD = 10
"""Of so many runs that are lost at once each has a line in the log, and so many tasks are named in one."""

_log = Telling(logging.getLogger("hourbell.engine"))


class Shift:
    """Made in the node's thread, used on the application's loop. When its lease is lost it is dropped whole.

    What crosses back to the node's thread are the callables: ``lost`` (why the lease is over), ``queued`` (a run was
    queued again, perhaps for later), ``crowded`` (a claim came back full) and ``spent`` (statements of upkeep).
    """

    def __init__(
        self,
        store: Store,
        parts: Parts,
        trust: Trust,
        executors: Mapping[Kind, Executor],
        *,
        lost: Callable[[str], object],
        queued: Callable[[], object],
        crowded: Callable[[], object],
        spent: Callable[[int], object],
    ) -> None:
        self.trust = trust
        self.holdings = Holdings()
        self.notes = Notes(parts.settings, parts.clock)
        self.noting = Noting(store, parts, trust, self.notes)
        self.settling = Settling(store, parts, trust, self.holdings, self.noting, queued=queued)
        self.executing = Executing(parts, trust, self.holdings, self.settling, self.notes, executors, self._freed)
        self.claiming = Claiming(
            store,
            parts,
            trust,
            self.holdings,
            settling=self.settling,
            executing=self.executing,
            lost=lost,
            crowded=crowded,
        )
        self.comparing = Comparing(
            store, parts, trust, self.holdings, settling=self.settling, executing=self.executing, spent=spent
        )
        self._clock = parts.clock
        self._most = parts.settings.max_runs
        self._claim_loop = Loop("claim", self.claiming.step, parts.troubles)
        self._settle_loop = Loop("settle", self.settling.step, parts.troubles)
        self._compare_loop = Loop("compare", self.comparing.step, parts.troubles)
        self._note_loop = Loop("note", self.noting.step, parts.troubles)
        self.claiming.wake = self._claim_loop.wake
        self.settling.wake = self._settle_loop.wake
        self.settling.settled = self.claiming.settled

    def start(self) -> None:
        """Begin to claim, on the running event loop."""
        self.executing.start()
        if self._most:
            self._settle_loop.start()
            self._claim_loop.start()
            self._compare_loop.start()
            self._note_loop.start()
            home = Crossing(asyncio.get_running_loop())
            self.notes.wake = lambda: home.call(self._note_loop.wake)
            self.claiming.take_now()

    def room(self) -> int:
        """How many runs could start here now, about; may be asked from any thread."""
        return 0 if self.claiming.closed else max(0, self._most - len(self.holdings.running))

    def running(self) -> int:
        """How many runs are held here; may be asked from any thread."""
        return len(self.holdings.running) + self.holdings.waiting()

    def thread_freed(self) -> None:
        """A thread has returned: start what waits for one, and claim for it."""
        self.executing.freed()

    def close(self) -> None:
        """Claim nothing more. May be called from a signal handler."""
        self.claiming.closed = True
        self.executing.stopping = True

    async def drain(self, grace: float) -> None:
        """End quietly: what has not begun is handed back now, bodies get ``grace`` seconds, then are cancelled.

        What they leave unfinished is handed back without using up a retry. Takes little more than the grace.
        """
        deadline = asyncio.get_running_loop().time() + grace
        self.close()
        # What a claim or a fire under way still brings is handed back as it comes.
        for run in self.holdings.forfeit_runs():
            self.settling.add(run, verdict.handed_back(run))
        await self._compare_loop.stop()
        await self._claim_loop.stop(patience=min(grace, CANCEL_PATIENCE))
        if not await self._bodies_end(deadline):
            self.executing.cancel(CANCEL_PATIENCE * 0.7)
            if not await self.holdings.idle(CANCEL_PATIENCE):
                self._report_the_stubborn()
        if self.trust.holds() and not await self.settling.flush(FLUSH_PATIENCE):
            _log.warning("%d reports could not be written before the node stopped", len(self.holdings.reported))
        await self.noting.last_words()
        await asyncio.gather(self._settle_loop.stop(), self._note_loop.stop())

    async def _bodies_end(self, deadline: float) -> bool:
        """Whether all have ended by then. Who looks on, in a terminal for one, is told whom it waits for."""
        now = asyncio.get_running_loop().time
        if await self.holdings.idle(min(QUIETLY, deadline - now())):
            return True
        if deadline - now() > 0:
            tasks = Counter(execution.run.task for execution in list(self.holdings.running.values()))
            named = ", ".join(f"{count} of {task}" for task, count in tasks.most_common(_MOST_TOLD))
            _log.warning(
                "the node stops, and gives bodies that still run %.0f s more to end (setting drain): %s",
                deadline - now(),
                named,
            )
        return await self.holdings.idle(deadline - now())

    def hurry(self) -> None:
        """Wait for no body any more. They are cancelled, and whatever they still say is ignored."""
        for execution in list(self.holdings.running.values()):
            self.executing.give_up(execution)

    async def lose(self) -> None:
        """The lease is over: empty the queue, cancel the bodies, let nothing of theirs be written."""
        self.trust.end()
        self.close()
        self.holdings.forfeit()
        running = list(self.holdings.running.values())
        for execution in running[:_MOST_TOLD]:
            _tell_lost(execution)
        if len(running) > _MOST_TOLD:
            _log.warning("LeaseLost: %d more runs are cancelled", len(running) - _MOST_TOLD)
        for execution in running:
            self.executing.give_up(execution)
        await asyncio.gather(
            *(loop.stop() for loop in (self._claim_loop, self._settle_loop, self._compare_loop, self._note_loop))
        )
        await self.noting.last_words()

    def _report_the_stubborn(self) -> None:
        """Bodies that do not end although cancelled: reported in their stead, whatever they still do is ignored."""
        for execution in list(self.holdings.running.values()):
            run = execution.run
            _log.warning("run %s of %s did not end when cancelled; it is left behind", run.id, run.task)
            self.holdings.ended(execution)
            self.notes.end(execution.context)
            if execution.settled is not None:
                self.settling.add(run, execution.settled, stands=True)
            else:
                self.settling.add(run, verdict.interrupted(run, execution.started, self._clock.now().timestamp()))

    def _freed(self) -> None:
        self.claiming.freed()


def _tell_lost(execution: Execution) -> None:
    run = execution.run
    if execution.settled is None:
        _log.warning("LeaseLost: run %s of %s, attempt %d, is cancelled", run.id, run.task, run.attempt)
    else:
        _log.warning(
            "LeaseLost: the body of run %s of %s is cancelled; its effect is committed, and the run succeeded",
            run.id,
            run.task,
        )
