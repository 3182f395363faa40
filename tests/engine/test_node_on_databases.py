"""The same node on the databases that it is made for, faults included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.bench import Bench, until, until_async
from engine.faulty_store import FaultyStore
from hourbell.clock import SystemClock
from hourbell.context import Context
from hourbell.engine import crowd
from hourbell.engine.status import Life
from hourbell.model.run_state import RunState
from hourbell.store.postgres import PostgresStore
from hourbell.store.sql_store import SqlStore
from hourbell.store.sqlite import SqliteStore
from hourbell.triggers import Every


@pytest.fixture(params=["sqlite", "postgres"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    clock = SystemClock()
    store: Any
    if request.param == "sqlite":
        store = SqliteStore(request.getfixturevalue("sqlite_path"), clock, patience=1.0)
    else:
        store = PostgresStore(request.getfixturevalue("postgres_url"), clock, patience=1.0)
    await store.open()
    yield Bench(clock, FaultyStore(store))
    await store.close()


async def test_it_fires_and_runs_bodies_of_both_kinds(bench: Bench) -> None:
    seen: list[Any] = []

    async def ring(context: Context) -> None:
        seen.append(("ring", context.fire_at))

    def sweep(context: Context) -> None:
        seen.append(("sweep", context.fire_at))

    bench.task(ring)
    bench.task(sweep)
    for name in ("ring", "sweep"):
        bench.schedule(name, Every(seconds=0.5), catch_up="all", overlap="allow")
    async with bench.running() as node:
        await until(lambda: len(seen) >= 8)
        assert node.status.state is Life.LIVE
        assert node.status.last_error is None
    done = [(run.task, run.fire_at) for run in await bench.runs(state=RunState.SUCCEEDED)]
    assert sorted(done, key=str) == sorted(seen, key=str)
    assert len(set(done)) == len(done)


async def test_a_node_is_ready_for_many_before_they_are_due(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "CROWD", 5)
    fire_due, seen = SqlStore.fire_due, list[tuple[int, bool, int]]()

    async def told(self: SqlStore, limit: int, *args: Any, beside: bool = False) -> Any:
        report = await fire_due(self, limit, *args, beside=beside)
        seen.append((limit, beside, report.locked))
        return report

    monkeypatch.setattr(SqlStore, "fire_due", told)

    async def ring() -> None:
        """One of many."""

    bench.task(ring)
    for number in range(5):
        bench.schedule("ring", Every(seconds=2), f"ring-{number}", overlap="allow")
    async with bench.running():
        await until(lambda: any(locked for _, _, locked in seen))
    before = seen[: [bool(locked) for _, _, locked in seen].index(True)]
    can_wait = bench.store._store.can_hold
    assert ((0, True, 0) in before) == can_wait, "the session of a second batch is there, where one has any use"


async def test_two_nodes_share_a_backlog(bench: Bench) -> None:
    seen: list[int] = []

    async def ring(n: int) -> None:
        seen.append(n)
        await asyncio.sleep(0)

    bench.task(ring)
    store = bench.store._store.twin()
    await store.open()
    await store.migrate()
    other = Bench(bench.clock, FaultyStore(store))
    other.task(ring, "ring")
    for n in range(100):
        await other.enqueue("ring", args={"n": n})
    try:
        async with bench.running(), other.running():
            await until(lambda: len(seen) >= 100)
            await until_async(lambda: _all_done(other))
    finally:
        await store.close()
    assert sorted(seen) == list(range(100))


async def _all_done(bench: Bench) -> bool:
    return {(run.state, run.attempt) for run in await bench.runs()} == {(RunState.SUCCEEDED, 1)}


async def test_a_lost_lease_is_followed_by_another_life(bench: Bench) -> None:
    seen: list[int] = []

    async def ring(context: Context) -> None:
        seen.append(context.attempt)
        await asyncio.sleep(60 if context.attempt == 1 else 0)

    bench.task(ring)
    async with bench.running() as node:
        before = node.status.id
        run = await bench.enqueue("ring")
        node.wake()
        await until(lambda: seen == [1])
        bench.faults.away = True
        await until(lambda: node.status.state is Life.AWAY)
        bench.faults.away = False
        done = await bench.final(run.id)
        assert node.status.id != before
    assert (done.state, done.attempt, done.losses) == (RunState.SUCCEEDED, 2, 1)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["fire_due", "claim", "settle", "renew"])
async def test_answers_may_be_lost(bench: Bench, verb: str) -> None:
    seen: list[Any] = []

    async def ring(context: Context) -> None:
        seen.append((context.fire_at, context.attempt))

    bench.task(ring)
    bench.schedule("ring", Every(seconds=0.5), catch_up="all", overlap="allow")
    bench.faults.after(verb, times=2)
    async with bench.running():
        await until(lambda: len(seen) >= 3 and bench.faults.nothing_planned())
        count = len(seen)
        await until(lambda: len(seen) >= count + 2)
    assert len({fire_at for fire_at, _ in seen}) == len(seen)
    assert {attempt for _, attempt in seen} == {1}


async def test_what_the_drain_cuts_short_is_handed_back(bench: Bench) -> None:
    bench = Bench(bench.clock, bench.store, drain=0.1)
    going = asyncio.Event()

    async def long() -> None:
        going.set()
        await asyncio.sleep(60)

    bench.task(long)
    node = bench.node()
    await node.start()
    run = await bench.enqueue("long")
    node.wake()
    await asyncio.wait_for(going.wait(), 20)
    await node.stop()
    stored = await bench.run(run.id)
    assert (stored.state, stored.failures, stored.losses, stored.attempt) == (RunState.QUEUED, 0, 0, 1)
