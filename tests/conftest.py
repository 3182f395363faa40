"""Fixtures of the whole suite: databases that cost milliseconds, and a watch on what tests leave behind."""

from __future__ import annotations

import asyncio
import inspect
import logging
import secrets
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hourbell.testing.postgres_server import PostgresServer
from support.leaks import open_files, tasks_left, threads_left

if TYPE_CHECKING:
    from support.lent_databases import Lending


def pytest_configure() -> None:
    """A shell starts what runs in the background deaf to Ctrl-C, and its children inherit that: tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a PostgreSQL server, or breaks a database at every statement, is not fast. The same suite is run on
    SQLite and in memory."""
    for item in items:
        asks_for_server = {"postgres_server", "own_postgres_server"} & set(getattr(item, "fixturenames", ()))
        of_a_slow_room = item.nodeid.startswith(("tests/sessions/", "tests/store/", "tests/demo/"))
        if asks_for_server or of_a_slow_room or "postgres" in item.nodeid:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The one server of the session, started by the first test that asks. Tests that stop it make their own."""
    with PostgresServer(durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def lending(postgres_server: PostgresServer) -> Iterator[Lending]:
    """Lends the databases of that server; made only where it is asked for, since it loads a driver."""
    from support.lent_databases import Lending

    with closing(Lending(postgres_server)) as lending:
        yield lending


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, postgres_server: PostgresServer, lending: Lending) -> Iterator[str]:
    """A database of the test's own, with our tables and not a row in them, or without these under the mark ``bare``.

    A connection left to it fails the test.
    """
    if request.node.get_closest_marker("bare"):
        name = f"hourbell_test_{secrets.token_hex(6)}"
        yield postgres_server.create_database(name)
        left = postgres_server.drop_database(name)
    else:
        lent = lending.lend()
        yield lent.url
        left = lending.take_back(lent)
    if left:
        pytest.fail("connections were left open:\n" + "\n".join(left))


@pytest.fixture
def own_postgres_server() -> Iterator[PostgresServer]:
    """A server of the test's own, to be stopped and started at will."""
    with PostgresServer(durable=False, own=True) as server:
        yield server


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Iterator[Path]:
    """Where the test may make a database file; one that is left open fails the test."""
    folder = tmp_path / "sqlite"
    folder.mkdir()
    yield folder / "hourbell.db"
    left = open_files(folder)
    if left:
        pytest.fail("database files were left open:\n" + "\n".join(left))


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves one of our threads or any asyncio task running, or `logging` changed for all."""
    before = set(threading.enumerate())
    factory, disabled = logging.getLogRecordFactory(), logging.root.manager.disable
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("no_task_left_behind")
    yield
    left = threads_left(before)
    if left:
        pytest.fail("threads were left running: " + ", ".join(left))
    changed = logging.getLogRecordFactory()
    if changed is not factory:
        logging.setLogRecordFactory(factory)  # the next test is not to pay for this one
        pytest.fail(f"the factory of log records was left as {changed!r}")
    if logging.root.manager.disable != disabled:
        logging.disable(disabled)
        pytest.fail("logging was left switched off")


@pytest.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    """Asks in the test's own loop, once all its fixtures are gone."""
    before = asyncio.all_tasks()
    yield
    left = await tasks_left(before)
    if left:
        pytest.fail("asyncio tasks were left running:\n" + "\n".join(left))
