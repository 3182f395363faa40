"""Connections to PostgreSQL: one for each loop, a small pool for the verbs and one for what is needed now and then; a
broken one is thrown away."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from hourbell.errors import HourbellError
from hourbell.store.postgres.dialling import Dialling
from hourbell.store.postgres.errors import CAUGHT
from hourbell.store.postgres.pool import CLOSED, Pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from hourbell.store.driver import Lane

_FAREWELL = 0.5
"""Seconds for a polite end. The server answers it at once; where nothing answers, a process that ends does not wait."""

Connection: TypeAlias = "asyncpg.Connection[Any]"

POOLED: tuple[Lane, ...] = ("verbs", "read")
"""What users ask for, and may wait for longer than the loops do."""

_NOW_AND_THEN: Lane = "fire_beside"
"""What a node has no connection for most of the time: it is closed when nobody has wanted it for a while."""


async def _as_it_comes(_: Connection, __: Lane) -> None:
    """Nothing to make ready."""


class Connections:
    """The connections of one store on one event loop.

    ``session`` is SQL that every new connection runs first, with its limits to be filled in. ``patience`` is how many
    seconds a statement may take before the connection counts as dead, and ``verbs_patience`` the same for the pool's.
    ``warm`` makes a loop's connection ready before its first use. With ``pooler`` no prepared statement is kept and
    nothing is set on the session, as PgBouncer in transaction mode needs it.
    """

    def __init__(
        self,
        url: str,
        *,
        session: str,
        pool: int,
        patience: float,
        verbs_patience: float,
        pooler: bool,
        connect_args: Mapping[str, Any],
        warm: Callable[[Connection, Lane], Awaitable[None]] = _as_it_comes,
    ) -> None:
        self._dialling = Dialling(url, connect_args, pooler=pooler)
        self._warm = warm
        self._session = session
        self._patience = patience
        self._verbs_patience = verbs_patience
        self._pooler = pooler
        self._size = max(1, pool)
        self._pools: dict[Lane, Pool] = {}
        self._own: dict[str, Connection] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._closed = True
        self._made: set[Connection] = set()

    async def open(self) -> None:
        """Make ready on the running loop. Nothing is connected yet: a store opens without its database."""
        if not self._closed:
            return
        self._closed = False
        verbs = Pool(
            partial(self.connect, "verbs", self._verbs_patience), size=self._size, patience=self._verbs_patience
        )
        beside = Pool(partial(self._warmed, _NOW_AND_THEN), size=1, patience=self._patience)
        self._pools = {**dict.fromkeys(POOLED, verbs), _NOW_AND_THEN: beside}

    async def close(self) -> None:
        """Close politely what is idle, and soon cut what is not: a line may be dead, and nobody waits for that."""
        self._closed = True
        own, self._own = list(self._own.values()), {}
        pools, self._pools = set(self._pools.values()), {}
        idle = [connection for pool in pools for connection in pool.close()]
        try:
            await asyncio.gather(*map(_quietly_closed, [*own, *idle]), *map(_all_back, pools))
        finally:
            for lent in list(self._made):
                lent.terminate()

    @asynccontextmanager
    async def of(self, lane: Lane) -> AsyncIterator[Connection]:
        """A connection for one transaction. After an error it is thrown away: its state is not known."""
        if self._closed:
            raise asyncpg.InterfaceError(CLOSED)
        pool = self._pools.get(lane)
        if pool is not None:
            # Nothing is reset: no script leaves anything behind in a session, and asking costs a round trip each time.
            connection = await pool.take()
            try:
                async with _kept_or_cut(connection):
                    yield connection
            finally:
                pool.give(connection)
            return
        lock = self._locks.setdefault(lane, asyncio.Lock())
        async with lock:
            kept = self._own.pop(lane, None)
            is_kept = kept is not None and not kept.is_closed()
            connection = kept if kept is not None and is_kept else await self._warmed(lane)
            try:
                async with _kept_or_cut(connection):
                    yield connection
            finally:
                if not connection.is_closed():
                    self._keep(lane, connection)

    @asynccontextmanager
    async def once(self, use: str) -> AsyncIterator[Connection]:
        """A connection that nobody had before, and nobody has afterwards."""
        connection = await self.connect(use)
        try:
            yield connection
        finally:
            await _quietly_closed(connection)

    def _keep(self, lane: Lane, connection: Connection) -> None:
        if self._closed:
            connection.terminate()
        else:
            self._own[lane] = connection

    async def _warmed(self, lane: Lane) -> Connection:
        """A new one that has been made ready for what this lane asks."""
        connection = await self.connect(lane)
        if not self._pooler:
            async with _kept_or_cut(connection):
                await self._warm(connection, lane)
        return connection

    async def connect(self, use: str, patience: float | None = None) -> Connection:
        """A connection of its own, with the session set as our statements want it; they may take ``patience`` seconds,
        or as many as those of a loop. ``use`` says in a word what it is for, to whoever looks at the server."""
        patience = self._patience if patience is None else patience
        connection: Connection = await self._dialling.connect(use, patience)
        try:
            await self._prepared(connection, patience)
        except BaseException:
            connection.terminate()
            raise
        # Whoever holds it when the store is closed (a listener) must find it ended.
        self._made.add(connection)
        connection.add_termination_listener(self._made.discard)
        return connection

    async def _prepared(self, connection: Connection, patience: float) -> None:
        if not self._pooler:
            idle, limit = (max(1, int(seconds * 1000)) for seconds in (self._patience, patience))
            await connection.execute(self._session.format(idle=idle, limit=limit))


@asynccontextmanager
async def _kept_or_cut(connection: Connection) -> AsyncIterator[None]:
    """A refusal of our own leaves the session clean; after anything else its state is not known."""
    try:
        yield
    except HourbellError:
        raise
    except BaseException:
        connection.terminate()
        raise


async def _all_back(pool: Pool) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL):
            await pool.all_back()


async def _quietly_closed(connection: Connection) -> None:
    try:
        await connection.close(timeout=_FAREWELL)
    except CAUGHT:
        connection.terminate()
