"""Reporting how attempts ended: many in one statement, under the fence."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.engine import verdict
from hourbell.engine.cleaning import LONGEST_ERROR, clean
from hourbell.engine.reports import Report, Reports
from hourbell.errors import StoreRejected
from hourbell.events import RunCancelled, RunFailed, RunRetried, RunSucceeded
from hourbell.model.overlap import takes_turns
from hourbell.model.run_state import Outcome, RunState
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hourbell.engine.holding import Holdings
    from hourbell.engine.noting import Noting
    from hourbell.engine.parts import Parts
    from hourbell.engine.trust import Trust
    from hourbell.model.run import Run, Settlement
    from hourbell.store.protocol import Store

BATCH = 1_000

FEW = 250
"""Reports that are not written at once while more are sure to come, since further runs wait here for their start."""

GATHER = 0.001
"""Seconds for which they wait for those: a commit costs the server as much as many reports do."""

_MOST_TOLD = 10
"""Of so many reports that come too late at once each has a line in the log."""

_log = Telling(logging.getLogger("hourbell.engine"))


class Settling:
    """Group commit: each flush takes what has come together while the flush before it was on its way.

    Light load therefore waits for nothing, and heavy load, which waits a moment for what is about to end, pays one
    statement for hundreds of runs. In the middle of a burst of fires most reports make way for these.
    """

    def __init__(
        self,
        store: Store,
        parts: Parts,
        trust: Trust,
        holdings: Holdings,
        noting: Noting,
        *,
        queued: Callable[[], object],
    ) -> None:
        self._store = store
        self._parts = parts
        self._trust = trust
        self._holdings = holdings
        self._noting = noting
        self._queued = queued
        self._reports = Reports()
        self._flushed: asyncio.Future[None] | None = None
        self._rehearsed = False
        self.wake: Callable[[], None] = lambda: None
        self.settled: Callable[[Sequence[Run]], object] = lambda runs: None

    def add(self, run: Run, settlement: Settlement, *, stands: bool = False) -> None:
        """Have this written with the next flush; what stands already is told again, which lets go who waits for it."""
        self._holdings.reported[run.id] = run.attempt
        if self._reports.add(Report(run, cleaned(settlement), stands=stands)):
            self.wake()

    def make_way(self, runs: Iterable[Run]) -> None:
        """These were taken in the middle of a burst of fires: what is due is more urgent than that they have succeeded.
        Those for whose end another run of their schedule may wait are no part of it."""
        self._reports.patient(run for run in runs if not _passes_on(run))

    def withdraw(self, run_id: str) -> None:
        """Forget what is to be written of this run, unless it is on its way."""
        if self._reports.withdraw(run_id):
            self._holdings.reported.pop(run_id, None)

    def tell_committed(self, run: Run, settlement: Settlement) -> None:
        """Tell the end of a run that the commit of its effect has written, and that is not this node's to report."""
        self._tell([Report(run, settlement, stands=True)])

    def backlog(self) -> int:
        """Reports that no flush has taken yet, without those that make way for fires."""
        return len(self._reports)

    def unwritten(self) -> list[Settlement]:
        """What no flush has brought to an end yet; also asked by the node's thread when that ends in our stead."""
        return [report.settlement for report in self._reports.unwritten()]

    async def step(self) -> float | None:
        """Write one batch; 0 when more has come together, None when nothing is left, and the seconds until then when
        all that is left makes way. The first is a rehearsal where there is nothing yet: what the first report would
        wait for is made ready beside the first claim."""
        if 0 < self._reports.ready() < FEW and self._holdings.waiting():
            await asyncio.sleep(GATHER)
        batch = self._reports.take(BATCH)
        if batch:
            try:
                await self._write(batch)
            finally:
                # Not known to be written: again, which the store allows. What was written before counts as accepted.
                self._reports.written(batch)
                self._forget(batch)
        elif not self._rehearsed:
            await self._store.settle(self._trust.node_id, ())
        self._rehearsed = True
        left = self._reports.rest()
        if left is not None:
            return left
        if self._flushed is not None and not self._flushed.done():
            self._flushed.set_result(None)
        return None

    async def flush(self, patience: float) -> bool:
        """Wait until everything is written, at most so many seconds; answers whether it is."""
        if self._holdings.reported and patience > 0:
            self._flushed = asyncio.get_running_loop().create_future()
            self._reports.hurry()
            self.wake()
            await asyncio.wait({self._flushed}, timeout=patience)
        return not self._holdings.reported

    async def _write(self, batch: Sequence[Report]) -> None:
        if not self._trust.holds() or not self._trust.is_ours():
            self._lost(batch)
            return
        if self._noting.speak_of(report.run for report in batch):
            # Whoever sees the run's end finds all that it said.
            await self._noting.last_words()
        try:
            accepted = await self._store.settle(self._trust.node_id, [report.settlement for report in batch])
        except StoreRejected as reason:
            await self._halve(batch, reason)
            return
        refused, is_queued = [], False
        for report in batch:
            report.done = True
            became = report.became = accepted.get(report.run.id)
            if became is None:
                refused.append(report)
            elif became is RunState.QUEUED or (report.run.schedule_id is not None and _passes_on(report.run)):
                is_queued = True
        if refused:
            self._lost(refused)
            batch = [report for report in batch if report.became is not None]
        self.settled([report.run for report in batch])
        if is_queued:
            self._queued()
        self._tell(batch)

    async def _halve(self, batch: Sequence[Report], reason: StoreRejected) -> None:
        """Close in on the row that the database refuses, so that the others are written."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._write(batch[:middle])
            await self._write(batch[middle:])
            return
        (report,) = batch
        if report.settlement.error and report.settlement.error.startswith(verdict.REFUSED):
            _log.error("run %s of %s cannot be settled at all: %s", report.run.id, report.run.task, reason)
            report.done = True
            return
        _log.error("the database refused what run %s of %s reported: %s", report.run.id, report.run.task, reason)
        report.settlement = cleaned(verdict.rejected(report.settlement, reason))
        await self._write(batch)

    def _lost(self, reports: Sequence[Report]) -> None:
        for report in reports:
            report.done = True
            if report.stands:
                self._tell([report])
        late = [one for one in reports if not one.stands and one.settlement.outcome is not Outcome.HANDED_BACK]
        for report in late[:_MOST_TOLD]:
            _log.warning(
                "LeaseLost: run %s of %s, attempt %d, ended (%s) after this node's right to report it had; "
                "nothing was written, another node has it",
                report.run.id,
                report.run.task,
                report.run.attempt,
                report.settlement.outcome,
            )
        if len(late) > _MOST_TOLD:
            _log.warning("LeaseLost: %d more runs ended too late to be reported", len(late) - _MOST_TOLD)

    def _forget(self, batch: Sequence[Report]) -> None:
        reported = self._holdings.reported
        for report in batch:
            # The same run may have been claimed again in the meantime and have ended once more.
            if report.done and reported.get(report.run.id) == report.run.attempt:
                del reported[report.run.id]

    def _tell(self, batch: Sequence[Report]) -> None:
        wants = self._parts.events.wants
        wanted = {kind for kind in (RunSucceeded, RunFailed, RunRetried, RunCancelled) if wants(kind)}
        if not wanted:
            return
        for report in batch:
            settlement, node_id = report.settlement, self._trust.node_id
            state = report.became or settlement.state
            run = replace(
                report.run,
                state=state,
                outcome=settlement.outcome,
                error=settlement.error,
                failures=report.run.failures + settlement.failed,
                result=json.loads(settlement.result) if settlement.result is not None else None,
                started_at=settlement.started_at,
                finished_at=(settlement.finished_at or self._parts.clock.now()) if state.final else None,
            )
            if state is RunState.SUCCEEDED:
                self._parts.events.emit(RunSucceeded(run=run, node_id=node_id))
            elif state is RunState.FAILED:
                self._parts.events.emit(RunFailed(run=run, node_id=node_id))
            elif state is RunState.CANCELLED:
                self._parts.events.emit(RunCancelled(run=run, node_id=node_id))
            elif settlement.failed:
                delay = settlement.delay.total_seconds()
                self._parts.events.emit(RunRetried(run=run, node_id=node_id, error=settlement.error, delay=delay))


def _passes_on(run: Run) -> bool:
    """Whether another run of its schedule may have waited for this one, and be due since it was settled."""
    return takes_turns((run.policies or {}).get("overlap"), run.origin)


def cleaned(settlement: Settlement) -> Settlement:
    """The settlement with texts that every database takes."""
    error, result = settlement.error, settlement.result
    if error is None and (result is None or (result.isascii() and "\x00" not in result)):
        return settlement
    return replace(
        settlement,
        error=clean(error, LONGEST_ERROR) if error is not None else None,
        result=clean(result) if result is not None else None,
    )
