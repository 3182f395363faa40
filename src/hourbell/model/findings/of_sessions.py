"""Other sessions on PostgreSQL: who holds our tables, and who keeps what is dead from being cleared away."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.model.diagnosis import Finding, counted, some, spell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hourbell.model.database_facts import DatabaseFacts, SessionFacts
    from hourbell.model.diagnosis import Facts

LONG = 600.0
"""Seconds that a transaction may be open."""
_MIGRATION = "hourbell migrate"


def findings(facts: Facts) -> Iterator[Finding]:
    """All findings of what other sessions do to us."""
    database = facts.database
    if database.unread is not None:
        yield Finding(
            about="unread",
            severity="problem",
            what=f"the database answers, and its tables do not: {database.unread}. Nodes, schedules and runs were not "
            "looked at",
            do="see below who holds them"
            if database.holders
            else "nobody is seen to hold them: see what the server is busy with, and whether its disks keep up",
        )
    for one in database.holders:
        yield _holding(one)
    oldest = database.oldest
    if oldest is not None and (oldest.seconds or 0.0) > LONG:
        yield _keeping(oldest, database)


def _holding(one: SessionFacts) -> Finding:
    tables = some(list(one.tables))
    held = f"holds locks on {tables}" if one.shuts else f"has {tables or 'a lock'} in its open transaction"
    waited = (
        f", and {counted(one.waiting, 'session')} here wait{'s' if one.waiting == 1 else ''} for it"
        if one.waiting
        else ""
    )
    return Finding(
        about="locks",
        severity="problem" if one.shuts or one.waiting else "notice",
        what=f"{_who(one)} {held}{waited}"
        + ("" if waited else "; what needs these waits, or passes them over, until it ends"),
        do=_end(one),
        named=(str(one.pid),),
    )


def _keeping(oldest: SessionFacts, database: DatabaseFacts) -> Finding:
    dead = sum(table.dead for table in database.tables)
    return Finding(
        about="long-transaction",
        severity="notice",
        what=f"{_who(oldest)} has the oldest transaction: no row that has died since can be cleared away "
        f"({dead:,} dead rows in these tables now), and every claim gets slower",
        do=_end(oldest),
        named=(oldest.name if oldest.pid is None else str(oldest.pid),),
    )


def _who(one: SessionFacts) -> str:
    """A session as one finds it again, and what it is at."""
    begun = f", begun {spell(timedelta(seconds=one.seconds))} ago" if one.seconds is not None else ""
    if one.pid is None:
        return f"the prepared transaction {one.name!r} (role {one.role}{begun})"
    known = [one.name or "no application_name"]
    known += [f"role {one.role}"] if one.role is not None else []
    known += [f"from {one.client}"] if one.client is not None else []
    known += [one.state] if one.state is not None else []
    return f"the session with pid {one.pid} ({', '.join(known)}{begun})"


def _end(one: SessionFacts) -> str:
    if one.pid is None:
        return f"COMMIT PREPARED or ROLLBACK PREPARED {one.name!r}, as its owner"
    if one.behind:
        before = some([str(pid) for pid in one.behind])
        return f"it waits itself for pid {before}: let that end first, or SELECT pg_terminate_backend({one.behind[0]})"
    if one.name.startswith(_MIGRATION):
        return "wait: it brings the tables up to date, and ends by itself"
    return f"let it end its transaction, or end it: SELECT pg_terminate_backend({one.pid})"
