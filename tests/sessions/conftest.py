"""Every kind of session that an application may have, each on the scheduler's own database."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import sqlmodel
import sqlmodel.ext.asyncio.session
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from hourbell import Scheduler

SESSIONS: dict[str, Callable[[Any], Any]] = {
    "Session": Session,
    "SQLModel": sqlmodel.Session,
    "Connection": lambda engine: engine.connect(),
    "AsyncSession": AsyncSession,
    "SQLModelAsync": sqlmodel.ext.asyncio.session.AsyncSession,
    "AsyncConnection": lambda engine: engine.connect(),
}
SYNC = ("Session", "SQLModel", "Connection")
ASYNC = ("AsyncSession", "SQLModelAsync", "AsyncConnection")
KINDS = [
    *(f"{kind}-postgresql+psycopg" for kind in (*SYNC, *ASYNC)),
    *(f"{kind}-postgresql+asyncpg" for kind in ASYNC),
    *(f"{kind}-sqlite" for kind in SYNC),
    *(f"{kind}-sqlite+aiosqlite" for kind in ASYNC),
    "asyncpg-asyncpg",
]


@dataclass
class Desk:
    """One session of the application: it writes users, and commits or not."""

    session: Any
    kind: str
    began: Any = None

    async def put(self, name: str) -> None:
        if self.kind == "asyncpg":
            await self.session.execute("INSERT INTO users (name) VALUES ($1)", name)
        else:
            # SQLModel's own execute warns that one probably wants its exec.
            execute = {"SQLModel": Session, "SQLModelAsync": AsyncSession}.get(self.kind, type(self.session)).execute
            await self._done(execute(self.session, text("INSERT INTO users (name) VALUES (:name)"), {"name": name}))

    async def commit(self) -> None:
        await self._done((self.began or self.session).commit())

    async def rollback(self) -> None:
        await self._done((self.began or self.session).rollback())

    async def _done(self, answer: Any) -> Any:
        return await answer if inspect.isawaitable(answer) else answer


@dataclass
class Office:
    """The application's database: desks of one kind, and what is in the end written there."""

    scheduler: Scheduler
    kind: str
    engine: Any
    url: str

    @asynccontextmanager
    async def desk(self, *, begin: bool = True) -> AsyncIterator[Desk]:
        if self.kind == "asyncpg":
            connection = await asyncpg.connect(self.url)
            try:
                began = connection.transaction() if begin else None
                if began is not None:
                    await began.start()
                yield Desk(connection, self.kind, began)
            finally:
                await connection.close()
        elif self.kind in ASYNC:
            async with SESSIONS[self.kind](self.engine) as session:
                yield Desk(session, self.kind)
        else:
            with SESSIONS[self.kind](self.engine) as session:
                yield Desk(session, self.kind)

    async def users(self) -> list[str]:
        """Read on a connection of its own."""
        if self.kind == "asyncpg":
            connection = await asyncpg.connect(self.url)
            try:
                return [row["name"] for row in await connection.fetch("SELECT name FROM users ORDER BY name")]
            finally:
                await connection.close()
        if self.kind in ASYNC:
            async with self.engine.connect() as one:
                return list((await one.execute(text("SELECT name FROM users ORDER BY name"))).scalars())
        with self.engine.connect() as one:
            return list(one.execute(text("SELECT name FROM users ORDER BY name")).scalars())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "office" in metafunc.fixturenames:
        wanted = metafunc.definition.get_closest_marker("kinds")
        chosen = [kind for kind in KINDS if wanted is None or kind.startswith(wanted.args)]
        metafunc.parametrize("office", chosen, indirect=True)


@pytest.fixture
async def office(request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    kind, _, driver = request.param.partition("-")
    if driver.startswith("sqlite"):
        address = f"/{request.getfixturevalue('sqlite_path')}"
        plain = f"sqlite://{address}"
        url = f"{driver}://{address}"
    else:
        plain = request.getfixturevalue("postgres_url")
        url = plain.replace("postgresql://", f"{driver}://")
    engine: Any = None
    if kind in ASYNC:
        engine = create_async_engine(url)
    elif kind in SYNC:
        engine = create_engine(url)
    scheduler = Scheduler(plain, lease=3)

    @scheduler.task(name="greet")
    def greet(name: str) -> str:
        return f"hello {name}"

    async with scheduler:
        await scheduler.migrate()
        office = Office(scheduler, kind, engine, plain)
        table = "CREATE TABLE users (name TEXT PRIMARY KEY)"
        if kind == "asyncpg":
            connection = await asyncpg.connect(plain)
            await connection.execute(table)
            await connection.close()
        elif kind in ASYNC:
            async with engine.begin() as one:
                await one.execute(text(table))
        else:
            with engine.begin() as one:
                one.execute(text(table))
        try:
            yield office
        finally:
            if kind in ASYNC:
                await engine.dispose()
            elif kind in SYNC:
                engine.dispose()
