"""Schedulers on one database each, opened as scripts do it; and what a stranger does to a row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from hourbell import Scheduler
from hourbell.model.guard import GuardHold, GuardKind
from hourbell.store.protocol import Store

in_memory = pytest.mark.parametrize("database_url", ["memory"], indirect=True)
"""For what no database has a part in."""


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_path')}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def scheduler(database_url: str) -> AsyncIterator[Scheduler]:
    """An open scheduler, in Berlin, with the shortest lease."""
    async with Scheduler(database_url, lease=3, timezone="Europe/Berlin") as made:
        yield made


@dataclass
class Stranger:
    """Another process, which takes what it wants: as if every lease were over."""

    store: Store

    async def takes(self, held: Any) -> None:
        """The row says from now on that somebody else has it, under the next fence."""
        hold: GuardHold = held._held.hold
        await change(self.store, hold, owner="stranger", fence=hold.fence + 1)


@pytest.fixture
def stranger(scheduler: Scheduler) -> Stranger:
    return Stranger(scheduler._core.unopened_store)


async def change(store: Any, hold: GuardHold, *, owner: str, fence: int) -> None:
    """Write a row as no verb would."""
    if hasattr(store, "_tables"):
        key = (hold.kind, hold.name, hold.period)
        with store._tables.transaction():
            store._tables.guards.put(key, replace(store._tables.guards.get(key), owner=owner, fence=fence))
        return
    where = f"kind = '{hold.kind.value}' AND name = '{hold.name}'"
    await execute(store, f"guards SET owner = '{owner}', fence = {fence} WHERE {where}")


async def execute(store: Any, text: str) -> None:
    """An UPDATE on a store's database, past the store."""
    if hasattr(store, "_sqlite"):
        await store._sqlite.on("write", lambda connection: connection.execute(f"UPDATE {text}") and None)
        return
    async with store._postgres._connections.of("verbs") as connection:
        await connection.execute(f"UPDATE hourbell.{text}")


async def look(scheduler: Scheduler, name: str, kind: GuardKind = GuardKind.ONCE, period: str = "always") -> Any:
    """The guard while it cannot be taken."""
    return await scheduler._core.store.look_at_guard(kind, name, period)
