"""A day of delay is 24 hours, also where the database's clocks change: a day of PostgreSQL's is one of a time zone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from hourbell.clock import ManualClock
from hourbell.model.ids import new_run_id
from hourbell.model.node import NewNode
from hourbell.model.run import NewRun, Settlement
from hourbell.model.run_state import Origin, Outcome, RunState
from hourbell.sessions import transaction_of
from hourbell.store.postgres import PostgresStore

DAY = timedelta(days=1)
EVE = datetime(2031, 3, 29, 12, tzinfo=UTC)
"""In Berlin the clocks go forward in the night that follows: there the next noon is 23 hours away."""


@pytest.fixture
async def berlin(postgres_url: str) -> AsyncIterator[str]:
    connection = await asyncpg.connect(postgres_url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET timezone = 'Europe/Berlin'")
    yield postgres_url
    await connection.execute(f"ALTER DATABASE {name} RESET timezone")
    await connection.close()


def request(**fields: Any) -> NewRun:
    return NewRun(id=new_run_id(EVE), task="t", origin=Origin.ENQUEUE, args={}, **fields)


@pytest.mark.parametrize("pooler", [False, True])
async def test_a_day_has_24_hours(berlin: str, *, pooler: bool) -> None:
    store = PostgresStore(berlin, ManualClock(EVE), pooler=pooler)
    await store.open()
    try:
        await store.migrate()
        made = [
            *await store.enqueue([request(delay=DAY)]),
            *await store.enqueue([request(delay=DAY), request(delay=DAY)]),
            *await store.enqueue([request(delay=DAY), request(delay=2 * DAY, priority=1)]),
            *await lent(store, berlin, [request(delay=DAY)]),
        ]
        after = [run.run_at - EVE for run in [await store.get_run(run.id) for run in made] if run.run_at is not None]
        assert after == [DAY, DAY, DAY, DAY, 2 * DAY, DAY]
        await store.register_node(NewNode(id="a", host="h", pid=1, lease=DAY, version="1"))
        (now,) = await store.enqueue([request()])
        claim = await store.claim("a", "c", limit=9, tasks={"t": 9}, queues=None, suspects=1)
        assert claim is not None
        assert [run.id for run in claim.runs] == [now.id]
        later = Settlement(
            run_id=now.id, attempt=1, state=RunState.QUEUED, outcome=Outcome.FAILED, failed=True, delay=DAY, error="e"
        )
        await store.settle("a", [later])
        assert (await store.get_run(now.id)).run_at == EVE + DAY
    finally:
        await store.close()


async def lent(store: PostgresStore, url: str, runs: list[NewRun]) -> Any:
    """In a session of the application's, whose zone is its own."""
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        assert await connection.fetchval("SHOW timezone") == "Europe/Berlin"
        made = await (await store.within(transaction_of(connection))).enqueue(runs)
    await connection.close()
    return made
