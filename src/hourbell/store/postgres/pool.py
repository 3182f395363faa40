"""The few connections that verbs share. Lending one takes no turn of the event loop, and giving it back no task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hourbell.store.postgres.connections import Connection

CLOSED = "the store is closed; open it first"

LIFETIME = 60.0
"""Seconds after which a connection that nobody wanted is closed."""


class Pool:
    """At most ``size`` connections, each made by ``connect`` when all others are lent.

    The one that came back last is lent first. Who finds none waits for his turn, ``patience`` seconds at the most.
    Belongs to the event loop on which it was made.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, size: int, patience: float) -> None:
        self._connect = connect
        self._size = size
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._places = asyncio.Semaphore(size)
        self._idle: list[tuple[float, Connection]] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def take(self) -> Connection:
        """One for the caller alone, until it is given back. Raises TimeoutError, and whatever connecting raises."""
        if self._places.locked():
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        else:
            await self._places.acquire()
        try:
            return await self._next()
        except BaseException:
            self._places.release()
            raise

    def give(self, connection: Connection) -> None:
        """Back from the caller. One that is closed by now is forgotten."""
        self._places.release()
        if connection.is_closed():
            return
        if self._closed:
            connection.terminate()
            return
        self._idle.append((self._loop.time(), connection))
        if self._sweep is None:
            self._sweep = self._loop.call_later(LIFETIME, self._close_old)

    def close(self) -> list[Connection]:
        """Lend none any more, and answer those that nobody has; the others are cut when they come back."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        idle, self._idle = [connection for _, connection in self._idle], []
        return idle

    async def all_back(self) -> None:
        """Wait until every connection that was lent before the pool was closed has come back."""
        for _ in range(self._size):
            await self._places.acquire()

    async def _next(self) -> Connection:
        if self._closed:
            raise asyncpg.InterfaceError(CLOSED)
        while self._idle:
            _, connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await self._connect()

    def _close_old(self) -> None:
        self._sweep = None
        now = self._loop.time()
        while self._idle and self._idle[0][0] + LIFETIME <= now:
            _, connection = self._idle.pop(0)
            connection.terminate()
        if self._idle:
            self._sweep = self._loop.call_at(self._idle[0][0] + LIFETIME, self._close_old)
