"""The verbs of nodes: their leases, the rescue of what a lost one held, and what there is to wait for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.model.node import NewNode, Node, NodeState, Registration, Renewal, Rescue, Sibling, Upkeep
from hourbell.model.plan import NextWork, Question
from hourbell.model.run import CancelRequest
from hourbell.model.run_state import RunState
from hourbell.model.schedule import ScheduleState, Source
from hourbell.model.stranded import COUNTED, Stranded
from hourbell.store.memory.endings import hand_back, lose
from hourbell.store.memory.handle import Handle
from hourbell.store.memory.turns import sweep
from hourbell.store.protocol import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from hourbell.model.run import Run
    from hourbell.store.memory.tables import Tables


class NodeVerbs(Handle):
    """`NodeStore` over the tables."""

    async def register_node(self, node: NewNode) -> Registration:
        async with self._transaction() as now:
            tables = self._tables
            if node.id in tables.nodes:
                return Registration(now)
            row = Node(
                id=node.id,
                host=node.host,
                pid=node.pid,
                state=NodeState.LIVE,
                started_at=now,
                lease_until=now + node.lease,
                running=0,
                version=node.version,
                process=node.process,
            )
            tables.nodes.put(node.id, row)
            tables.renewals.put(node.id, 0)
            tables.node_tasks.put(node.id, dict(node.tasks))
            tables.node_queues.put(node.id, node.queues)
            if node.replaces is not None:
                _leave(tables, node.replaces, NodeState.DEAD)
                for run in _running_under(tables, node.replaces):
                    lose(tables, run, now)
            return Registration(now, tables.ended())

    async def renew(
        self,
        node_id: str,
        lease: timedelta,
        running: int,
        clock_offset: float | None = None,
        *,
        question: Question | None = None,
    ) -> Renewal | None:
        async with self._transaction() as now:
            tables = self._tables
            node = tables.nodes.get(node_id)
            if node is None or node.state is not NodeState.LIVE or node.lease_until <= now:
                return None
            offset = node.clock_offset if clock_offset is None else clock_offset
            tables.nodes.put(node_id, replace(node, lease_until=now + lease, running=running, clock_offset=offset))
            tables.renewals.put(node_id, (tables.renewals.get(node_id) or 0) + 1)
            siblings = [
                Sibling(other.id, tables.renewals.get(other.id) or 0, other.lease_until, other.process)
                for other in _live(tables)
                if other.id != node_id
            ]
            work = _next_work(tables, node_id, question, now) if question is not None else None
            return Renewal(now, tuple(sorted(siblings, key=lambda sibling: sibling.id)), work)

    async def upkeep(self, node_id: str) -> Upkeep:
        async with self._transaction():
            tables = self._tables
            live = {node.id for node in _live(tables)}
            unfinished = list(tables.unfinished())
            return Upkeep(
                lost=any(run.state is RunState.RUNNING and run.node_id not in live for run in unfinished),
                waiting=any(
                    run.state is RunState.QUEUED and run.run_at is None and run.schedule_id is not None
                    for run in unfinished
                ),
                overruled=_is_overruled(tables, node_id, live),
            )

    async def rescue(self, suspects: Mapping[str, int], gone: Mapping[str, str] = NOBODY) -> Rescue:
        async with self._transaction() as now:
            tables = self._tables
            dead = [
                node.id
                for node in _live(tables)
                if (node.lease_until <= now and suspects.get(node.id) == tables.renewals.get(node.id))
                or (node.process is not None and node.process == gone.get(node.id))
            ]
            for node_id in dead:
                _leave(tables, node_id, NodeState.DEAD)
            live = {node.id for node in _live(tables)}
            lost = [run for run in tables.unfinished() if run.state is RunState.RUNNING and run.node_id not in live]
            became = Counter(lose(tables, run, now) for run in lost)
            queued, failed, cancelled = (
                became[state] for state in (RunState.QUEUED, RunState.FAILED, RunState.CANCELLED)
            )
            return Rescue(tuple(sorted(dead)), queued, failed, cancelled, sweep(tables, now), tables.ended())

    async def retire_node(self, node_id: str) -> Sequence[Run]:
        async with self._transaction() as now:
            _leave(self._tables, node_id, NodeState.STOPPED)
            for run in _running_under(self._tables, node_id):
                hand_back(self._tables, run, now)
            return self._tables.ended()

    async def list_nodes(self) -> Sequence[Node]:
        async with self._transaction():
            by_id = sorted(self._tables.nodes.values(), key=lambda node: node.id)
        newest_first = sorted(by_id, key=lambda node: node.started_at, reverse=True)
        return sorted(newest_first, key=lambda node: node.state is not NodeState.LIVE)

    async def stranded(self, patience: timedelta) -> Sequence[Stranded]:
        async with self._transaction() as now:
            tables = self._tables
            places: dict[tuple[str, str], list[Run]] = {}
            for run in tables.unfinished():
                if run.state is RunState.QUEUED:
                    places.setdefault((run.queue, run.task), []).append(run)
            found = []
            for (queue, task), runs in sorted(places.items()):
                since = min((run.run_at for run in runs if run.run_at is not None), default=None)
                able = [node.id for node in _live(tables) if task in (tables.node_tasks.get(node.id) or {})]
                if since is None or since > now - patience or any(_serves(tables, node_id, queue) for node_id in able):
                    continue
                ids = {run.schedule_id for run in runs if run.schedule_id is not None}
                one = Stranded(
                    queue=queue,
                    task=task,
                    since=since,
                    count=min(len(runs), COUNTED),
                    known=bool(able),
                    schedules=tuple(sorted(ids)),
                )
                found.append(one)
            return found

    async def next_work(self, node_id: str, question: Question) -> NextWork:
        async with self._transaction() as now:
            return _next_work(self._tables, node_id, question, now)


def _next_work(tables: Tables, node_id: str, question: Question, now: datetime) -> NextWork:
    queues = question.queues
    fires = [row.next_fire_at for row in tables.schedules.values() if row.state is ScheduleState.ACTIVE]
    cursors = fires + [row.resume_at for row in tables.schedules.values() if row.state is ScheduleState.PAUSED]
    starts = [
        run.run_at
        for run in tables.unfinished()
        if run.state is RunState.QUEUED and run.task in question.tasks and (queues is None or run.queue in queues)
    ]
    unwanted = [run for run in _running_under(tables, node_id) if run.cancel_requested_at is not None]
    return NextWork(
        now=now,
        fire_due=_any_due(cursors, now),
        next_fire_at=_next(cursors, now),
        run_due=_any_due(starts, now),
        next_run_at=_next(starts, now),
        next_fires=min(question.fires, fires.count(_next(fires, now))),
        cancelling=tuple(
            CancelRequest(run.id, run.attempt, run.reason) for run in sorted(unwanted, key=lambda run: run.id)
        ),
    )


def _is_overruled(tables: Tables, node_id: str, live: set[str]) -> bool:
    """Some schedule from code is stored as nobody who lives declares it, while this node declares it otherwise."""
    said = {(place[1], digest) for place, digest in tables.declared.items() if place[0] in live}
    mine = [(place[1], digest) for place, digest in tables.declared.items() if place[0] == node_id]
    stored = [(tables.schedules.get(schedule_id), digest) for schedule_id, digest in mine]
    return any(
        schedule is not None
        and schedule.source is Source.CODE
        and schedule.digest != digest
        and (schedule.id, schedule.digest) not in said
        for schedule, digest in stored
    )


def _live(tables: Tables) -> list[Node]:
    return [node for node in tables.nodes.values() if node.state is NodeState.LIVE]


def _serves(tables: Tables, node_id: str, queue: str) -> bool:
    queues = tables.node_queues.get(node_id)
    return queues is None or queue in queues


def _leave(tables: Tables, node_id: str, state: NodeState) -> None:
    """End a node's life. One that has ended already keeps how it ended."""
    node = tables.nodes.get(node_id)
    if node is not None and node.state is NodeState.LIVE:
        tables.nodes.put(node_id, replace(node, state=state, running=0))


def _running_under(tables: Tables, node_id: str) -> list[Run]:
    return [run for run in tables.unfinished() if run.state is RunState.RUNNING and run.node_id == node_id]


def _any_due(instants: Iterable[datetime | None], now: datetime) -> bool:
    return any(instant is not None and instant <= now for instant in instants)


def _next(instants: Iterable[datetime | None], now: datetime) -> datetime | None:
    return min((instant for instant in instants if instant is not None and instant > now), default=None)
