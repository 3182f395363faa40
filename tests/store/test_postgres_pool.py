"""The pool of the verbs: who is lent what, who waits, and what becomes of connections that nobody wants."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from hourbell.store.postgres import pool as pools
from hourbell.store.postgres.pool import Pool

PATIENCE = 10.0


class Line:
    """Stands for a connection."""

    def __init__(self) -> None:
        self.cut = asyncio.Event()

    def is_closed(self) -> bool:
        return self.cut.is_set()

    def terminate(self) -> None:
        self.cut.set()


class Exchange:
    """Makes lines, and counts them."""

    def __init__(self) -> None:
        self.made = 0
        self.down = False

    async def connect(self) -> Any:
        if self.down:
            raise OSError("nobody there")
        self.made += 1
        return Line()


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


def made(exchange: Exchange, size: int = 2, patience: float = PATIENCE) -> Pool:
    return Pool(exchange.connect, size=size, patience=patience)


async def test_what_came_back_last_is_lent_first(exchange: Exchange) -> None:
    pool = made(exchange)
    one, two = await pool.take(), await pool.take()
    pool.give(one)
    pool.give(two)
    assert await pool.take() is two
    assert await pool.take() is one
    assert exchange.made == 2


async def test_whoever_finds_none_waits_for_his_turn(exchange: Exchange) -> None:
    pool = made(exchange, size=1)
    line = await pool.take()
    turns: list[str] = []

    async def use(name: str) -> None:
        lent = await pool.take()
        turns.append(name)
        pool.give(lent)

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(use(name))
        await asyncio.sleep(0)
        assert not turns
        pool.give(line)
    assert turns == ["a", "b", "c"]
    assert exchange.made == 1


async def test_nobody_waits_for_longer_than_he_may(exchange: Exchange) -> None:
    pool = made(exchange, size=1, patience=0.01)
    line = await pool.take()
    with pytest.raises(TimeoutError):
        await pool.take()
    pool.give(line)
    assert await pool.take() is line, "the place of who gave up is not lost"


async def test_a_place_outlives_a_connection_that_could_not_be_made(exchange: Exchange) -> None:
    pool = made(exchange, size=1)
    exchange.down = True
    for _ in range(3):
        with pytest.raises(OSError, match="nobody there"):
            await pool.take()
    exchange.down = False
    await pool.take()


async def waited_for(exchange: Exchange) -> tuple[Pool, Any, asyncio.Task[Any]]:
    """A pool of one, the connection that is lent, and who waits for it."""
    pool = made(exchange, size=1)
    line = await pool.take()
    waiting = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    return pool, line, waiting


async def test_a_place_outlives_who_was_cancelled_while_he_waited(exchange: Exchange) -> None:
    pool, line, waiting = await waited_for(exchange)
    waiting.cancel()
    await asyncio.wait({waiting})
    pool.give(line)
    async with asyncio.timeout(PATIENCE):
        assert await pool.take() is line


async def test_a_closed_connection_is_never_lent(exchange: Exchange) -> None:
    pool = made(exchange)
    one, two = await pool.take(), await pool.take()
    one.terminate()
    pool.give(one)
    pool.give(two)
    two.terminate()  # ended by the server while nobody had it
    assert not (await pool.take()).is_closed()
    assert exchange.made == 3


async def test_what_nobody_wants_is_closed_after_a_while(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "LIFETIME", 0.01)
    pool = made(exchange)
    lines = [await pool.take(), await pool.take()]
    for line in lines:
        pool.give(line)
    async with asyncio.timeout(PATIENCE):
        for line in lines:
            await line.cut.wait()
    assert not (await pool.take()).is_closed()


async def test_a_closed_pool_lends_none_and_waits_for_those_that_are_lent(exchange: Exchange) -> None:
    pool = made(exchange)
    one, two = await pool.take(), await pool.take()
    pool.give(one)
    assert pool.close() == [one]
    with pytest.raises(asyncpg.InterfaceError, match="closed"):
        await pool.take()
    back = asyncio.create_task(pool.all_back())
    await asyncio.sleep(0)
    assert not back.done(), "one is lent"
    pool.give(two)
    async with asyncio.timeout(PATIENCE):
        await back
    assert two.is_closed()


async def test_who_waits_while_the_pool_is_closed_is_told(exchange: Exchange) -> None:
    pool, line, waiting = await waited_for(exchange)
    pool.close()
    pool.give(line)
    with pytest.raises(asyncpg.InterfaceError, match="closed"):
        await waiting
    async with asyncio.timeout(PATIENCE):
        await pool.all_back()
