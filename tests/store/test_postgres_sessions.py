"""What the settings of a database, or another version of Hourbell, do to our sessions on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from hourbell.model.ids import new_run_id
from hourbell.model.run import NewRun
from hourbell.model.run_state import Origin
from hourbell.store.postgres import PostgresStore


@pytest.fixture
async def connection(postgres_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def enqueue(store: PostgresStore) -> None:
    run = NewRun(id=new_run_id(datetime.now(UTC)), task="ring", origin=Origin.ENQUEUE, args={})
    assert [one.id for one in await store.enqueue([run])] == [run.id]


@pytest.mark.parametrize("pooler", [False, True])
async def test_many_nodes_migrate_at_once_whatever_isolation_is_the_default(
    postgres_url: str, connection: Any, pooler: bool
) -> None:
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    stores = [PostgresStore(postgres_url, pooler=pooler) for _ in range(4)]
    for store in stores:
        await store.open()
    try:
        applied = await asyncio.gather(*(store.migrate() for store in stores))
        assert sorted(map(len, applied)) == [0, 0, 0, 1]
    finally:
        for store in stores:
            await store.close()


async def test_a_column_that_a_newer_version_adds_disturbs_no_verb(postgres_url: str, connection: Any) -> None:
    store = PostgresStore(postgres_url)
    await store.open()
    try:
        await store.migrate()
        for _ in range(3):  # the driver keeps a statement's plan from its second use on
            await enqueue(store)
        await connection.execute("ALTER TABLE hourbell.runs ADD COLUMN tide text")
        await enqueue(store)
    finally:
        await store.close()
