"""What users ask for may wait longer than the loops may, which a lease depends on; nobody keeps a lock for longer."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hourbell.errors import StoreUnavailable
from hourbell.model.editing import pausing
from hourbell.model.schedule import Declaration, ScheduleState, Source
from hourbell.store.postgres import PostgresStore
from hourbell.store.sql_store import VERBS_PATIENCE
from hourbell.store.sqlite import SqliteStore
from hourbell.triggers import Every

SHORT = 0.3
"""Seconds that the loops wait here; the lock is held for longer."""

HELD = 1.0

DAILY = Declaration(
    id="daily", task="t", trigger=Every(days=1), args={}, policies={}, inherited={}, source=Source.CALL, digest="1"
)


async def test_a_verb_waits_for_a_lock_that_the_loops_do_not_wait_for(postgres_url: str) -> None:
    store = PostgresStore(postgres_url, patience=SHORT)
    await store.open()
    holder: Any = await asyncpg.connect(postgres_url)
    try:
        await store.migrate()
        await store.add_schedule(DAILY, "error")
        holding = holder.transaction()
        await holding.start()
        await holder.execute("LOCK TABLE hourbell.schedules IN ACCESS EXCLUSIVE MODE")
        edit = asyncio.create_task(store.edit_schedule("daily", pausing("why")))
        listed = asyncio.create_task(store.get_schedule("daily"))
        with pytest.raises(StoreUnavailable):
            await store.resume_due(10)
        await asyncio.sleep(HELD - SHORT)
        assert not edit.done()
        assert not listed.done()
        await holding.rollback()
        assert (await edit).state is ScheduleState.PAUSED
        assert (await listed).id == "daily"
    finally:
        await holder.close()
        await store.close()


async def test_the_server_ends_a_frozen_verb_as_soon_as_a_frozen_loop(postgres_url: str) -> None:
    store = PostgresStore(postgres_url, patience=SHORT)
    await store.open()
    try:
        said: dict[str, list[str]] = {}
        for lane in ("fire", "verbs"):
            bounds = store._postgres._verbs if lane == "verbs" else store._postgres._loops
            async with store._connections.of(lane) as connection:  # type: ignore[arg-type]
                await connection.execute(bounds.on(connection))
                names = ("idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout")
                said[lane] = [await connection.fetchval(f"SHOW {name}") for name in names]
                await connection.execute("ROLLBACK")
        assert said == {"fire": ["300ms", "300ms", "300ms"], "verbs": ["300ms", "10s", "10s"]}
        assert VERBS_PATIENCE == 10
    finally:
        await store.close()


WRITER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("writing", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
"""


async def held(path: Path, seconds: float) -> asyncio.subprocess.Process:
    """Another process writes into the file for so long; answers once it does."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), str(seconds), stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    await writer.stdout.readline()
    return writer


async def test_a_verb_waits_for_a_writer_that_the_loops_do_not_wait_for(sqlite_path: Path) -> None:
    store = SqliteStore(sqlite_path, patience=SHORT)
    await store.open()
    try:
        await store.migrate()
        writer = await held(sqlite_path, HELD)
        adding = asyncio.create_task(store.add_schedule(DAILY, "error"))
        with pytest.raises(StoreUnavailable):
            await store.resume_due(10)
        assert not adding.done()
        assert (await adding).id == "daily"
        await writer.communicate()
    finally:
        await store.close()


async def test_a_verb_waits_no_longer_than_its_patience(sqlite_path: Path) -> None:
    store = SqliteStore(sqlite_path, patience=0.05, verbs_patience=0.1)
    await store.open()
    try:
        await store.migrate()
        writer = await held(sqlite_path, HELD)
        with pytest.raises(StoreUnavailable, match=r"is held by (another )?process"):
            await store.add_schedule(DAILY, "error")
        await writer.communicate()
    finally:
        await store.close()


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only Linux tells who has a lock")
async def test_who_holds_the_file_is_named(sqlite_path: Path) -> None:
    store = SqliteStore(sqlite_path, patience=0.05, verbs_patience=0.1)
    await store.open()
    try:
        await store.migrate()
        writer = await held(sqlite_path, HELD)
        with pytest.raises(StoreUnavailable, match=rf"is held by process {writer.pid} \(.+\)"):
            await store.add_schedule(DAILY, "error")
        await writer.communicate()
    finally:
        await store.close()
