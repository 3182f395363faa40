"""What the engine's tests stand on: a node on a memory store, with tasks and schedules made in a line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from engine.faulty_store import FaultyStore
from hourbell.clock import Clock, SystemClock
from hourbell.engine.node import Node
from hourbell.engine.parts import Parts
from hourbell.engine.process_table import ProcessTable
from hourbell.engine.registering import Registering
from hourbell.engine.timekeeping import Timekeeper
from hourbell.engine.troubles import Troubles
from hourbell.engine.trust import Trust
from hourbell.events import Events
from hourbell.model.ids import new_run_id
from hourbell.model.run import NewRun, Run, RunFilter
from hourbell.model.run_state import Origin
from hourbell.model.schedule import Declaration, Source
from hourbell.settings import Settings
from hourbell.store.memory import MemoryStore
from hourbell.task import Task, TaskRegistry
from hourbell.triggers import Every, Trigger

PATIENCE = 30.0
"""Seconds after which what a test waits for is taken not to happen."""


class Bench:
    """A store, tasks and declarations; and nodes on them."""

    def __init__(self, clock: Clock | None = None, store: FaultyStore | None = None, **settings: Any) -> None:
        self.clock = clock or SystemClock()
        self.store = store or FaultyStore(MemoryStore(self.clock))
        self.faults = self.store.faults
        self.settings = Settings(**{"lease": 3.0, "poll": 0.2, "poll_with_hints": 0.5, "drain": 2.0, **settings})
        self.tasks = TaskRegistry()
        self.declared: list[Declaration] = []
        self.events = Events()
        self.seen: list[Any] = []
        self.processes = ProcessTable()

    def neighbour(self, **settings: Any) -> Bench:
        """Another process on the same store, with tasks and faults of its own."""
        return Bench(self.clock, FaultyStore(self.store._store.twin()), **settings)

    def task(self, function: Callable[..., Any], name: str | None = None, **policies: Any) -> Task[..., Any]:
        task: Task[..., Any] = Task(function, name=name or function.__name__, policies=policies)
        self.tasks.add(task)
        return task

    def schedule(
        self, task: str, trigger: Trigger | None = None, schedule_id: str | None = None, **policies: Any
    ) -> str:
        """Declare a schedule in code."""
        trigger = trigger or Every(seconds=1)
        schedule_id = schedule_id or task
        self.declared.append(declaration(schedule_id, task, trigger, **policies))
        return schedule_id

    def parts(self) -> Parts:
        """What each room of the engine is handed, for tests that step it by hand."""
        return Parts(
            clock=self.clock,
            settings=self.settings,
            tasks=self.tasks,
            events=self.events,
            declarations=lambda: tuple(self.declared),
            timekeeper=Timekeeper(self.clock),
            troubles=Troubles(self.clock.elapsed),
            processes=self.processes,
        )

    async def trust(self) -> Trust:
        """A node that is registered and has declared its schedules, and its trust."""
        return await Registering(self.store, self.parts()).attempt()

    def node(self) -> Node:
        return Node(
            store=self.store,
            clock=self.clock,
            settings=self.settings,
            tasks=self.tasks,
            declarations=lambda: tuple(self.declared),
            events=self.events,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Node]:
        """A node from its start to its stop."""
        node = self.node()
        await node.start()
        try:
            yield node
        finally:
            await node.stop()
            await self.events.drained(PATIENCE)

    async def enqueue(self, task: str, delay: float | None = None, **fields: Any) -> Run:
        (run,) = await self.enqueue_many(task, 1, delay, **fields)
        return run

    async def enqueue_many(self, task: str, count: int, delay: float | None = None, **fields: Any) -> Sequence[Run]:
        runs = [
            NewRun(
                id=new_run_id(self.clock.now()),
                task=task,
                origin=Origin.ENQUEUE,
                args=fields.get("args", {}),
                delay=timedelta(seconds=delay) if delay is not None else None,
                **{name: value for name, value in fields.items() if name != "args"},
            )
            for _ in range(count)
        ]
        made: Sequence[Run] = await self.store.enqueue(runs)
        return made

    async def run(self, run_id: str) -> Run:
        found: Run = await self.store._store.get_run(run_id)
        return found

    async def runs(self, **wanted: Any) -> list[Run]:
        """All runs that fit, oldest first."""
        page = await self.store._store.list_runs(RunFilter(limit=10_000, **wanted))
        return list(reversed(page.items))

    async def final(self, run_id: str) -> Run:
        """The run, once it has ended."""
        await until_async(lambda: self._is_final(run_id))
        return await self.run(run_id)

    async def _is_final(self, run_id: str) -> bool:
        return (await self.run(run_id)).state.final


def declaration(schedule_id: str, task: str, trigger: Trigger, **policies: Any) -> Declaration:
    return Declaration(
        id=schedule_id,
        task=task,
        trigger=trigger,
        args={},
        policies=policies,
        inherited={},
        source=Source.CODE,
        digest=f"{schedule_id}-1",
    )


async def until(holds: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


async def until_async(holds: Callable[[], Any], patience: float = PATIENCE) -> None:
    """Wait until something that has to be asked for is true."""
    deadline = time.monotonic() + patience
    while not await holds():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


def later(instant: datetime, seconds: float) -> datetime:
    return instant + timedelta(seconds=seconds)
