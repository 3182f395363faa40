"""The verbs of a node that executes: claim, read back, settle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.model.node import NodeState
from hourbell.model.run import Claim, Held, Run, Settlement
from hourbell.model.run_state import Reason, RunState
from hourbell.store.memory.endings import settle
from hourbell.store.memory.handle import Handle
from hourbell.store.memory.limits import Shared
from hourbell.store.memory.rows import fresh_run
from hourbell.store.memory.taking import take
from hourbell.store.memory.turns import pass_on

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from hourbell.model.hint import Hint
    from hourbell.model.limit import Limit
    from hourbell.store.memory.tables import Tables


class ClaimVerbs(Handle):
    """Claiming and settling, over the tables."""

    async def claim(
        self,
        node_id: str,
        claim_id: str,
        *,
        limit: int,
        tasks: Mapping[str, int],
        queues: Sequence[str] | None,
        suspects: int,
        limits: Collection[Limit] = (),
        slots: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Claim | None:
        async with self._transaction() as now:
            tables = self._tables
            node = tables.nodes.get(node_id)
            if node is None or node.state is not NodeState.LIVE:
                return None
            room = dict(tasks)
            shared = Shared(tables, limits)
            taken: list[Run] = []
            missed: list[Run] = []
            at_once = limit if slots is None else slots
            for run in _claimable(tables, now, queues):
                if len(taken) >= limit:
                    break
                if room.get(run.task, 0) <= 0 or not shared.room(run.task):
                    continue
                if _too_late(run, now):
                    late = replace(run, state=RunState.SKIPPED, reason=Reason.MISSED, finished_at=now)
                    tables.write_run(late)
                    pass_on(tables, late, now)
                    missed.append(late)
                    continue
                if run.suspicion > suspects:
                    suspects = 0
                    continue
                if not run.may_wait and at_once <= 0:
                    continue
                suspects -= run.suspicion
                at_once -= not run.may_wait
                room[run.task] -= 1
                shared.take(run)
                taken.append(take(tables, run, node_id, claim_id))
            return Claim(now, tuple(map(fresh_run, taken)), tuple(map(fresh_run, missed)))

    async def claim_named(self, node_id: str, claim_id: str, hint: Hint) -> Claim | None:
        async with self._transaction() as now:
            tables = self._tables
            node = tables.nodes.get(node_id)
            if node is None or node.state is not NodeState.LIVE:
                return None
            run = tables.runs.get(hint.run_id)
            if run is None or not _is_usual(run, hint, now):
                return Claim(now, ())
            return Claim(now, (fresh_run(take(tables, run, node_id, claim_id)),))

    async def claimed(self, node_id: str, claim_id: str) -> Sequence[Run]:
        async with self._transaction():
            return [
                fresh_run(run) for run in _running(self._tables, node_id) if self._tables.claims.get(run.id) == claim_id
            ]

    async def held(self, node_id: str) -> Sequence[Held]:
        async with self._transaction():
            return [Held(run.id, run.attempt) for run in _running(self._tables, node_id)]

    async def note_started(self, node_id: str, started: Sequence[tuple[str, int, datetime]]) -> None:
        async with self._transaction():
            for run_id, attempt, instant in started:
                run = self._tables.runs.get(run_id)
                if run and (run.state, run.node_id, run.attempt) == (RunState.RUNNING, node_id, attempt):
                    self._tables.write_run(replace(run, started_at=instant))

    async def settle(self, node_id: str, settlements: Sequence[Settlement]) -> Mapping[str, RunState]:
        async with self._transaction() as now:
            accepted: dict[str, RunState] = {}
            for settlement in settlements:
                state = settle(self._tables, node_id, settlement, now)
                if state is not None:
                    accepted[settlement.run_id] = state
            return accepted


def _claimable(tables: Tables, now: datetime, queues: Sequence[str] | None) -> list[Run]:
    due = [
        (run.priority, run.run_at, run.id, run)
        for run in tables.unfinished()
        if run.state is RunState.QUEUED
        and run.run_at is not None
        and run.run_at <= now
        and (queues is None or run.queue in queues)
    ]
    return [run for *_, run in sorted(due, key=lambda entry: entry[:3])]


def _is_usual(run: Run, hint: Hint, now: datetime) -> bool:
    if run.state is not RunState.QUEUED or run.run_at is None or run.run_at > now:
        return False
    return (run.task, run.queue, run.losses, run.start_by) == (hint.task, hint.queue, 0, None)


def _too_late(run: Run, now: datetime) -> bool:
    # Judged once, before the first attempt: a run that began in time may be tried again however late.
    return run.attempt == 0 and run.start_by is not None and run.start_by < now


def _running(tables: Tables, node_id: str) -> list[Run]:
    return [run for run in tables.unfinished() if run.state is RunState.RUNNING and run.node_id == node_id]
