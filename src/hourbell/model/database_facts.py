"""What a database says of itself, as far as it matters here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """A table: how many rows live and dead, as the database estimates."""

    name: str
    live: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts:
    """An index: its size in bytes, its entries as the database estimates (None: it does not know), its scans."""

    name: str
    size: int
    entries: int | None
    scans: int
    valid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """A session of the server's, as it shows it: what its user calls it, whose it is, from where, and what it does.

    ``pid``  its process on the server; None: a prepared transaction, which ``name`` names. ``seconds``  for how long
    its transaction has been open; None where our role may not see that. ``tables``  of ours on which it holds a lock;
    ``shuts`` others out of them, not of single rows. ``waiting``  how many sessions wait for it; ``behind``  those it
    waits for itself.
    """

    pid: int | None
    name: str
    role: str | None = None
    client: str | None = None
    state: str | None = None
    seconds: float | None = None
    tables: tuple[str, ...] = ()
    shuts: bool = False
    waiting: int = 0
    behind: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """``pending``  migrations that are missing. ``lacking``  rights on the tables, as in "UPDATE on runs".
    ``can_migrate``  whether this role may change the schema. ``read_only``  nothing can be written here.

    ``pooled``  somebody stands between us and the server, and lends us its connections. ``missing``  indexes that the
    schema has and this database has not. ``unused``  kinds of index scans that are switched off. ``oldest``  whose
    transaction is the oldest that keeps dead rows; ``holders``  sessions that keep others from our tables. ``unread``
    why our tables could not be read, though the database answers. ``damage``  what the file's own check found.
    ``journal``  SQLite's journal mode, ``wal_size``  the bytes of its log, and ``free``  those left on its disk.
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
    oldest: SessionFacts | None = None
    holders: tuple[SessionFacts, ...] = ()
    unread: str | None = None
    journal: str | None = None
    wal_size: int | None = None
    free: int | None = None
    damage: tuple[str, ...] = ()
