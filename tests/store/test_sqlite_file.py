"""What becomes of the file while it is open: who deletes, moves or replaces it, and what a connection learnt of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hourbell.errors import StoreUnavailable
from hourbell.model.schedule import Declaration, Source
from hourbell.store.sqlite import SqliteStore, store_file
from hourbell.triggers import Every


def daily(number: int = 0) -> Declaration:
    return Declaration(
        id=f"daily-{number}",
        task="t",
        trigger=Every(days=1),
        args={"text": "x" * 50_000},
        policies={},
        inherited={},
        source=Source.CALL,
        digest="1",
    )


@pytest.fixture
async def store(sqlite_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteStore]:
    monkeypatch.setattr(store_file, "LOOK_EVERY", 0.0)
    store = SqliteStore(sqlite_path, patience=0.1)
    await store.open()
    await store.migrate()
    yield store
    await store.close()


def files(path: Path) -> list[Path]:
    return [path, Path(f"{path}-wal"), Path(f"{path}-shm")]


def delete(path: Path) -> None:
    for one in files(path):
        one.unlink()


def replace(path: Path) -> None:
    backup = path.with_name("backup.db")
    with closing(sqlite3.connect(path)) as before, closing(sqlite3.connect(backup)) as after:
        before.backup(after)
    backup.replace(path)


def moved(before: Path, after: Path) -> None:
    before.rename(after)


def take_away(one: Path) -> None:
    one.unlink()


def log_size(path: Path) -> int:
    return files(path)[1].stat().st_size


def make_folders(folder: Path) -> None:
    for name in ("here", "there"):
        (folder / name).mkdir()


def listed(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def linked_to(path: Path) -> Path:
    link = path.with_name("link.db")
    link.symlink_to(path)
    return link


@pytest.mark.parametrize("done", [delete, take_away, replace])
async def test_nothing_is_acknowledged_that_goes_into_a_file_which_nobody_will_find(
    store: SqliteStore, sqlite_path: Path, done: Any
) -> None:
    await store.add_schedule(daily(), "error")
    await asyncio.to_thread(done, sqlite_path)
    with pytest.raises(StoreUnavailable, match=r"deleted, moved or replaced .* Put it back; or stop every process"):
        await store.add_schedule(daily(1), "error")
    with pytest.raises(StoreUnavailable, match="deleted, moved or replaced"):
        await store.ping()


@pytest.mark.parametrize("end", ["-wal", "-shm"])
async def test_nor_is_anything_written_beside_others_who_know_nothing_of_it(
    store: SqliteStore, sqlite_path: Path, end: str
) -> None:
    await store.add_schedule(daily(), "error")
    take_away(Path(f"{sqlite_path}{end}"))
    with pytest.raises(StoreUnavailable, match=r"-wal or -shm beside .*hourbell.* Stop every process"):
        await store.add_schedule(daily(1), "error")
    await store.close()
    await store.open()
    assert (await store.get_schedule("daily-0")).id == "daily-0", "whoever had it open has brought it home"
    assert (await store.add_schedule(daily(1), "error")).id == "daily-1"


async def test_a_file_that_comes_back_is_used_again(store: SqliteStore, sqlite_path: Path) -> None:
    await store.add_schedule(daily(), "error")
    elsewhere = sqlite_path.with_name("elsewhere.db")
    moved(sqlite_path, elsewhere)
    with pytest.raises(StoreUnavailable):
        await store.ping()
    moved(elsewhere, sqlite_path)
    await store.add_schedule(daily(1), "error")
    assert (await store.get_schedule("daily-0")).id == "daily-0"


async def test_another_file_of_the_name_is_used_by_who_opens_it_anew(store: SqliteStore, sqlite_path: Path) -> None:
    await asyncio.to_thread(delete, sqlite_path)
    await store.close()
    await store.open()
    await store.migrate()
    await store.add_schedule(daily(), "error")
    assert (await store.get_schedule("daily-0")).id == "daily-0"


async def test_all_connections_are_to_one_file_whoever_goes_to_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folders(tmp_path)
    monkeypatch.chdir(tmp_path / "here")
    store = SqliteStore("hourbell.db")
    await store.open()
    await store.migrate()
    monkeypatch.chdir(tmp_path / "there")
    try:
        await store.add_schedule(daily(), "error")
        assert (await store.get_schedule("daily-0")).id == "daily-0"
    finally:
        await store.close()
    assert not listed(tmp_path / "there")


async def test_a_file_that_could_only_be_read_is_written_once_that_is_mended(
    store: SqliteStore, sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def only_to_read(path: Path, **options: Any) -> sqlite3.Connection:
        """What SQLite does by itself where it has no right to write."""
        return connect(f"file:{path}?mode=ro", uri=True, **options)

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", only_to_read)
        with pytest.raises(StoreUnavailable, match="readonly"):
            await store.add_schedule(daily(), "error")
    assert (await store.add_schedule(daily(), "error")).id == "daily-0"


async def test_the_log_is_small_again_once_nobody_reads_what_was_before(store: SqliteStore, sqlite_path: Path) -> None:
    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM schedules").fetchall()
        number = 0
        while log_size(sqlite_path) < 24 * 2**20:
            number += 1
            await store.add_schedule(daily(number), "error")
    for more in range(100):
        await store.add_schedule(daily(number + more + 1), "error")
    assert log_size(sqlite_path) <= 16 * 2**20


async def test_a_link_is_followed_to_what_lies_beside_the_file(store: SqliteStore, sqlite_path: Path) -> None:
    link = linked_to(sqlite_path)
    linked = SqliteStore(link)
    await linked.open()
    try:
        assert (await linked.examine()).wal_size is not None
        await linked.add_schedule(daily(), "error")
        assert (await store.get_schedule("daily-0")).id == "daily-0"
    finally:
        await linked.close()
