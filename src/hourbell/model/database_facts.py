"""What a database says of itself, as far as it matters here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """A table: how many rows live and dead, as the database estimates, and when the dead were last cleared away."""

    name: str
    live: int
    dead: int
    cleared_at: datetime | None = None
    scans: int = 0
    index_scans: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts:
    """An index: its size in bytes, its entries as the database estimates (None: it does not know), its scans."""

    name: str
    table: str
    size: int
    entries: int | None
    scans: int
    valid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """``pending``  migrations that are missing. ``lacking``  rights on the tables, as in "UPDATE on runs".
    ``can_migrate``  whether this role may change the schema. ``read_only``  nothing can be written here.

    ``pooled``  somebody stands between us and the server, and lends us its connections. ``missing``  indexes that the
    schema has and this database has not. ``unused``  kinds of index scans that are switched off. ``longest``  for how
    many seconds the oldest transaction has been open. ``damage``  what the file's own check found.
    ``journal``  SQLite's journal mode, and ``wal_size``  the bytes of its log.
    """

    kind: str
    version: str
    too_old: str | None = None
    role: str | None = None
    pending: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    can_migrate: bool = True
    read_only: bool = False
    pooled: bool = False
    tables: tuple[TableFacts, ...] = ()
    indexes: tuple[IndexFacts, ...] = ()
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    longest: float | None = None
    journal: str | None = None
    wal_size: int | None = None
    damage: tuple[str, ...] = ()
