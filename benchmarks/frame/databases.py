"""One throw-away PostgreSQL with default durability, and databases on it: made once, copied for each run."""

from __future__ import annotations

import itertools
import math
import os
from pathlib import Path
from typing import Any, Self

import psycopg

from hourbell.testing.postgres_server import PostgresServer

SETTINGS = {"max_wal_size": "4GB", "pg_stat_statements.track": "all", "autovacuum_naptime": "15s"}
"""Beside the defaults: a run must not be cut in two by a checkpoint that the run before has earned."""


class Databases:
    """The server and its databases. ``fsync`` and ``synchronous_commit`` are checked to be on."""

    def __init__(self) -> None:
        self.server = PostgresServer(durable=True, own=True, settings=SETTINGS)
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        self.server.start()
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            value = self.ask(self.server.url, f"SHOW {setting}")
            assert value == "on", f"{setting} is {value}: these figures would not be about durable runs"
        if self.server.has_statement_statistics:
            self.ask(self.server.url, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()

    @property
    def version(self) -> str:
        return str(self.ask(self.server.url, "SHOW server_version"))

    def empty(self) -> str:
        """The address of a new database."""
        return self.server.create_database(f"bench_{next(self._numbers)}")

    def settle_down(self, url: str) -> None:
        """What autovacuum would have done long ago, and a checkpoint, so that none falls into the run."""
        self.ask(url, "VACUUM (ANALYZE)")
        self.ask(url, "CHECKPOINT")

    def copy(self, url: str) -> str:
        """The address of a copy, with all its statistics, from which a run starts."""
        name = f"bench_{next(self._numbers)}"
        self.ask(self.server.url, f'CREATE DATABASE {name} TEMPLATE "{_name(url)}"')
        self.ask(self.server.url, "CHECKPOINT")
        return url.rsplit("/", 1)[0] + f"/{name}"

    def drop(self, url: str) -> None:
        self.server.drop_database(_name(url))

    def statements(self, url: str) -> int:
        """How many statements this database was sent, those around transactions too, by pg_stat_statements."""
        return int(
            self.ask(
                self.server.url,
                "SELECT coalesce(sum(s.calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
                f"WHERE d.datname = '{_name(url)}' AND s.toplevel",
            )
        )

    def cpu(self) -> float:
        """Seconds of CPU that the server and its processes have used, those that are gone included; where the system
        has /proc, else not a number."""
        for _ in range(5):
            try:
                return used(self.server.pid) + sum(used(child) for child in _children(self.server.pid))
            except OSError:  # a process has just gone, and is now in the sum of its parent; or there is no /proc
                continue
        return math.nan

    def ask(self, url: str, question: str) -> Any:
        """The first value of the first row, if the answer has rows."""
        with psycopg.connect(url, autocommit=True) as connection:
            return first(connection, question)


def first(connection: psycopg.Connection[Any], question: str) -> Any:
    """The first value of the first row, if the answer has rows."""
    cursor = connection.execute(question)
    row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def used(pid: int | None) -> float:
    """Seconds of CPU that a process has used, and those of its children that have ended. Raises OSError."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def _children(pid: int | None) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return [int(child) for child in told.split()]


def _name(url: str) -> str:
    return url.rsplit("/", 1)[1]
