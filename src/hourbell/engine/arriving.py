"""What becomes of runs that this node has just been given: they are let in, or go back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hourbell.engine import verdict
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from hourbell.engine.executing import Executing
    from hourbell.engine.holding import Holdings
    from hourbell.engine.settling import Settling
    from hourbell.executors.choice import Kind
    from hourbell.model.run import Run

_log = Telling(logging.getLogger("hourbell.engine"))


class Arriving:
    """Where the answers of claims and the runs of offers come in, on the application's loop."""

    def __init__(self, holdings: Holdings, settling: Settling, executing: Executing) -> None:
        self._holdings = holdings
        self._settling = settling
        self._executing = executing

    def lets_in(self, claim_id: str, runs: Sequence[Run], *, closed: bool) -> bool:
        """Whether what was taken under this name may start here. Where the node has ``closed`` it goes back."""
        if self._holdings.claims.pop(claim_id, None) is None:
            return False  # the node's thread found this loop blocked and has handed them back
        running, reported = self._holdings.running, self._holdings.reported
        for run in runs:
            if run.id in running or run.id in reported:
                self._supersede(run)
            if closed:
                self._settling.add(run, verdict.handed_back(run))
        return not closed

    def take_in(self, kind: Kind, runs: Sequence[Run], limited: Collection[str]) -> None:
        """Hold these. What waits dies with its node, and not every run may; one of the ``limited`` tasks has a place
        that others could use: these start at once, or go back."""
        at_once = [run for run in runs if not run.may_wait or run.task in limited]
        if at_once:
            free = self._executing.ahead.slots(kind)
            for run in at_once[free:]:
                self._settling.add(run, verdict.handed_back(run))
            self._holdings.add(kind, at_once[:free], first=True)
            runs = [run for run in runs if run.may_wait and run.task not in limited]
        self._holdings.add(kind, runs)

    def _supersede(self, run: Run) -> None:
        """Let go of what is held here of a run that is given once more, under the same number or a lower one.

        The database has forgotten that it gave it before: after a failover, to a standby that lacked the last
        commits. Nobody else can hold that attempt, for a node's id is that of one process; here the fence would take
        the report of the one for that of the other.
        """
        older = self._holdings.running.get(run.id)
        if older is not None and older.run.attempt >= run.attempt:
            _log.warning(
                "LeaseLost: run %s of %s was given to this node before, which the database does not know any more; "
                "that body is cancelled",
                run.id,
                run.task,
            )
            self._executing.give_up(older)
        if self._holdings.reported.get(run.id, 0) >= run.attempt:
            self._settling.withdraw(run.id)
