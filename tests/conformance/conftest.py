"""Every store of the package, fresh for each test of the suite."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import asyncpg
import pytest

from hourbell.clock import ManualClock
from hourbell.store.protocol import Store
from hourbell.testing.postgres_server import PostgresServer

# The one place to add a store: its name here, and how it is made below.
STORES = ("memory", "sqlite", "postgres")

_OTHERS = """
    SELECT query FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# How many times to look, a twentieth of a second apart, for connections that are just ending.
_LOOKS = 100


@pytest.fixture(scope="session")
def conformance_database(postgres_server: PostgresServer) -> Iterator[str]:
    """One database for the whole suite; each test has a schema of its own, which is cheaper to make."""
    name = f"conformance_{secrets.token_hex(4)}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture
async def postgres_schema(conformance_database: str) -> AsyncIterator[str]:
    """The name of the test's own schema; a connection that it leaves to the database fails it."""
    yield f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(conformance_database)
    try:
        left = await connection.fetch(_OTHERS)
        for _ in range(_LOOKS):
            if not left:
                return
            await asyncio.sleep(0.05)
            left = await connection.fetch(_OTHERS)
    finally:
        await connection.close()
    pytest.fail("connections were left open:\n" + "\n".join(row["query"] for row in left))


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

    url, schema = request.getfixturevalue("conformance_database"), request.getfixturevalue("postgres_schema")
    return lambda: PostgresStore(url, clock, schema=schema)


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
