"""Every store of the package, fresh for each test of the suite."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator

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


@pytest.fixture(scope="session")
def shared_database(postgres_server: PostgresServer) -> Iterator[str]:
    """One database for the whole suite, a schema of it for each test: hundreds of databases would cost a minute."""
    name = f"hourbell_suite_{secrets.token_hex(6)}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture
async def postgres_schema(shared_database: str) -> AsyncIterator[str]:
    """The name of a schema of the test's own; a connection left to the database fails the test."""
    yield f"suite_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(shared_database)
    try:
        left = [row["query"] for row in await connection.fetch(_OTHERS)]
        for _ in range(100):  # those that are just ending are given a moment
            if not left:
                break
            await asyncio.sleep(0.05)
            left = [row["query"] for row in await connection.fetch(_OTHERS)]
    finally:
        await connection.close()
    if left:
        pytest.fail("connections were left open:\n" + "\n".join(left))


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

    url, schema = request.getfixturevalue("conformance_database"), f"test_{secrets.token_hex(4)}"
    return lambda: PostgresStore(url, clock, schema=schema)


@pytest.fixture(scope="session")
def conformance_database(postgres_server: PostgresServer) -> Iterator[str]:
    """One database for the whole suite; each test has a schema of its own, which is cheaper to make."""
    name = f"conformance_{secrets.token_hex(4)}"
    yield postgres_server.create_database(name)
    left = postgres_server.drop_database(name)
    if left:
        pytest.fail("connections were left open:\n" + "\n".join(left))


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
