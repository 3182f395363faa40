"""Bringing an SQLite file up to this version, and the look whether this SQLite can run our statements at all."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from hourbell.errors import StoreMisconfigured
from hourbell.store.scripts.script import call
from hourbell.store.statements import Migration, Statement, migrations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.clock import Clock
    from hourbell.store.sqlite.database import SqliteDatabase


class SqliteMigrating:
    """Applies what is missing inside one transaction; BEGIN IMMEDIATE makes other processes wait and then look."""

    def __init__(self, database: SqliteDatabase, statements: Mapping[str, Statement], clock: Clock) -> None:
        self._database = database
        self._statements = statements
        self._clock = clock

    def migrate(self, connection: sqlite3.Connection) -> list[str]:
        """Answers the names of the migrations applied."""
        return self._database.in_transaction(connection, lambda: self._apply(connection))

    def pending(self, connection: sqlite3.Connection) -> list[str]:
        """The names of the migrations that are missing."""
        return [step.name for step in self._missing(connection)]

    def probe(self) -> None:
        """Features are tried, not deduced from a version: builds differ."""
        trial = sqlite3.connect(":memory:")
        try:
            for name in ("probe.table", "probe.upsert", "probe.json"):
                trial.execute(self._statements[name].text).fetchall()
        except sqlite3.Error as error:
            raise StoreMisconfigured(
                f"this Python's SQLite {sqlite3.sqlite_version} lacks what Hourbell needs ({error}); "
                "use a Python with SQLite 3.35 or newer, or PostgreSQL"
            ) from error
        finally:
            trial.close()

    def _missing(self, connection: sqlite3.Connection) -> list[Migration]:
        now = self._clock.host_now()
        versions: set[int] = set()
        if self._database.send(connection, call("migrating.schema_exists"), now)[0]["versioned"]:
            versions = {row["version"] for row in self._database.send(connection, call("migrating.applied"), now)}
        return [step for step in migrations("sqlite") if step.version not in versions]

    def _apply(self, connection: sqlite3.Connection) -> list[str]:
        now = self._clock.host_now()
        self._database.send(connection, call("migrating.create_versions"), now)
        applied = []
        for step in self._missing(connection):
            for statement in _split(step.text):
                connection.execute(statement)
            self._database.send(connection, call("migrating.record", version=step.version, name=step.name), now)
            applied.append(step.name)
        return applied


def _split(text: str) -> list[str]:
    """The statements of a file one by one: ``executescript`` would commit the transaction that we are in."""
    statements, gathered = [], ""
    for line in text.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            statements.append(gathered)
            gathered = ""
    return statements
