"""Histories on one store: opened once, emptied before each of them."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import asyncpg
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from hourbell.clock import ManualClock
from hourbell.store.memory import MemoryStore
from hourbell.store.postgres import PostgresStore
from hourbell.store.protocol import Store
from hourbell.store.sqlite import SqliteStore

from .machine import StoreMachine

Emptied = Callable[[ManualClock], Store]
"""The store, with nothing in it."""

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'hourbell' ORDER BY table_name"


def try_out(
    runner: asyncio.Runner,
    emptied: Emptied,
    *,
    examples: int,
    steps: int,
    chosen: int | None = None,
    shrink: bool = True,
) -> None:
    """Live through so many histories; raises what Hypothesis found, made as short as it can be.

    ``chosen`` is the seed; None: the same histories every time.
    """
    clock = ManualClock()
    start = clock.now()

    def machine() -> StoreMachine:
        clock.bend((start - clock.now()).total_seconds())  # each history begins at the same instant
        return StoreMachine(emptied(clock), clock, runner.run)

    kept = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=chosen is None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(chosen)(machine) if chosen is not None else machine, settings=kept)


@contextmanager
def memory(runner: asyncio.Runner) -> Iterator[Emptied]:
    def emptied(clock: ManualClock) -> Store:
        store = MemoryStore(clock)
        runner.run(store.open())
        return store

    yield emptied


@contextmanager
def sqlite(runner: asyncio.Runner) -> Iterator[Emptied]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hourbell.db"
        clocks: list[Store] = []

        def emptied(clock: ManualClock) -> Store:
            if not clocks:
                clocks.append(SqliteStore(path, clock))
                runner.run(clocks[0].open())
                runner.run(clocks[0].migrate())
                kept.update(_filled(path))
            with closing(sqlite3.connect(path)) as connection, connection:
                for table in _tables(connection) - kept:
                    connection.execute(f"DELETE FROM {table}")
            return clocks[0]

        kept: set[str] = set()
        try:
            yield emptied
        finally:
            for store in clocks:
                runner.run(store.close())


def _tables(connection: sqlite3.Connection) -> set[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {name for (name,) in found}


def _filled(path: Path) -> set[str]:
    """What migrations write stays."""
    with closing(sqlite3.connect(path)) as connection:
        return {one for one in _tables(connection) if connection.execute(f"SELECT 1 FROM {one} LIMIT 1").fetchone()}


@contextmanager
def postgres(runner: asyncio.Runner, url: str) -> Iterator[Emptied]:
    opened: list[Store] = []
    kept: set[str] = set()
    connection = runner.run(asyncpg.connect(url))

    async def tables() -> set[str]:
        return {row["table_name"] for row in await connection.fetch(_TABLES)}

    async def filled() -> set[str]:
        query = "SELECT EXISTS (SELECT 1 FROM hourbell.{})"
        return {one for one in await tables() if await connection.fetchval(query.format(one))}

    async def empty() -> None:
        await connection.execute("".join(f"DELETE FROM hourbell.{one};" for one in sorted(await tables() - kept)))

    def emptied(clock: ManualClock) -> Store:
        if not opened:
            opened.append(PostgresStore(url, clock))
            runner.run(opened[0].open())
            runner.run(opened[0].migrate())
            kept.update(runner.run(filled()))
        runner.run(empty())
        return opened[0]

    try:
        yield emptied
    finally:
        for store in opened:
            runner.run(store.close())
        runner.run(connection.close())
