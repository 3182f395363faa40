"""Giving runs to a node: those that it claims, and those that it takes as it fires them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.model.node import NodeState
from hourbell.model.offer import Taker
from hourbell.model.run_state import RunState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hourbell.model.offer import Offer
    from hourbell.model.plan import Fired, FirePlan
    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule
    from hourbell.store.memory.tables import Tables


def take(tables: Tables, run: Run, node_id: str, claim_id: str) -> Run:
    """This run is the node's from now on, as a new attempt."""
    taken = replace(run, state=RunState.RUNNING, attempt=run.attempt + 1, node_id=node_id, outcome=None, error=None)
    tables.write_run(taken)
    tables.claims.put(run.id, claim_id)
    return taken


class Taking:
    """What one firing gives to the node that fires, under its offer; nothing while that node is not live."""

    def __init__(self, tables: Tables, offer: Offer | None, now: datetime) -> None:
        node = tables.nodes.get(offer.node_id) if offer is not None else None
        is_live = node is not None and node.state is NodeState.LIVE
        self._tables = tables
        self._offer = offer if is_live else None
        self._taker = Taker(offer) if offer is not None and is_live else None
        self._now = now
        self.taken: list[Run] = []

    def left(self, schedule: Schedule, plan: FirePlan, fired: Sequence[Fired]) -> Sequence[Fired]:
        """Take what was just recorded if it is to be taken, and answer what stays queued."""
        planned = plan.plain
        if planned is None or not fired or self._taker is None or self._offer is None:
            return fired
        if not self._taker.takes(schedule.task, schedule.effective, planned, self._now):
            return fired
        run = self._tables.runs.get(fired[0].run_id)
        if run is None:
            return fired
        self.taken.append(take(self._tables, run, self._offer.node_id, self._offer.claim_id))
        return ()
