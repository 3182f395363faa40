"""Can the database be used at all, is its schema there, do its hints arrive, is its file whole?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.diagnosis import Finding, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hourbell.model.database_facts import DatabaseFacts
    from hourbell.model.diagnosis import Facts

_LARGE_WAL = 64 * 1024 * 1024
_FULL = 16 * 1024 * 1024
"""Bytes left on a disk that count as none: its log alone takes four megabytes, and each backup or report some."""


def findings(facts: Facts) -> Iterator[Finding]:
    """All findings of the database itself."""
    database = facts.database
    yield from _version(database)
    yield from _schema(database)
    yield from _rights(database)
    yield from _hints(facts)
    yield from _file(database)


def _version(database: DatabaseFacts) -> Iterator[Finding]:
    if database.too_old is not None:
        yield Finding(
            about="version",
            severity="problem",
            what=f"{database.version} is older than what Hourbell is made for, {database.too_old}",
            do=f"upgrade it to {database.too_old} or newer",
        )


def _schema(database: DatabaseFacts) -> Iterator[Finding]:
    if not database.pending:
        return
    do = "run `hourbell migrate`"
    if not database.can_migrate:
        do = (
            f"run `hourbell migrate` with a role that may change the schema ({database.role} may not), or apply "
            "`hourbell migrate --sql` by hand"
        )
    yield Finding(
        about="schema",
        severity="problem",
        what=f"the schema is older than this version: {some(list(database.pending))} pending; the rest of this "
        "examination waits for it",
        do=do,
        named=database.pending,
    )


def _rights(database: DatabaseFacts) -> Iterator[Finding]:
    if database.read_only:
        yield Finding(
            about="read-only",
            severity="problem",
            what="nothing can be written here: it is a standby, or the role's transactions are read-only",
            do="give the address of the primary in HOURBELL_DATABASE_URL, or ALTER ROLE … SET "
            "default_transaction_read_only = off",
        )
    if database.lacking:
        yield Finding(
            about="rights",
            severity="problem",
            what=f"the role {database.role} lacks {some(list(database.lacking))}",
            do=f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA … TO "{database.role}", as the owner',
            named=database.lacking,
        )


def _hints(facts: Facts) -> Iterator[Finding]:
    if facts.hints != "lost":
        return
    if facts.database.pooled and not facts.pooler:
        yield Finding(
            about="pooler",
            severity="problem",
            what="a pooler in transaction mode stands before PostgreSQL, and prepared statements may fail behind it",
            do="set HOURBELL_POOLER=true, and HOURBELL_DIRECT_URL to an address that passes by it, for hints",
        )
        return
    why = "a pooler in transaction mode keeps them" if facts.database.pooled else "notifications do not get through"
    yield Finding(
        about="hints",
        severity="notice",
        what=f"hints do not arrive, since {why}: nodes find new work by asking every {facts.poll:g} s",
        do="set HOURBELL_DIRECT_URL to an address that passes by the pooler, or leave it: nothing is lost without "
        "hints",
    )


def _file(database: DatabaseFacts) -> Iterator[Finding]:
    if database.damage:
        yield Finding(
            about="integrity",
            severity="problem",
            what=f"the file is damaged: {some(list(database.damage))}; nothing else in it was looked at",
            do="stop every process that has it open, keep a copy, and restore it from a backup, or save what can be "
            "read with `sqlite3 FILE .recover`",
            named=database.damage,
        )
    if database.free is not None and database.free < _FULL:
        yield Finding(
            about="disk",
            severity="problem",
            what=f"the disk of the file is full, or almost: {database.free // 1024:,} kB are left. The "
            "renewals of leases fail too: nodes count as dead, although their processes live",
            do="make room on it; the nodes go on by themselves then",
        )
    if database.journal is not None and database.journal != "wal":
        yield Finding(
            about="journal",
            severity="problem",
            what=f"the journal mode is {database.journal}: whoever reads keeps writers out, and leases may be lost",
            do="put the file on a local disk; network file systems cannot do write-ahead logging",
        )
    if database.wal_size is not None and database.wal_size > _LARGE_WAL:
        yield Finding(
            about="wal",
            severity="notice",
            what=f"the write-ahead log has grown to {database.wal_size // 1024**2} MB: some process has been reading "
            "for long, and keeps it from being emptied",
            do="find who else has the file open, and end its transaction",
        )
