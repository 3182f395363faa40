"""What PostgreSQL says of itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hourbell.model.database_facts import DatabaseFacts, IndexFacts, SessionFacts, TableFacts
from hourbell.store.scripts.script import call
from hourbell.store.statements import indexes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.store.postgres.connections import Connection
    from hourbell.store.postgres.database import PostgresDatabase

_OLDEST = 14
_PATIENCE = timedelta(seconds=2)
"""Who holds a table, or is waited for, for a shorter time is none to be told of."""
_LONG = timedelta(minutes=1)
"""The same for who holds rows, which claims and fires pass over."""
_HOLDERS = 10


class PostgresExamining:
    """Reads the catalogs and the statistics; neither needs a right that every role has not."""

    def __init__(self, database: PostgresDatabase, schema: str, identifier: str) -> None:
        self._database = database
        self._schema = schema
        self._identifier = identifier

    async def examine(
        self, connection: Connection, pending: Sequence[str], *, unread: str | None = None
    ) -> DatabaseFacts:
        """The facts, seen from this connection. None of it reads, or waits for, a table of ours."""
        (server,) = await self._asked(connection, "server", identifier=self._identifier, schema=self._schema)
        here = {"schema": self._schema}
        lacking = await self._asked(connection, "rights", **here)
        tables = await self._asked(connection, "tables", **here)
        found = await self._asked(connection, "indexes", **here)
        planner = await self._asked(connection, "planner")
        oldest = await self._asked(connection, "oldest")
        holders = await self._asked(
            connection, "holders", **here, patience=_PATIENCE, long=_LONG, limit=_HOLDERS, alters=bool(pending)
        )
        known = {row["name"] for row in found}
        return DatabaseFacts(
            kind="postgres",
            version=f"PostgreSQL {server['version']}",
            too_old=f"PostgreSQL {_OLDEST}" if server["number"] < _OLDEST * 10_000 else None,
            role=server["role"],
            pending=tuple(pending),
            lacking=tuple(row["lacking"] for row in lacking),
            can_migrate=server["can_migrate"],
            read_only=server["read_only"],
            # Whoever stands between us and the server has told us another number than the server's own.
            pooled=connection.get_server_pid() != server["pid"],
            tables=tuple(TableFacts(name=row["name"], live=row["live"], dead=row["dead"]) for row in tables),
            indexes=tuple(
                IndexFacts(
                    name=row["name"],
                    size=row["size"],
                    entries=row["entries"],
                    scans=row["scans"],
                    valid=row["valid"],
                )
                for row in found
            ),
            missing=() if pending else tuple(name for name in indexes("postgres") if name not in known),
            unused=tuple(row["name"] for row in planner),
            oldest=next((SessionFacts(**dict(row)) for row in oldest), None),
            holders=tuple(_holder(row) for row in holders),
            unread=unread,
        )

    async def _asked(self, connection: Connection, name: str, **values: Any) -> Sequence[Any]:
        return await self._database.send(connection, call(f"examining.{name}", **values))


def _holder(row: Any) -> SessionFacts:
    found = dict(row)
    return SessionFacts(**{**found, "tables": tuple(found["tables"]), "behind": tuple(found["behind"])})
