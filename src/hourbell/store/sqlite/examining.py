"""What an SQLite file says of itself."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from hourbell.model.database_facts import DatabaseFacts
from hourbell.store.statements import indexes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hourbell.store.statements import Statement


class SqliteExamining:
    """Asks the file, and looks at it from outside."""

    def __init__(self, path: Path, statements: Mapping[str, Statement]) -> None:
        self._path = path
        self._statements = statements

    def examine(self, connection: sqlite3.Connection, pending: Sequence[str]) -> DatabaseFacts:
        """The facts, as this connection sees them."""
        damage = [str(row[0]) for row in self._asked(connection, "damage")]
        known = {row[0] for row in self._asked(connection, "indexes")}
        log = self._path.with_name(f"{self._path.name}-wal")
        return DatabaseFacts(
            kind="sqlite",
            version=f"SQLite {sqlite3.sqlite_version}",
            pending=tuple(pending),
            journal=str(self._asked(connection, "journal")[0][0]),
            wal_size=log.stat().st_size if log.exists() else None,
            damage=() if damage == ["ok"] else tuple(damage),
            missing=() if pending else tuple(name for name in indexes("sqlite") if name not in known),
        )

    def _asked(self, connection: sqlite3.Connection, name: str) -> list[Any]:
        return connection.execute(self._statements[f"examining.{name}"].text).fetchall()
