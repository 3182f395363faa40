"""Guards behind a lock: what they refuse cannot happen while the lock is held, and must be refused all the same.

Locks are lost by mistakes that no test of one process sees: a transaction pooler, another version, an edit by hand.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hourbell.clock import ManualClock
from hourbell.model.ids import new_run_id
from hourbell.model.node import NewNode
from hourbell.model.run import NewRun
from hourbell.model.schedule import Declaration, Source
from hourbell.store.postgres import PostgresStore
from hourbell.store.protocol import Store
from hourbell.store.sqlite import SqliteStore
from hourbell.store.statements import load
from hourbell.triggers import Every

BELL = Declaration(
    id="bell",
    task="ring",
    trigger=Every(seconds=10),
    args={},
    policies={},
    inherited={},
    source=Source.CALL,
    digest="1",
)


class OnPostgres:
    """A store, and its statements sent by hand."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.store: Store = PostgresStore(url, ManualClock())

    async def advance(self, **values: Any) -> None:
        statement = load("postgres", "hourbell")["firing.advance"]
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(statement.text, *([values[name]] for name in statement.parameters))
        finally:
            await connection.close()

    async def by_hand(self, change: str) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(change.replace("nodes", "hourbell.nodes"))
        finally:
            await connection.close()


class OnSqlite:
    """The same."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.store: Store = SqliteStore(path, ManualClock())

    async def advance(self, **values: Any) -> None:
        statement = load("sqlite")["firing.advance"]
        stored = {name: _micros(one) if isinstance(one, datetime) else one for name, one in values.items()}
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute(statement.text, stored)

    async def by_hand(self, change: str) -> None:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute(change)


def _micros(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[OnPostgres | OnSqlite]:
    if request.param == "postgres":
        made: OnPostgres | OnSqlite = OnPostgres(request.getfixturevalue("postgres_url"))
    else:
        made = OnSqlite(request.getfixturevalue("sqlite_path"))
    await made.store.open()
    await made.store.migrate()
    yield made
    await made.store.close()


@pytest.mark.parametrize("late, moves", [(0, True), (-10, False), (10, False)])
async def test_a_cursor_moves_only_from_where_it_was_seen(
    database: OnPostgres | OnSqlite, late: int, moves: bool
) -> None:
    born = await database.store.add_schedule(BELL, "error")
    assert born.next_fire_at is not None
    target = born.next_fire_at + timedelta(seconds=30)
    await database.advance(
        id="bell",
        seen=born.next_fire_at + timedelta(seconds=late),
        next_fire_at=target,
        last_fire_at=born.next_fire_at,
        state="active",
        last_skip_id=None,
        last_skip_reason=None,
    )
    assert (await database.store.get_schedule("bell")).next_fire_at == (target if moves else born.next_fire_at)


@pytest.mark.parametrize(
    "change", ["UPDATE nodes SET state = 'dead' WHERE id = 'b'", "DELETE FROM nodes WHERE id = 'b'"]
)
async def test_upkeep_sees_what_a_node_left_that_ended_without_handing_on(
    database: OnPostgres | OnSqlite, change: str
) -> None:
    """Whoever ends a node hands on its runs in the same transaction; should that be undone by hand, it is seen."""
    store = database.store
    for name in ("a", "b"):
        await store.register_node(NewNode(id=name, host="h", pid=1, lease=timedelta(seconds=15), version="1"))
    run = NewRun(id=new_run_id(ManualClock().now()), task="t", origin="enqueue", args={})
    await store.enqueue([run])
    await store.claim("b", "c", limit=1, tasks={"t": 1}, queues=None, suspects=1)
    assert not (await store.upkeep("a")).lost
    await database.by_hand(change)
    assert (await store.upkeep("a")).lost
    assert (await store.rescue({})).requeued == 1
    assert not (await store.upkeep("a")).lost
