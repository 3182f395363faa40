"""What another transaction commits between two statements of ours, or between a statement's snapshot and its locks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest

from hourbell.clock import ManualClock
from hourbell.engine.planning import plan_fires
from hourbell.model.node import NewNode
from hourbell.model.schedule import Declaration, Schedule, ScheduleState, Source
from hourbell.store.postgres import PostgresStore
from hourbell.triggers import Every

LEASE = timedelta(seconds=15)
STATED = Declaration(
    id="bell",
    task="ring",
    trigger=Every(seconds=1),
    args={},
    policies={},
    inherited={},
    source=Source.CODE,
    digest="1",
)
SLOW = """
    ALTER TABLE hourbell.schedules RENAME TO stored;
    CREATE FUNCTION hourbell.in_its_time() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        IF current_setting('bench.slow', true) = 'yes' THEN PERFORM pg_advisory_xact_lock_shared(7); END IF;
        RETURN true;
    END $$;
    CREATE VIEW hourbell.schedules AS SELECT * FROM hourbell.stored WHERE hourbell.in_its_time();
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@dataclass
class Rig:
    """A store, and a connection for what somebody else does."""

    url: str
    clock: ManualClock
    store: PostgresStore
    other: Any

    async def node(self, node_id: str) -> None:
        await self.store.register_node(NewNode(id=node_id, host="h", pid=1, lease=LEASE, version="0"))

    async def waits(self) -> None:
        """Until some statement waits for a lock."""
        async with asyncio.timeout(30):
            while not await self.other.fetchval(WAITING):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)


@pytest.fixture
async def rig(postgres_url: str) -> AsyncIterator[Rig]:
    clock = ManualClock()
    store = PostgresStore(postgres_url, clock)
    await store.open()
    await store.migrate()
    other = await asyncpg.connect(postgres_url)
    rig = Rig(postgres_url, clock, store, other)
    await rig.node("a")
    await store.declare("a", [STATED])
    yield rig
    await other.close()
    await store.close()


async def _declare(store: PostgresStore) -> Sequence[Schedule]:
    return await store.declare("a", [STATED])


async def _add(store: PostgresStore) -> Sequence[Schedule]:
    return [await store.add_schedule(STATED, "update")]


@pytest.mark.parametrize("verb", [_declare, _add])
async def test_a_schedule_removed_in_between_is_stored_after_all(
    rig: Rig, verb: Callable[[PostgresStore], Awaitable[Sequence[Schedule]]]
) -> None:
    async with rig.other.transaction():
        await rig.other.execute("SELECT 1 FROM hourbell.schedules FOR UPDATE")
        going = asyncio.ensure_future(verb(rig.store))
        await rig.waits()
        await rig.other.execute("DELETE FROM hourbell.schedules")
    (stored,) = await going
    assert (stored.id, stored.state) == ("bell", ScheduleState.ACTIVE)
    assert await rig.store.get_schedule("bell") == stored


async def test_a_declaration_between_the_snapshot_of_a_firing_and_its_lock_counts(rig: Rig) -> None:
    await rig.store.retire_node("a")
    await rig.node("b")
    await rig.other.execute(SLOW)
    firing = PostgresStore(rig.url + "?bench.slow=yes", rig.clock)
    await firing.open()
    try:
        rig.clock.advance(3)
        await rig.other.execute("SELECT pg_advisory_lock(7)")
        going = asyncio.ensure_future(firing.fire_due(10, partial(plan_fires, lease=LEASE)))
        await rig.waits()
        await rig.store.declare("b", [STATED])
        await rig.other.execute("SELECT pg_advisory_unlock(7)")
        report = await going
    finally:
        await firing.close()
    assert report.locked == 1
    assert not [skip for skip in report.skipped if skip[1].reason == "undeclared"]
    assert (await rig.store.get_schedule("bell")).state is ScheduleState.ACTIVE
