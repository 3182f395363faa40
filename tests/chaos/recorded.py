"""What the product recorded, read straight from its tables and not through it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import asyncpg

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANTS = ("_at", "_until", "_by")


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """A row of ``runs``."""

    id: str
    schedule_id: str | None
    state: str
    reason: str | None
    origin: str
    fire_at: datetime | None
    covers_until: datetime | None
    covers_count: int | None
    node_id: str | None
    attempt: int
    failures: int
    losses: int
    outcome: str | None
    created_at: datetime
    finished_at: datetime | None
    error: str | None = None
    key: str | None = None

    @property
    def final(self) -> bool:
        return self.finished_at is not None


@dataclass(frozen=True, kw_only=True)
class RecordedAttempt:
    """A row of ``attempts``: one that ended without ending its run."""

    run_id: str
    attempt: int
    node_id: str
    outcome: str
    finished_at: datetime


@dataclass(frozen=True, kw_only=True)
class RecordedNode:
    """A row of ``nodes``."""

    id: str
    pid: int
    state: str
    started_at: datetime
    renewals: int


@dataclass(frozen=True, kw_only=True)
class RecordedSchedule:
    """A row of ``schedules``."""

    id: str
    state: str
    note: str | None
    next_fire_at: datetime | None
    last_fire_at: datetime | None
    created_at: datetime


_TABLES: Mapping[type, str] = {
    RecordedRun: "runs",
    RecordedAttempt: "attempts",
    RecordedNode: "nodes",
    RecordedSchedule: "schedules",
}


@dataclass(frozen=True)
class Recorded:
    """Everything at one moment."""

    runs: Sequence[RecordedRun]
    attempts: Sequence[RecordedAttempt]
    nodes: Sequence[RecordedNode]
    schedules: Sequence[RecordedSchedule]

    def pid_of(self, node_id: str) -> int:
        """The process that was this node."""
        return next(node.pid for node in self.nodes if node.id == node_id)

    def schedule(self, schedule_id: str) -> RecordedSchedule:
        return next(schedule for schedule in self.schedules if schedule.id == schedule_id)


class Tables:
    """Reads the tables of one database."""

    def __init__(self, url: str, schema: str = "hourbell") -> None:
        self._url = url
        self._schema = schema
        self._file = url.removeprefix("sqlite:///") if url.startswith("sqlite") else None

    async def all(self) -> Recorded:
        """Everything, in one consistent look."""
        tables = await self._selected([f"SELECT * FROM {self._name(kind)}" for kind in _TABLES])
        return Recorded(
            *(  # type: ignore[arg-type]
                [_made(kind, row) for row in rows] for kind, rows in zip(_TABLES, tables, strict=True)
            )
        )

    async def count(self, kind: type, where: str = "true") -> int:
        """How many rows of a table fulfil a condition."""
        ((row,),) = await self._selected([f"SELECT count(*) AS n FROM {self._name(kind)} WHERE {where}"])
        count: int = row["n"]
        return count

    async def live_nodes(self) -> int:
        """How many nodes count as live; 0 before there are tables."""
        try:
            return await self.count(RecordedNode, "state = 'live'")
        except (asyncpg.UndefinedTableError, sqlite3.OperationalError):
            return 0

    async def busy(self) -> set[int]:
        """The processes that hold a running run."""
        nodes, runs = self._name(RecordedNode), self._name(RecordedRun)
        held = f"SELECT node_id FROM {runs} WHERE state = 'running'"
        return {row["pid"] for row in await self.rows(f"SELECT pid FROM {nodes} WHERE id IN ({held})")}

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """Any other question; the same text must do for both databases."""
        (rows,) = await self._selected([query])
        return rows

    def _name(self, kind: type) -> str:
        return _TABLES[kind] if self._file is not None else f"{self._schema}.{_TABLES[kind]}"

    async def _selected(self, queries: Sequence[str]) -> list[list[dict[str, Any]]]:
        if self._file is not None:
            return self._selected_from_file(queries)
        connection = await asyncpg.connect(self._url, timeout=30)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return [[dict(row) for row in await connection.fetch(query)] for query in queries]
        finally:
            await connection.close()

    def _selected_from_file(self, queries: Sequence[str]) -> list[list[dict[str, Any]]]:
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")
            return [[dict(row) for row in connection.execute(query)] for query in queries]


def _made(kind: type[T], row: Mapping[str, Any]) -> T:
    """One row, with instants that are aware and ids that are text, whatever the database gave."""
    return kind(**{one.name: _plain(one.name, row[one.name]) for one in fields(kind)})  # type: ignore[arg-type]


def _plain(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name.endswith(_INSTANTS) and isinstance(value, int):
        return _EPOCH + timedelta(microseconds=value)
    return str(value) if name in ("id", "run_id") else value
