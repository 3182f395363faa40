"""A run that ends while a fire is being buffered behind it: between any two statements, the fire goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from hourbell.clock import ManualClock
from hourbell.engine.planning import plan_fires
from hourbell.model.node import NewNode
from hourbell.model.run import Run, RunFilter, Settlement
from hourbell.model.run_state import Outcome, RunState
from hourbell.model.schedule import Declaration, Source
from hourbell.store.postgres import PostgresStore
from hourbell.triggers import Every
from store.test_crash_points import LEASE

STATED = Declaration(
    id="bell", task="t", trigger=Every(seconds=1), args={}, policies={"overlap": "buffer_one"}, inherited={},
    source=Source.CALL, digest="1",
)  # fmt: skip


@asynccontextmanager
async def beside_each_other(url: str) -> AsyncIterator[tuple[ManualClock, PostgresStore, PostgresStore]]:
    """Two stores on one clock, with a node that is live and a schedule whose fires are buffered."""
    clock = ManualClock()
    stores = PostgresStore(url, clock), PostgresStore(url, clock)
    for one in stores:
        await one.open()
    try:
        await stores[0].migrate()
        await stores[0].register_node(NewNode(id="a", host="h", pid=1, lease=LEASE, version="0"))
        await stores[0].add_schedule(STATED, "error")
        yield clock, *stores
    finally:
        for one in stores:
            await one.close()


def paused_after(store: PostgresStore, statement: str, nth: int) -> tuple[asyncio.Event, asyncio.Event]:
    """Have the store stand still after the nth answer to a statement: when it has come there, and when it may go."""
    reached, go = asyncio.Event(), asyncio.Event()
    send = store._postgres.send
    seen: list[str] = []

    async def sending(connection: Any, asked: Any) -> Any:
        found = await send(connection, asked)
        seen.append(asked.statement)
        if asked.statement == statement and seen.count(statement) == nth:
            reached.set()
            await go.wait()
        return found

    store._postgres.send = sending  # type: ignore[method-assign]
    return reached, go


@pytest.mark.parametrize(
    "statement, nth",
    [
        ("firing.lock", 1),
        ("overlap.count", 1),
        ("runs.insert", 1),
        ("firing.advance", 1),
        ("overlap.announce", 1),
        ("overlap.count", 2),
    ],
)
async def test_whoever_is_first_the_buffered_fire_goes(postgres_url: str, statement: str, nth: int) -> None:
    async with beside_each_other(postgres_url) as (clock, store, firing):
        plan = partial(plan_fires, lease=LEASE)
        clock.advance(1)
        await store.fire_due(10, plan)
        (held,) = await claimed(store, "c1")
        clock.advance(1)
        reached, go = paused_after(firing, statement, nth)
        going = asyncio.ensure_future(firing.fire_due(10, plan))
        await reached.wait()
        ended = Settlement(run_id=held.id, attempt=1, state=RunState.SUCCEEDED, outcome=Outcome.SUCCEEDED)
        settling = asyncio.ensure_future(store.settle("a", [ended]))
        # Where the end comes first, its statement is done by now; where the announcement does, it waits for that.
        await asyncio.wait({settling}, timeout=0.3)
        go.set()
        await going
        assert await settling == {held.id: RunState.SUCCEEDED}
        newest, _ = (await store.list_runs(RunFilter(schedule_id="bell"))).items
        assert [run.id for run in await claimed(store, "c2")] == [newest.id], "it waits for a run that has ended"


async def claimed(store: PostgresStore, claim_id: str) -> list[Run]:
    claim = await store.claim("a", claim_id, limit=10, tasks={"t": 10}, queues=None, suspects=1)
    assert claim is not None
    return list(claim.runs)
