"""What an operator reads when the SQLite file cannot be used: which file, what happened, what to look at."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest

from hourbell.errors import StoreMisconfigured, StoreUnavailable
from hourbell.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path


async def opened(path: Path) -> SqliteStore:
    store = SqliteStore(path, patience=0.1)
    await store.open()
    return store


async def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    store = await opened(tmp_path / "nowhere" / "hourbell.db")
    with pytest.raises(StoreUnavailable, match=r"nowhere/hourbell\.db cannot be used .*check that its folder exists"):
        await store.ping()
    await store.close()


async def test_a_file_that_is_no_database(sqlite_path: Path) -> None:
    await asyncio.to_thread(sqlite_path.write_text, "this is a letter to my aunt, not a database " * 50)
    store = await opened(sqlite_path)
    with pytest.raises(StoreMisconfigured, match=r"hourbell\.db cannot be used .*check the database URL"):
        await store.ping()
    await store.close()


async def test_a_file_that_is_damaged(sqlite_path: Path) -> None:
    store = await opened(sqlite_path)
    await store.migrate()
    await store.close()
    await asyncio.to_thread(overwrite_pages, sqlite_path)
    store = await opened(sqlite_path)
    with pytest.raises(StoreMisconfigured, match=r"is damaged .*restore it from a backup"):
        await store.list_nodes()
    await store.close()


def overwrite_pages(path: Path) -> None:
    """All pages but the first two, in which the file's own description stands."""
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xff" * (path.stat().st_size - 2 * 4096))


async def test_a_file_that_another_process_holds(sqlite_path: Path) -> None:
    store = await opened(sqlite_path)
    await store.migrate()
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match=r"hourbell\.db is held by"):
        await store.retire_node("nobody")
    other.close()
    await store.retire_node("nobody")
    await store.close()


async def test_tables_that_are_missing(sqlite_path: Path) -> None:
    store = await opened(sqlite_path)
    with pytest.raises(StoreMisconfigured, match="run `hourbell migrate`"):
        await store.list_nodes()
    await store.close()


async def test_a_store_that_is_closed_or_closing_answers_at_once(sqlite_path: Path) -> None:
    store = await opened(sqlite_path)
    thread = store._sqlite._threads["read"]
    await store.close()
    with pytest.raises(StoreUnavailable, match="open it first"):
        await store.ping()
    with pytest.raises(StoreUnavailable, match="open it first"):
        thread.submit(lambda connection: None)
