"""What slows PostgreSQL down under a queue: dead rows, indexes that are missing or worn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.diagnosis import Finding, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hourbell.model.database_facts import DatabaseFacts
    from hourbell.model.diagnosis import Facts

DEAD = 10_000
"""Dead rows from which on they are worth a word, where they are more than the living."""
_LARGE = 32 * 1024 * 1024
_PER_ENTRY = 1_000


def findings(facts: Facts) -> Iterator[Finding]:
    """All findings of how the database keeps its tables."""
    database = facts.database
    yield from _indexes(database)
    yield from _rows(database)


def _indexes(database: DatabaseFacts) -> Iterator[Finding]:
    if database.missing:
        yield Finding(
            about="missing-index",
            severity="problem",
            what=f"indexes of the schema are not there: {some(list(database.missing))}",
            do="create them as `hourbell migrate --sql` has them, with CREATE INDEX CONCURRENTLY on PostgreSQL",
            named=database.missing,
        )
    broken = [one.name for one in database.indexes if not one.valid]
    if broken:
        yield Finding(
            about="invalid-index",
            severity="problem",
            what=f"indexes are not valid, so that no query uses them: {some(broken)}",
            do=f"REINDEX INDEX CONCURRENTLY {broken[0]}",
            named=tuple(broken),
        )
    if database.unused:
        yield Finding(
            about="index-scans",
            severity="problem",
            what=f"the server is told not to use indexes: {some(list(database.unused))} is off",
            do="ALTER ROLE … RESET what is off, or mend the server's configuration",
            named=database.unused,
        )
    worn = [
        f"{one.name} ({one.size // 1024**2} MB for {one.entries:,} entries)"
        for one in database.indexes
        if one.entries is not None and one.size > _LARGE + _PER_ENTRY * one.entries
    ]
    if worn:
        yield Finding(
            about="index-bloat",
            severity="notice",
            what=f"indexes are much larger than what is in them: {some(worn)}",
            do=f"REINDEX INDEX CONCURRENTLY {worn[0].partition(' ')[0]}",
            named=tuple(one.partition(" ")[0] for one in worn),
        )


def _rows(database: DatabaseFacts) -> Iterator[Finding]:
    dead = [one for one in database.tables if one.dead > max(DEAD, one.live)]
    if dead:
        told = [f"{one.name} ({one.dead:,} dead, {one.live:,} live)" for one in dead]
        yield Finding(
            about="dead-rows",
            severity="notice",
            what=f"dead rows are not cleared away: {some(told)}",
            do=f"vacuum and analyze the table {dead[0].name}; see that autovacuum is on, and that no transaction stays "
            "open for long",
            named=tuple(one.name for one in dead),
        )
