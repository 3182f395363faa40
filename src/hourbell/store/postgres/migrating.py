"""Bringing a PostgreSQL schema up to this version, once, however many nodes start together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

from hourbell.errors import MigrationNeeded, StoreUnavailable
from hourbell.store.postgres.database import PostgresDatabase, is_duplicate
from hourbell.store.scripts.script import call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.store.postgres.connections import Connection
    from hourbell.store.statements import Migration, Statement


LONGEST = 6 * 3600.0
"""Seconds that one migration may take: an index on years of history takes as long as it takes, and a limit that it does
not fit into would keep this version from ever starting."""

_STILL_LOCKED = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError, TimeoutError)


class PostgresMigrating:
    """Applies what is missing inside one transaction, under a lock that ends with it."""

    def __init__(
        self,
        database: PostgresDatabase,
        statements: dict[str, Statement],
        migrations: Sequence[Migration],
        schema: str,
        identifier: str,
    ) -> None:
        self._database = database
        self._statements = statements
        self._migrations = migrations
        self._schema = schema
        self._identifier = identifier

    async def migrate(self, connection: Connection) -> list[str]:
        """Answers the names of the migrations applied, none when the schema is up to date already.

        Raises StoreUnavailable while another process has been at it for longer than a statement may take.
        """
        found = await self._found(connection)
        if found["versioned"] and not await self._missing(connection):
            return []
        try:
            # Whoever has waited for the lock must see what the holder before it has made, whatever the default is.
            async with connection.transaction(isolation="read_committed"):
                await self._lock(connection)
                await self._database.send(connection, call("migrating.take_time"))
                return await self._apply(connection)
        except asyncpg.InsufficientPrivilegeError as error:
            raise MigrationNeeded(
                f"schema {self._schema!r} is missing or older than this version, and this role may not change it "
                f"({error}); run `hourbell migrate` with a role that may, or apply `hourbell migrate --sql` by hand"
            ) from error

    async def pending(self, connection: Connection) -> list[str]:
        """The names of the migrations that are missing."""
        found = await self._found(connection)
        missing = await self._missing(connection) if found["versioned"] else self._migrations
        return [migration.name for migration in missing]

    async def _lock(self, connection: Connection) -> None:
        try:
            await self._database.send(connection, call("migrating.lock", schema=self._schema))
        except _STILL_LOCKED as error:
            raise StoreUnavailable(
                f"another process is bringing the tables of schema {self._schema!r} up to date, which takes its time "
                "where there is a long history; wait until it has"
            ) from error

    async def _apply(self, connection: Connection) -> list[str]:
        found = await self._found(connection)
        if not found["found"]:
            try:
                async with connection.transaction():
                    await self._database.send(connection, call("migrating.create_schema"))
            except asyncpg.PostgresError as error:
                if not is_duplicate(error):
                    raise
        if not found["versioned"]:
            await self._database.send(connection, call("migrating.create_versions"))
        applied = []
        for migration in await self._missing(connection):
            await connection.execute(migration.text, timeout=LONGEST)
            record = call("migrating.record", version=migration.version, name=migration.name)
            await self._database.send(connection, record)
            applied.append(migration.name)
        return applied

    async def _found(self, connection: Connection) -> Any:
        rows = await self._database.send(connection, call("migrating.schema_exists", identifier=self._identifier))
        return rows[0]

    async def _missing(self, connection: Connection) -> list[Migration]:
        rows = await self._database.send(connection, call("migrating.applied"))
        versions = {row["version"] for row in rows}
        return [migration for migration in self._migrations if migration.version not in versions]
