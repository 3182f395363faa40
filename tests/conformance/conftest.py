"""Every store of the package, fresh for each test of the suite."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hourbell.clock import ManualClock
from hourbell.store.protocol import Store

# The one place to add a store: its name here, and how it is made below.
STORES = ("memory",)


def _made(name: str, clock: ManualClock, request: pytest.FixtureRequest) -> Store:
    if name == "memory":
        from hourbell.store.memory import MemoryStore

        return MemoryStore(clock)
    if name == "sqlite":
        from hourbell.store.sqlite import SqliteStore

        return SqliteStore(request.getfixturevalue("sqlite_path"), clock)
    from hourbell.store.postgres import PostgresStore

    return PostgresStore(request.getfixturevalue("postgres_url"), clock)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, clock: ManualClock) -> AsyncIterator[Store]:
    store = _made(request.param, clock, request)
    await store.open()
    try:
        await store.migrate()
        yield store
    finally:
        await store.close()
