"""Running scripts on PostgreSQL: one transaction each, with limits that a frozen process cannot outstay."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from hourbell.store.postgres.connections import POOLED
from hourbell.store.postgres.errors import CAUGHT, REPEATABLE, translated
from hourbell.store.postgres.present import Present
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hourbell.clock import Clock
    from hourbell.store.driver import Lane, Span
    from hourbell.store.postgres.connections import Connection, Connections
    from hourbell.store.scripts.script import Begin, Call, Row
    from hourbell.store.statements import Statement

T = TypeVar("T")

_log = Telling(logging.getLogger("hourbell.store"))

_TRIES = 6

_FIRE = ("firing.lock", "overlap.count", "firing.record")

_WARMED: Mapping[Lane, tuple[str, ...]] = {
    "fire": _FIRE,
    "fire_beside": _FIRE,
    "claim": ("claiming.claim", "claiming.named"),
    "settle": ("settling.succeed",),
}
"""What a lane asks in a hurry: at a due time, or when a hint has come."""

_ARRAY = re.compile(r"\$(\d+)::\w+\[\]")

TRANSACTION_TIMEOUT_SINCE = 17
"""The first PostgreSQL that can end a whole transaction in time, also one whose client stands still mid-question."""


class _Begin:
    """How a transaction begins: what it may take, in seconds, before the server ends it.

    ``idle``  how long its client may say nothing while it holds locks: never more than the loops' patience, whoever it
    is, for they pass over what is locked. ``patience``  how long it may wait for a lock, or a statement may take.
    """

    def __init__(self, statements: Mapping[str, Statement], idle: float, patience: float) -> None:
        idles, limit = (max(1, int(seconds * 1000)) for seconds in (idle, patience))
        self._text = statements["transaction.begin"].text.format(idle=idles, statement=limit, lock=limit)
        bound = statements["transaction.bound"].text.format(whole=idles + limit)
        self._bounded_text = f"{self._text};\n{bound}"

    def on(self, connection: Connection) -> str:
        """The text that the server of this connection understands."""
        has_bound = connection.get_server_version().major >= TRANSACTION_TIMEOUT_SINCE
        return self._bounded_text if has_bound else self._text


async def warm(statements: Mapping[str, Statement], connection: Connection, lane: Lane) -> None:
    """Ask for nothing what the lane is going to ask in a hurry: to parse it, and to read what the catalogue says of its
    tables, takes a new session longer than all that a fire does. What is refused here is refused there too.

    Their plans are made once. PostgreSQL would make one for each of the first five questions, a millisecond each, and
    keep the sixth, which is the same."""
    if lane not in _WARMED:
        return
    with suppress(asyncpg.PostgresError):
        await connection.execute(statements["transaction.plan_once"].text)
    for name in _WARMED[lane]:
        statement = statements[name]
        arrays = {int(number) for number in _ARRAY.findall(statement.text)}
        nothing: list[Any] = [[] if number in arrays else None for number in range(1, len(statement.parameters) + 1)]
        if "limit" in statement.parameters:
            nothing[statement.parameters.index("limit")] = 0
        with suppress(asyncpg.PostgresError):
            await connection.fetch(statement.text, *nothing)


class PostgresDatabase:
    """The driver of `SqlStore` for PostgreSQL. One instance serves one event loop."""

    has_row_locks = True
    is_lent = False

    def __init__(
        self,
        connections: Connections,
        statements: Mapping[str, Statement],
        clock: Clock,
        *,
        patience: float,
        verbs_patience: float,
    ) -> None:
        self._connections = connections
        self._statements = statements
        self._clock = clock
        self.statements = 0
        self._loops = _Begin(statements, patience, patience)
        self._verbs = _Begin(statements, patience, verbs_patience)

    @property
    def can_hold(self) -> bool:
        """Whoever moves the clock by hand would not know that somebody waits for it."""
        return self._clock.override() is None

    async def run(
        self, begin: Begin[T], lane: Lane, *, atomic: bool = True, hold: Callable[[T], Span | None] | None = None
    ) -> T:
        """Run a script; after a deadlock or a serialization failure again, from its beginning."""
        for tried in range(1, _TRIES + 1):
            try:
                async with self._connections.of(lane) as connection:
                    if atomic:
                        bounds = self._verbs if lane in POOLED else self._loops
                        return await self._in_transaction(connection, begin, bounds, hold)
                    return await self._drive(connection, begin)
            except REPEATABLE as error:
                if tried == _TRIES:
                    raise translated(error) from error
                await asyncio.sleep(random.uniform(0, 0.02 * tried))
            except CAUGHT as error:
                raise translated(error) from error
        raise AssertionError("unreachable")

    async def _in_transaction(
        self, connection: Connection, begin: Begin[T], bounds: _Begin, hold: Callable[[T], Span | None] | None
    ) -> T:
        present = Present(self._clock)
        await self._bracket(connection, bounds.on(connection))
        present.answered()
        try:
            result = await self._drive(connection, begin)
            span = hold(result) if hold is not None else None
            if span is not None:
                await present.wait(*span)
        except BaseException:
            # The caller throws the connection away on an error; the polite end spares the server the wait for that.
            if not connection.is_closed():
                await asyncio.shield(self._rolled_back(connection))
            raise
        await self._bracket(connection, self._statements["transaction.commit"].text)
        return result

    async def _rolled_back(self, connection: Connection) -> None:
        try:
            await connection.execute(self._statements["transaction.rollback"].text, timeout=1)
        except CAUGHT:
            connection.terminate()

    async def _bracket(self, connection: Connection, text: str) -> None:
        await connection.execute(text)

    async def _drive(self, connection: Connection, begin: Begin[T]) -> T:
        script = begin()
        try:
            asked = next(script)
            while True:
                asked = script.send(await self.send(connection, asked))
        except StopIteration as end:
            result: T = end.value
            return result

    async def send(self, connection: Connection, asked: Call) -> Sequence[Row]:
        """Bind and run one call. Rows become arrays, column by column."""
        if asked.rows is not None and not asked.rows:
            return ()
        statement = self._statements[asked.statement]
        self.statements += 1
        try:
            found: Sequence[Any] = await connection.fetch(statement.text, *self._bound(statement, asked))
        except CAUGHT as error:
            if not asked.may_fail:
                raise
            _log.debug("%s could not be carried out: %s", asked.statement, error)
            connection.terminate()
            return ()
        return found

    def _bound(self, statement: Statement, asked: Call) -> list[Any]:
        values, rows = asked.values, asked.rows
        bound: list[Any] = []
        for name in statement.parameters:
            if name in values:
                bound.append(values[name])
            elif name == "now":
                bound.append(self._clock.override())
            elif rows is not None:
                bound.append([row[name] for row in rows])
            else:
                raise KeyError(f"{statement.name} needs a value for :{name}")
        return bound


def is_duplicate(error: BaseException) -> bool:
    """True when somebody else made the same object at the same moment."""
    return isinstance(error, asyncpg.DuplicateSchemaError | asyncpg.DuplicateTableError | asyncpg.UniqueViolationError)
