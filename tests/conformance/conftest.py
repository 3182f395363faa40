"""Every store of the package, fresh for each test of the suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing

import pytest

from hourbell.clock import ManualClock
from hourbell.store.protocol import Store
from hourbell.testing.postgres_server import PostgresServer
from support.lent_databases import Lending

# The one place to add a store: its name here, and how it is made below.
STORES = ("memory", "sqlite", "postgres")

# Not the usual one: no statement may name its schema itself.
SCHEMA = "conformance"


@pytest.fixture(scope="session")
def conformance_lending(postgres_server: PostgresServer) -> Iterator[Lending]:
    with closing(Lending(postgres_server, SCHEMA)) as lending:
        yield lending


@pytest.fixture
def conformance_url(conformance_lending: Lending) -> Iterator[str]:
    """An empty database with our tables; a connection that is left to it fails the test."""
    lent = conformance_lending.lend()
    yield lent.url
    left = conformance_lending.take_back(lent)
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

    url = request.getfixturevalue("conformance_url")
    return lambda: PostgresStore(url, clock, schema=SCHEMA)


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
