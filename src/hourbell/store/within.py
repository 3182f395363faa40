"""Running scripts in a transaction of the application's: nothing is begun, committed or repeated here."""

from __future__ import annotations

import weakref
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hourbell.errors import InvalidArguments, StoreUnavailable
from hourbell.store.scripts.script import call
from hourbell.store.sqlite_values import restored, stored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from hourbell.clock import Clock
    from hourbell.store.driver import Lane, Span
    from hourbell.store.scripts.script import Begin, Call, Row
    from hourbell.store.statements import Statement
    from hourbell.store.transaction import Transaction

T = TypeVar("T")

_NOW = "coalesce(:now, now())"


class TransactionDatabase:
    """The driver of `SqlStore` on somebody else's transaction."""

    def __init__(self, transaction: Transaction, statements: Mapping[str, Statement], clock: Clock) -> None:
        self._transaction = transaction
        self._statements = statements
        self._clock = clock
        self.has_row_locks = transaction.dialect == "postgres"
        self.is_lent = True
        self.can_hold = False
        self.statements = 0

    async def run(
        self, begin: Begin[T], lane: Lane, *, atomic: bool = True, hold: Callable[[T], Span | None] | None = None
    ) -> T:
        """Run a script to its end. An error leaves the transaction as the database leaves it."""
        script = begin()
        try:
            asked = next(script)
            while True:
                asked = script.send(await self.send(asked))
        except StopIteration as end:
            result: T = end.value
            return result

    async def send(self, asked: Call) -> Sequence[Row]:
        """Bind and run one call: rows become arrays in PostgreSQL, and one statement each in SQLite."""
        statement, rows = self._statements[asked.statement], asked.rows
        if rows is not None and not rows:
            return ()
        if self.has_row_locks:
            columns = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
            now = self._clock.override()
            return await self._execute(statement, statement.text, {"now": now, **columns, **asked.values})
        common = {"now": self._clock.host_now(), **asked.values}
        # The application's connection has no function of ours, and its own would tell whole seconds.
        text = statement.text.replace(_NOW, ":now")
        found: list[Row] = []
        for row in rows if rows is not None else ({},):
            bound = {name: stored(value) for name, value in (common | dict(row)).items()}
            found.extend(restored(one) for one in await self._execute(statement, text, bound))
        return found

    async def _execute(self, statement: Statement, text: str, values: Mapping[str, Any]) -> Sequence[Row]:
        self.statements += 1
        return await self._transaction.execute(text, {name: values[name] for name in statement.parameters})


class Lending:
    """Lets a store's scripts run in transactions of the application, once it is sure that they are on its database.

    ``named`` reads the statements with their parameters numbered or by name, each once; ``ask`` runs the same statement
    on the store's own connection.
    """

    def __init__(
        self,
        kind: str,
        clock: Clock,
        *,
        named: Callable[[bool], Mapping[str, Statement]],
        ask: Callable[[], Awaitable[Row]],
        place: Mapping[str, Any],
    ) -> None:
        self._kind = kind
        self._clock = clock
        self._statements = lru_cache(2)(named)
        self._ask = ask
        self._place = place
        self._here: Row | None = None
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()

    async def database(self, transaction: Transaction, *, may_ask: bool) -> TransactionDatabase:
        """A driver on this transaction. Raises InvalidArguments when it is on another database than the store.

        Without ``may_ask`` the store's own connection is not used, so that nothing is waited for.
        """
        if transaction.dialect != self._kind:
            raise InvalidArguments(
                f"the session is on {_spoken(transaction.dialect)} and the scheduler on {_spoken(self._kind)}: "
                "give a session on the scheduler's own database"
            )
        database = TransactionDatabase(transaction, self._statements(transaction.numbered), self._clock)
        if transaction.origin is None or transaction.origin not in self._known:
            await self._check(transaction, database, may_ask=may_ask)
        return database

    async def _check(self, transaction: Transaction, database: TransactionDatabase, *, may_ask: bool) -> None:
        there = (await database.send(call("identity.read", **self._place)))[0]
        if there["here"] is None:
            raise InvalidArguments(
                "Hourbell's tables are not in the session's database: give a session on the scheduler's own database, "
                "and let the scheduler start once, or run `hourbell migrate`"
            )
        asked = False
        if self._here is None and may_ask:
            self._here, asked = await self._own(), True
        # A server that was started again tells another instant: what is remembered of it is asked for again.
        if self._here is not None and not _same(there, self._here) and may_ask and not asked:
            self._here = await self._own()
        if self._here is None:
            return
        if not _same(there, self._here):
            raise InvalidArguments(
                "the session is on another database than the scheduler: what is written in it would never run; give a "
                "session on the scheduler's own database"
            )
        if transaction.origin is not None:
            self._known.add(transaction.origin)

    async def _own(self) -> Row | None:
        try:
            return await self._ask()
        except StoreUnavailable:  # the session's database answers, and the promise is about that one
            return None


def _same(there: Row, here: Row) -> bool:
    if isinstance(here["here"], str):
        try:
            return Path(there["here"]).samefile(here["here"])
        except OSError:
            return False
    return dict(there) == dict(here)


def _spoken(dialect: str) -> str:
    return {"postgres": "PostgreSQL", "sqlite": "SQLite"}[dialect]
