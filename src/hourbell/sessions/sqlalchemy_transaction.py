"""SQLAlchemy's sessions and connections, and those of SQLModel, which are the same.

Everything goes through ``execute`` of what was given, never through the driver's connection below it: as the first
statement that one would run outside of the session's transaction.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.types import NullType

from hourbell.errors import InvalidArguments
from hourbell.sessions.commits import heard_after_commit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import TextClause

    from hourbell.store.transaction import Transaction

_COLONS = re.compile(r"::|:([a-z_]+)|:")
_KEPT = 64
"""Statements that are kept as SQLAlchemy wants them; a session asks a handful of different ones."""
_DIALECTS: Mapping[str, Literal["postgres", "sqlite"]] = {"postgresql": "postgres", "sqlite": "sqlite"}


def recognised(given: Any) -> Transaction | None:
    """The transaction of what was given; None when it is something else of SQLAlchemy's. Raises InvalidArguments."""
    if isinstance(given, scoped_session | async_scoped_session):
        given = given()
    if isinstance(given, AsyncSession):
        return SqlAlchemyTransaction(given, given.sync_session)
    if isinstance(given, AsyncConnection):
        return SqlAlchemyTransaction(given, given.sync_connection)
    if isinstance(given, Session | Connection):
        return SqlAlchemyTransaction(given, given)
    return None


class SqlAlchemyTransaction:
    """See `hourbell.store.transaction.Transaction`. ``sync`` is the session or connection that an async one stands
    before, or the same as ``given``."""

    numbered = False

    def __init__(self, given: Any, sync: Any) -> None:
        if sync is None:
            raise InvalidArguments("the connection is not open yet: use it inside `async with engine.connect()`")
        self._given = given
        self._sync: Session | Connection = sync
        self.is_sync = given is sync
        bind: Any = sync.get_bind() if isinstance(sync, Session) else sync
        dialect = _DIALECTS.get(bind.dialect.name)
        if dialect is None:
            raise InvalidArguments(
                f"the session is on {bind.dialect.name}, and Hourbell lives on PostgreSQL or SQLite: give a session on "
                "the scheduler's own database"
            )
        if bind.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            raise _commits_alone()
        self.dialect = dialect
        self.origin: object = bind.engine
        self._is_begun = False
        self._begun: object = None

    @property
    def is_open(self) -> bool:
        """True from its first statement until its end."""
        return self._sync.in_transaction()

    async def execute(self, text: str, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Run one statement through ``execute``, which begins the transaction when it is the first.

        Raises InvalidArguments, before anything is written, where each statement would commit by itself.
        """
        if not self._is_begun:
            await self._run(_begin)
            self._is_begun = True
            self._begun = self._sync.get_transaction()
        clause, bound = _clause(text, tuple(values)), dict(values)
        if isinstance(self._given, AsyncSession):
            # SQLModel's own warns at each call that one probably wants another one.
            found: Any = await AsyncSession.execute(self._given, clause, bound)
        else:
            answer = self._given.execute(clause, bound)
            found = answer if self.is_sync else await answer
        return [dict(row) for row in found.mappings()] if found.returns_rows else []

    def after_commit(self, told: Callable[[], None]) -> None:
        """Heard of on sessions. A connection's event comes before its commit, too early to be of use."""
        if isinstance(self._sync, Session):
            heard_after_commit(self._sync, told)

    async def enter(self) -> None:
        """The first statement begins the transaction. Raises InvalidArguments inside of a savepoint, and of a
        transaction that somebody else began on the session's connection."""
        if self._sync.in_nested_transaction():
            raise InvalidArguments(
                "the session is inside `begin_nested()`, whose block decides about its part alone: use the effect "
                "outside of it"
            )
        if not self._sync.in_transaction() and _is_inside_another(self._sync):
            raise _not_its_own()

    async def flush(self) -> None:
        """Write the objects that the session holds. Raises InvalidArguments when the transaction is not the one of the
        first statement any more: somebody has ended that, and what was written in it stands or is gone by itself."""
        if self._sync.get_transaction() is not self._begun:
            raise InvalidArguments(
                "the session was committed, rolled back or closed inside of the effect's block, which alone may do "
                "that: leave it out, or use a savepoint (begin_nested)"
            )
        if isinstance(self._sync, Session):
            await self._awaited(self._given.flush())

    async def commit(self) -> None:
        """Commit what the session holds, flushed or not. Raises InvalidArguments, and undoes it, when the session's
        commit was none: the transaction of its connection belongs to somebody else."""
        await self._awaited(self._given.commit())
        if _is_inside_another(self._sync):
            await self._run(_undo_outer)
            raise _not_its_own()

    async def rollback(self) -> None:
        """Undo what the session did."""
        await self._awaited(self._given.rollback())

    async def _awaited(self, answer: Any) -> None:
        if not self.is_sync:
            await answer

    async def _run(self, work: Callable[[Session | Connection], None]) -> None:
        """Have this done with the session or connection that is never awaited."""
        if self.is_sync:
            work(self._sync)
        else:
            await self._given.run_sync(work)


def _begin(sync: Session | Connection) -> None:
    """Begin, as the first statement would. Raises InvalidArguments where that begins nothing.

    It may be an option of the engine, of this one connection or of the driver: so the driver's connection is asked.
    """
    if isinstance(sync, Session):
        connection = sync.connection()
    else:
        connection = sync
        if not connection.in_transaction():
            connection.begin()
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        raise _commits_alone()
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        # Without a level the application may send its own BEGIN, as SQLAlchemy's pages on SQLite advise.
        if driver.isolation_level is None and not driver.in_transaction:
            raise _commits_alone()
    elif getattr(connection.connection.dbapi_connection, "autocommit", False) is True:
        raise _commits_alone()


def _is_inside_another(sync: Session | Connection) -> bool:
    """Whether a session that is in no transaction is on a connection that is in one."""
    bind = sync.get_bind() if isinstance(sync, Session) else None
    return isinstance(bind, Connection) and bind.in_transaction()


def _undo_outer(sync: Session | Connection) -> None:
    bind = sync.get_bind() if isinstance(sync, Session) else None
    if isinstance(bind, Connection):
        bind.rollback()


def _commits_alone() -> InvalidArguments:
    return InvalidArguments(
        "the session commits each statement by itself (isolation level AUTOCOMMIT), so nothing could be undone "
        "together: use one with transactions"
    )


def _not_its_own() -> InvalidArguments:
    return InvalidArguments(
        "the session's connection is in a transaction that was begun outside of the session, so its commit commits "
        "nothing: leave that transaction out, or give the connection itself"
    )


@lru_cache(_KEPT)
def _clause(sql: str, names: tuple[str, ...]) -> TextClause:
    """The statement for SQLAlchemy: every value bound as it is, since a cast that it guesses may be the wrong one."""

    def read(found: re.Match[str]) -> str:
        return found[0] if found[1] in names else found[0].replace(":", "\\:")

    clause = text(_COLONS.sub(read, sql))
    return clause.bindparams(*(bindparam(name, type_=NullType()) for name in names))
