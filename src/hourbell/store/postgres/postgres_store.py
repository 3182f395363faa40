"""The store on PostgreSQL: the composition of driver, connections, migrations and hints."""

from __future__ import annotations

import hashlib
import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from hourbell.clock import Clock, SystemClock
from hourbell.errors import StoreUnavailable
from hourbell.model.hint import Hint
from hourbell.store.postgres.connections import Connections
from hourbell.store.postgres.database import PostgresDatabase, warm
from hourbell.store.postgres.errors import CAUGHT, translated
from hourbell.store.postgres.examining import PostgresExamining
from hourbell.store.postgres.hint_text import text_of
from hourbell.store.postgres.listening import Listening
from hourbell.store.postgres.migrating import PostgresMigrating
from hourbell.store.scripts.script import Call, one
from hourbell.store.sql_store import VERBS_PATIENCE, SqlStore
from hourbell.store.statements import load, migrations, quoted
from hourbell.store.within import Lending
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hourbell.model.database_facts import DatabaseFacts
    from hourbell.model.hint import Heard
    from hourbell.model.run import NewRun
    from hourbell.store.protocol import StoreVerbs
    from hourbell.store.scripts.script import Row
    from hourbell.store.statements import Statement
    from hourbell.store.transaction import Transaction

_log = Telling(logging.getLogger("hourbell.store"))
_PLACE = ("host", "port", "database", "user", "password")


class PostgresStore(SqlStore):
    """See `hourbell.store.protocol.Store`. One instance belongs to the event loop that opened it.

    ``url`` is a plain ``postgresql://`` address; ``direct_url`` one that passes by a transaction pooler, for hints.
    ``patience`` is how many seconds a statement of the loops may take: at most a third of the lease; ``verbs_patience``
    the same for what users ask. ``connect_args`` go to the driver beside the address, and win over it; of the direct
    address only what does not say where it is.
    """

    def __init__(
        self,
        url: str,
        clock: Clock | None = None,
        *,
        schema: str = "hourbell",
        pool: int = 4,
        patience: float = 5.0,
        verbs_patience: float = VERBS_PATIENCE,
        pooler: bool = False,
        direct_url: str | None = None,
        connect_args: Mapping[str, Any] | None = None,
        sender: str | None = None,
    ) -> None:
        self._url, self._schema, self._pool = url, schema, pool
        self._patience, self._verbs_patience = patience, verbs_patience
        self._pooler, self._direct_url = pooler, direct_url
        self._clock = clock or SystemClock()
        self._named = dict(load("postgres", schema))
        session = self._named["transaction.session"].text
        self._connect_args = dict(connect_args or {})
        patiences = {"patience": patience, "verbs_patience": verbs_patience}
        self._connections = Connections(
            url,
            session=session,
            pool=pool,
            patience=patience,
            verbs_patience=verbs_patience,
            pooler=pooler,
            connect_args=self._connect_args,
            warm=partial(warm, self._named),
        )
        away = {name: value for name, value in self._connect_args.items() if name not in _PLACE}
        self._direct = Connections(
            direct_url or url,
            session=session,
            pool=1,
            patience=patience,
            verbs_patience=verbs_patience,
            pooler=pooler and direct_url is None,
            connect_args=away if direct_url else self._connect_args,
        )
        self._postgres = PostgresDatabase(self._connections, self._named, self._clock, **patiences)
        # A channel is at most 63 bytes, a schema's name may be as long: a digest keeps them apart.
        self._channel = "hourbell_" + hashlib.sha256(schema.encode()).hexdigest()[:16]
        # Shared by twins: a node is not woken by its own hints.
        self._sender = sender or os.urandom(8).hex()
        self._is_deaf = False
        self._lending = Lending(
            "postgres",
            self._clock,
            named=partial(_named, schema),
            ask=self._identity,
            place={"place": f"{quoted(schema)}.runs"},
        )
        super().__init__(self._postgres)
        self._hint = self._notification

    async def within(self, transaction: Transaction, *, may_ask: bool = True) -> StoreVerbs:
        """The verbs in a transaction of the application's."""
        return SqlStore(await self._lending.database(transaction, may_ask=may_ask))

    async def _identity(self) -> Row:
        rows = await self._postgres.run(
            lambda: one("identity.read", place=f"{quoted(self._schema)}.runs"), "read", atomic=False
        )
        return rows[0]

    def twin(self) -> PostgresStore:
        """Another store on the same database, for another event loop."""
        return PostgresStore(
            self._url,
            self._clock,
            schema=self._schema,
            pool=self._pool,
            patience=self._patience,
            verbs_patience=self._verbs_patience,
            pooler=self._pooler,
            direct_url=self._direct_url,
            connect_args=self._connect_args,
            sender=self._sender,
        )

    async def open(self) -> None:
        """Make ready on the running loop; connections are made when they are first needed."""
        await self._connections.open()
        await self._direct.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()
        await self._direct.close()

    async def migrate(self) -> Sequence[str]:
        """Apply the missing migrations, however long that takes. Raises MigrationNeeded when this role may not, and
        StoreUnavailable while another process is at it."""
        try:
            async with self._connections.of("renew") as connection:
                if not await self._migrating().pending(connection):
                    return []
            # Not on one of the loops', for leases are renewed meanwhile.
            async with self._connections.once("migrate") as connection:
                return await self._migrating().migrate(connection)
        except CAUGHT as error:
            raise translated(error) from error

    async def pending(self) -> Sequence[str]:
        """What is missing, by its names."""
        try:
            async with self._connections.of("read") as connection:
                return await self._migrating().pending(connection)
        except CAUGHT as error:
            raise translated(error) from error

    async def examine(self) -> DatabaseFacts:
        """What the server says, seen through the same address as everything else."""
        examining = PostgresExamining(self._postgres, self._schema, quoted(self._schema))
        pending: Sequence[str] = ()
        unread: str | None = None
        await self.ping()
        try:
            pending = await self.pending()
        except StoreUnavailable as error:
            unread = str(error)  # the server is there: somebody holds that table
        try:
            async with self._connections.of("read") as connection:
                return await examining.examine(connection, pending, unread=unread)
        except CAUGHT as error:
            raise translated(error) from error

    def _migrating(self) -> PostgresMigrating:
        steps = migrations("postgres", self._schema)
        return PostgresMigrating(self._postgres, self._named, steps, self._schema, quoted(self._schema))

    async def listen(self, heard: Heard) -> None:
        """Hear other nodes' hints, until cancelled or until they cannot arrive, which the log tells once."""
        listening = Listening(self._direct, self._postgres, self._channel, self._sender)
        if not await listening.listen(heard) and not self._is_deaf:
            self._is_deaf = True
            _log.info(
                "hints do not arrive, as behind a transaction pooler: new work is found by asking, a poll later at the "
                "most; HOURBELL_DIRECT_URL, an address that passes by the pooler, brings them back"
            )

    async def hint(self) -> None:
        """Tell the other nodes, once, that there is new work."""
        await self._postgres.run(
            lambda: one("listening.notify", channel=self._channel, payload=self._sender), "verbs", atomic=False
        )

    def _notification(self, runs: Sequence[NewRun]) -> Call:
        told = {"channel": self._channel, "payload": text_of(self._sender, Hint.of(runs))}
        return Call("listening.notify", told, may_fail=True)


def _named(schema: str, numbered: bool) -> Mapping[str, Statement]:
    return load("postgres", schema, numbered=numbered)
