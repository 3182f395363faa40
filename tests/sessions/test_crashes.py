"""The process dies between any two statements of the application's transaction: both are there, or neither is."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hourbell import Scheduler

PROGRAM = """
import asyncio, os, signal, sys
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from hourbell import Every, Scheduler

plain, kind, deadly = sys.argv[1], sys.argv[2], int(sys.argv[3])
scheduler = Scheduler(plain, lease=3)
task = scheduler.task(name="greet")(lambda name: None)
steps = 0

def step():
    global steps
    steps += 1
    if steps == deadly:
        os.kill(os.getpid(), signal.SIGKILL)

async def work(session, done, put, commit):
    step()
    await put(session)
    step()
    await task.options(session=session).enqueue(name="ada")
    step()
    await scheduler.add_schedule("greet", Every(hours=1), id="s", args={"name": "ada"}, session=session)
    step()
    await commit(session)
    step()

async def main():
    insert = text("INSERT INTO users (name) VALUES ('ada')")
    async with scheduler:
        if kind == "asyncpg":
            import asyncpg
            connection = await asyncpg.connect(plain)
            transaction = connection.transaction()
            await transaction.start()
            await work(connection, None, lambda c: c.execute("INSERT INTO users (name) VALUES ('ada')"),
                       lambda c: transaction.commit())
            await connection.close()
        elif kind == "async":
            async_url = plain.replace("postgresql://", "postgresql+asyncpg://").replace("sqlite://", "sqlite+aiosqlite://")
            engine = create_async_engine(async_url)
            async with AsyncSession(engine) as session:
                await work(session, None, lambda s: s.execute(insert), lambda s: s.commit())
            await engine.dispose()
        else:
            engine = create_engine(plain.replace("postgresql://", "postgresql+psycopg://"))
            async def put(session): session.execute(insert)
            async def commit(session): session.commit()
            with Session(engine) as session:
                await work(session, None, put, commit)
            engine.dispose()

asyncio.run(main())
"""


async def written(url: str) -> tuple[int, int, int]:
    """How many users, runs and schedules there are."""
    async with Scheduler(url) as scheduler:
        runs, schedules = await scheduler.list_runs(), await scheduler.list_schedules()
    if url.startswith("sqlite"):
        import sqlite3

        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        users = connection.execute("SELECT count(*) FROM users").fetchone()[0]
        connection.close()
    else:
        import asyncpg

        other = await asyncpg.connect(url)
        users = await other.fetchval("SELECT count(*) FROM users")
        await other.close()
    return users, len(runs), len(schedules)


async def prepared(url: str) -> None:
    async with Scheduler(url):
        pass
    table = "CREATE TABLE users (name TEXT PRIMARY KEY)"
    if url.startswith("sqlite"):
        import sqlite3

        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute(table)
        connection.close()
    else:
        import asyncpg

        other = await asyncpg.connect(url)
        await other.execute(table)
        await other.close()


@pytest.mark.parametrize("kind", ["async-postgres", "sync-postgres", "asyncpg-postgres", "async-sqlite", "sync-sqlite"])
async def test_a_death_at_any_point_leaves_both_or_neither(kind: str, request: pytest.FixtureRequest) -> None:
    session, _, database = kind.partition("-")
    if database == "sqlite":
        path: Path = request.getfixturevalue("sqlite_path")
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("postgres_url")
    await prepared(url)
    for point in range(1, 6):
        command = [sys.executable, "-c", PROGRAM, url, session, str(point)]
        ended = await asyncio.to_thread(subprocess.run, command, timeout=60, check=False)
        assert ended.returncode == -signal.SIGKILL, "it was to die, and did something else"
        # Only the last point lies behind the commit; what an earlier one left would be counted here too.
        wanted = (1, 1, 1) if point == 5 else (0, 0, 0)
        assert await written(url) == wanted, f"point {point}"
