"""What an SQLite file says of itself."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourbell.model.database_facts import DatabaseFacts
from hourbell.store.statements import indexes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hourbell.store.statements import Statement


class SqliteExamining:
    """Asks the file, and looks at it from outside."""

    def __init__(self, path: Path, statements: Mapping[str, Statement]) -> None:
        self._path = path
        self._statements = statements

    def examine(
        self, connection: sqlite3.Connection, pending_of: Callable[[sqlite3.Connection], Sequence[str]]
    ) -> DatabaseFacts:
        """The facts, as this connection sees them. Of a damaged file nothing else is read."""
        damage = self._damage(connection)
        if damage:
            return DatabaseFacts(kind="sqlite", version=f"SQLite {sqlite3.sqlite_version}", damage=damage)
        pending = pending_of(connection)
        known = {row[0] for row in self._asked(connection, "indexes")}
        log = Path(f"{self._path.resolve()}-wal")
        return DatabaseFacts(
            kind="sqlite",
            version=f"SQLite {sqlite3.sqlite_version}",
            pending=tuple(pending),
            journal=str(self._asked(connection, "journal")[0][0]),
            wal_size=log.stat().st_size if log.exists() else None,
            free=shutil.disk_usage(self._path.parent).free,
            missing=() if pending else tuple(name for name in indexes("sqlite") if name not in known),
        )

    def _damage(self, connection: sqlite3.Connection) -> tuple[str, ...]:
        try:
            found = [str(row[0]) for row in self._asked(connection, "damage")]
        except sqlite3.DatabaseError as error:
            if "malformed" not in str(error):
                raise
            return (str(error),)
        return () if found == ["ok"] else tuple(found)

    def _asked(self, connection: sqlite3.Connection, name: str) -> list[Any]:
        return connection.execute(self._statements[f"examining.{name}"].text).fetchall()
