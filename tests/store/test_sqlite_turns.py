"""On a slow disk, who writes one thing after the other lets those in who ask now and then: a lease depends on that."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hourbell.errors import StoreUnavailable
from hourbell.model.node import NewNode
from hourbell.model.schedule import Declaration, Source
from hourbell.store.sqlite import SqliteStore, database
from hourbell.store.sqlite.turns import Turns
from hourbell.triggers import Every

LEASE = timedelta(seconds=60)
SLOW = 0.1
"""Seconds that a commit takes."""


def declared(number: int) -> Declaration:
    return Declaration(
        id=f"daily-{number}",
        task="t",
        trigger=Every(days=1),
        args={},
        policies={},
        inherited={},
        source=Source.CALL,
        digest="1",
    )


async def test_a_renewal_waits_for_one_commit_and_not_for_all_that_are_asked_for(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who asks for SQLite's own lock asks so seldom that no luck helps.
    monkeypatch.setattr(database, "_ASK_AGAIN", (0.75,))
    monkeypatch.setattr(database, "_ASK_ON", 0.75)
    store = SqliteStore(sqlite_path)
    await store.open()
    try:
        await store.migrate()
        await store.register_node(NewNode(id="a", host="h", pid=1, lease=LEASE, version="1"))
        commits: list[str] = []
        bracket = store._sqlite._bracket

        def slow(connection: Any, name: str) -> None:
            bracket(connection, name)
            if name == "transaction.begin":  # whoever writes has the file for as long
                time.sleep(SLOW)
            if name == "transaction.commit":
                commits.append(threading.current_thread().name)

        store._sqlite._bracket = slow  # type: ignore[method-assign]
        writing = [asyncio.create_task(store.add_schedule(declared(number), "error")) for number in range(40)]
        await writing[0]
        for _ in range(3):
            before = len(commits)
            assert await store.renew("a", LEASE, 0) is not None
            assert len(commits) - before <= 4, commits
        await asyncio.gather(*writing)
    finally:
        await store.close()


async def test_who_waits_for_a_write_of_its_own_process_waits_no_longer_than_for_others(sqlite_path: Path) -> None:
    store = SqliteStore(sqlite_path, patience=0.05)
    await store.open()
    try:
        await store.migrate()
        began, ended = threading.Event(), threading.Event()

        def wait() -> None:
            began.set()
            ended.wait()

        database = store._sqlite
        writing = asyncio.create_task(database.on("renew", lambda one: database.in_transaction(one, wait)))
        await asyncio.to_thread(began.wait)
        with pytest.raises(StoreUnavailable, match="its disk is slow"):
            await store.resume_due(10)
        ended.set()
        await writing
        await store.resume_due(10)
    finally:
        await store.close()


def test_turns_are_had_in_the_order_in_which_they_were_asked_for() -> None:
    turns, had = Turns(), list[int]()
    threads = []

    def take(number: int) -> None:
        with turns.taken(time.monotonic() + 60) as is_mine:
            assert is_mine
            had.append(number)

    with turns.taken(time.monotonic()):
        for number in range(5):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            while len(turns._line) < number + 2:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert had == list(range(5))
