"""On SQLite, which has one writer, a session that has written keeps out what its own handler asks for beside it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from hourbell import Scheduler, StoreUnavailable

LEASE = 3.0


async def test_a_request_beside_a_session_that_has_written_ends_before_the_lease_does(sqlite_path: Path) -> None:
    scheduler = Scheduler(f"sqlite:///{sqlite_path}", lease=LEASE)

    @scheduler.task
    async def send() -> None:
        """Never runs here."""

    with closing(sqlite3.connect(sqlite_path)) as connection:
        connection.execute("CREATE TABLE users (name TEXT)")
    engine = create_async_engine(f"sqlite+aiosqlite:///{sqlite_path}")
    async with scheduler.lifespan(None):
        before = (await scheduler.health()).node.id
        for _ in range(3):
            async with AsyncSession(engine) as session:
                await session.execute(text("INSERT INTO users VALUES ('ada')"))
                with pytest.raises(StoreUnavailable, match=r"a transaction of this process .*give the session along"):
                    await send.enqueue()
            await asyncio.sleep(LEASE / 3)
        health = await scheduler.health()
        assert (health.status, health.node.id) == ("ok", before)
        async with AsyncSession(engine) as session:
            await session.execute(text("INSERT INTO users VALUES ('ada')"))
            await send.options(session=session).enqueue()
            await session.commit()
    await engine.dispose()
