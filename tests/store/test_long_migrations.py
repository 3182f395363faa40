"""A migration takes as long as a long history makes it take; nobody else is harmed meanwhile, and all hear why."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from hourbell.errors import StoreUnavailable
from hourbell.model.node import NewNode
from hourbell.store.postgres import PostgresStore, postgres_store
from hourbell.store.statements import Migration, migrations

PATIENCE = 0.5
"""Seconds that a statement of a loop may take here."""
LEASE = timedelta(seconds=30)
GATE = 7_411
LONG = Migration(
    9999,
    "9999_long",
    f"SELECT pg_sleep({3 * PATIENCE}); SELECT pg_advisory_xact_lock({GATE}); CREATE TABLE hourbell.tide (a integer);",
)


@pytest.mark.parametrize("pooler", [False, True])
async def test_a_migration_takes_its_time(postgres_url: str, monkeypatch: pytest.MonkeyPatch, *, pooler: bool) -> None:
    """It runs into no limit that other statements have, and leases are renewed beside it."""
    first, second = (PostgresStore(postgres_url, patience=PATIENCE, pooler=pooler) for _ in range(2))
    await first.open()
    await second.open()
    try:
        await first.migrate()
        await first.register_node(NewNode(id="a", host="h", pid=1, lease=LEASE, version="1"))
        monkeypatch.setattr(postgres_store, "migrations", lambda *given: (*migrations(*given), LONG))
        async with asyncio.timeout(60), second._connections.of("read") as gate:
            await gate.execute(f"SELECT pg_advisory_lock({GATE})")
            migrating = asyncio.create_task(first.migrate())
            await _until(
                gate, "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%pg_sleep%tide%' AND pid <> $1"
            )
            assert await first.renew("a", LEASE, 0) is not None
            with pytest.raises(StoreUnavailable, match="another process is bringing the tables"):
                await second.migrate()
            assert not migrating.done()
            await gate.execute(f"SELECT pg_advisory_unlock({GATE})")
            assert await migrating == ["9999_long"]
        assert await second.migrate() == []
    finally:
        await first.close()
        await second.close()


async def _until(connection: Any, question: str) -> None:
    pid = await connection.fetchval("SELECT pg_backend_pid()")
    while not await connection.fetchval(question, pid):  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.02)
