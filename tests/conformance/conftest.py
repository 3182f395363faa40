"""Every store of the package, fresh for each test of the suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from hourbell.clock import ManualClock
from hourbell.store.protocol import Store

# The one place to add a store: its name here, and how it is made below.
STORES = ("memory", "sqlite", "postgres")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=STORES)
def made(request: pytest.FixtureRequest, clock: ManualClock) -> Callable[[], Store]:
    """Makes stores on one truth, each as a node of its own would."""
    if request.param == "memory":
        from hourbell.store.memory import MemoryStore

        return MemoryStore(clock).twin
    if request.param == "sqlite":
        from hourbell.store.sqlite import SqliteStore

        path = request.getfixturevalue("sqlite_path")
        return lambda: SqliteStore(path, clock)
    from hourbell.store.postgres import PostgresStore

    url = request.getfixturevalue("postgres_url")
    return lambda: PostgresStore(url, clock)


@pytest.fixture
async def store(made: Callable[[], Store]) -> AsyncIterator[Store]:
    store = made()
    await store.open()
    try:
        await store.migrate()
        yield store
    finally:
        await store.close()


@pytest.fixture
async def neighbour(store: Store, made: Callable[[], Store]) -> AsyncIterator[Store]:
    """The store of another node."""
    store = made()
    await store.open()
    yield store
    await store.close()
