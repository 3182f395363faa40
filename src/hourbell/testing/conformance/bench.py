"""The bench on which a store is tried: short words for what the tests of the suite do again and again."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from hourbell.model.ids import new_claim_id, new_run_id
from hourbell.model.node import NewNode
from hourbell.model.run import NewRun, RunFilter, Settlement
from hourbell.model.run_state import Origin, Outcome, RunState
from hourbell.model.schedule import Declaration, Source
from hourbell.testing.conformance.planners import every_fire
from hourbell.triggers import Every

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from hourbell.clock import ManualClock
    from hourbell.model.limit import Limit
    from hourbell.model.node import Rescue
    from hourbell.model.plan import FiringReport, Planner
    from hourbell.model.run import Attempt, Run
    from hourbell.model.schedule import Schedule
    from hourbell.store.protocol import Store
    from hourbell.triggers import Trigger

T = TypeVar("T")

TASK = "task"
LEASE = timedelta(seconds=15)
PATIENCE = 30.0
"""Seconds that tests wait for what should come at once: they judge order and count, never speed."""

_ENDS: Mapping[Outcome, RunState] = {
    Outcome.SUCCEEDED: RunState.SUCCEEDED,
    Outcome.FAILED: RunState.FAILED,
    Outcome.TIMED_OUT: RunState.FAILED,
    Outcome.CANCELLED: RunState.CANCELLED,
    Outcome.HANDED_BACK: RunState.QUEUED,
}


class Bench:
    """A store with the clock that it was given, and handles on the same truth for others to use."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.store = store
        self.clock = clock
        self._twins: list[Store] = []

    @property
    def now(self) -> datetime:
        """The present instant of the store's database."""
        return self.clock.now()

    def later(self, seconds: float) -> datetime:
        """The instant so many seconds from now; negative: ago."""
        return self.now + timedelta(seconds=seconds)

    async def twin(self) -> Store:
        """Another handle, opened; it is closed with the bench."""
        other = self.store.twin()
        await other.open()
        self._twins.append(other)
        return other

    async def close(self) -> None:
        """Close the twins; the store itself belongs to the fixture that made it."""
        for other in self._twins:
            await other.close()

    async def in_threads(self, count: int, act: Callable[[Store, int], Awaitable[T]]) -> list[T]:
        """Have ``count`` threads act at once, each on its own event loop with a handle of its own."""
        start = threading.Barrier(count)

        async def on_own_loop(number: int) -> T:
            handle = self.store.twin()
            await handle.open()
            try:
                await asyncio.to_thread(start.wait, PATIENCE)
                return await act(handle, number)
            finally:
                await handle.close()

        def thread(number: int) -> T:
            return asyncio.run(on_own_loop(number))

        patient = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)  # so that threads get into each other's way as often as they can
        try:
            return await asyncio.gather(*(asyncio.to_thread(thread, number) for number in range(count)))
        finally:
            sys.setswitchinterval(patient)

    # Nodes

    async def node(self, node_id: str = "a", **fields: Any) -> str:
        """Register a node and answer its id."""
        await self.store.register_node(self.new_node(node_id, **fields))
        return node_id

    def new_node(self, node_id: str, *, lease: timedelta = LEASE, **fields: Any) -> NewNode:
        """A node that wants to register."""
        return NewNode(id=node_id, host="host", pid=1, lease=lease, version="1", **fields)

    async def renewals(self, asker: str | None = None) -> dict[str, int]:
        """The renewal numbers of the live nodes, as a witness sees them."""
        witness = asker or await self.node(f"witness-{new_claim_id()}")
        renewal = await self.store.renew(witness, LEASE, 0)
        assert renewal is not None
        return {sibling.id: sibling.renewals for sibling in renewal.siblings}

    async def kill(self, *node_ids: str) -> Rescue:
        """Let the leases of these nodes run out, and rescue what they held."""
        seen = await self.renewals()
        self.clock.advance(LEASE.total_seconds() + 1)
        return await self.store.rescue({node_id: seen[node_id] for node_id in node_ids})

    async def gone_nodes(self) -> Sequence[str]:
        """Ids of nodes that are not live: one that never was, one that has stopped, and one that is dead."""
        await self.node("stopped")
        await self.store.retire_node("stopped")
        await self.node("dead")
        await self.kill("dead")
        return ("unknown", "stopped", "dead")

    # Schedules

    def declaration(
        self, schedule_id: str = "s", *, trigger: Trigger | None = None, digest: str = "1", **fields: Any
    ) -> Declaration:
        """A declaration from code unless ``source`` says otherwise: every second unless ``trigger`` does."""
        stated = Declaration(
            id=schedule_id,
            task=TASK,
            trigger=trigger or Every(seconds=1),
            args={},
            policies={},
            inherited={},
            source=Source.CODE,
            digest=digest,
        )
        return replace(stated, **fields)

    async def schedule(self, schedule_id: str = "s", *, trigger: Trigger | None = None, **fields: Any) -> Schedule:
        """Store a schedule made by a call."""
        declaration = self.declaration(schedule_id, trigger=trigger, **{"source": Source.CALL, **fields})
        return await self.store.add_schedule(declaration, "update")

    async def fire(self, plan: Planner = every_fire, *, limit: int = 100) -> FiringReport:
        """Record what is due."""
        return await self.store.fire_due(limit, plan)

    async def fire_after(self, seconds: float, plan: Planner = every_fire) -> FiringReport:
        """Let time pass, then record what is due."""
        self.clock.advance(seconds)
        return await self.fire(plan)

    # Runs

    def request(self, task: str = TASK, **fields: Any) -> NewRun:
        """A request by hand."""
        return replace(NewRun(id=new_run_id(self.now), task=task, origin=Origin.ENQUEUE, args={}), **fields)

    async def enqueue(self, task: str = TASK, **fields: Any) -> Run:
        """Store one request by hand."""
        (run,) = await self.store.enqueue([self.request(task, **fields)])
        return run

    async def claim(
        self,
        node_id: str = "a",
        *,
        limit: int = 100,
        tasks: Collection[str] | Mapping[str, int] = (TASK,),
        queues: Sequence[str] | None = None,
        suspects: int = 100,
        claim_id: str | None = None,
        limits: Collection[Limit] = (),
        slots: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Run]:
        """The runs that a live node is given."""
        rooms = tasks if isinstance(tasks, Mapping) else dict.fromkeys(tasks, 100)
        claim = await self.store.claim(
            node_id,
            claim_id or new_claim_id(),
            limit=limit,
            tasks=rooms,
            queues=queues,
            suspects=suspects,
            limits=limits,
            slots=slots,
            since=since,
            until=until,
        )
        assert claim is not None, f"node {node_id} was refused"
        return list(claim.runs)

    async def running(self, node_id: str = "a", **fields: Any) -> Run:
        """A run that has just been requested and claimed by this node, which is registered when it is not."""
        await self.node(node_id)
        wanted = await self.enqueue(**fields)
        claimed = {run.id: run for run in await self.claim(node_id, tasks=(wanted.task,))}
        return claimed[wanted.id]

    def report(self, run: Run, outcome: Outcome = Outcome.SUCCEEDED, **fields: Any) -> Settlement:
        """What a node reports about a run that it holds; ``started_at`` and ``finished_at`` are instants."""
        for name in ("started", "finished"):
            instant = fields.pop(f"{name}_at", None)
            fields[name] = instant.timestamp() if instant is not None else None
        return replace(Settlement(run_id=run.id, attempt=run.attempt, state=_ENDS[outcome], outcome=outcome), **fields)

    async def settle(self, run: Run, outcome: Outcome = Outcome.SUCCEEDED, **fields: Any) -> bool:
        """Report a run in the name of the node that it was claimed by; True when that was accepted."""
        assert run.node_id is not None
        return run.id in await self.store.settle(run.node_id, [self.report(run, outcome, **fields)])

    async def fail_and_retry(self, run: Run, *, delay: float = 0) -> bool:
        """Report a failure after which the run is to be tried again."""
        return await self.settle(
            run,
            Outcome.FAILED,
            state=RunState.QUEUED,
            failed=True,
            delay=timedelta(seconds=delay),
            error="boom",
        )

    async def get(self, run: Run) -> Run:
        """The run as it is stored now."""
        return await self.store.get_run(run.id)

    async def attempts(self, run: Run) -> list[Attempt]:
        """The run's earlier attempts."""
        return list(await self.store.list_attempts(run.id))

    async def runs(self, **wanted: Any) -> list[Run]:
        """All runs that fit, whatever the number of pages: oldest fire first, requests by hand last."""
        found: list[Run] = []
        cursor: str | None = None
        while True:
            page = await self.store.list_runs(RunFilter(**wanted, cursor=cursor))
            found.extend(page.items)
            cursor = page.next_cursor
            if cursor is None:
                return sorted(found, key=lambda run: (run.fire_at is None, run.fire_at or run.created_at, run.id))


def ids(rows: Iterable[Any]) -> list[str]:
    """The ids of runs, schedules or nodes, in their order."""
    return [row.id for row in rows]
