"""The database is there and makes it hard: it refuses, cuts, locks, waits."""

from __future__ import annotations

from collections.abc import Sequence

from . import clutches, straits
from .entry import POSTGRES, Entry, Group

_SAME = (
    "firing within 5 s after it; a process that is told to end does so within its grace + 2 s; one that starts serves; "
    "health never ok while nothing is recorded; a line a second at most"
)

ENTRIES: Sequence[Entry] = tuple(
    Entry(
        name=name,
        group=Group.DATABASE,
        done=done,
        judged=_SAME,
        scenario=scenario,
        minutes=minutes,
        databases=POSTGRES,
        short=short,
        long=long,
    )
    for name, done, scenario, minutes, short, long in (
        (
            "no_connection_free",
            "others hold every connection that the server has, and the nodes have lost theirs",
            straits.connections,
            2,
            {"seconds": 6},
            {"seconds": 60},
        ),
        (
            "hostile_limits",
            "the role's own limits end statements, transactions and idle sessions within moments",
            straits.timeouts,
            2,
            {"seconds": 6},
            {"seconds": 60},
        ),
        (
            "serializable_by_default",
            "the role's transactions are serializable and deferrable unless they say otherwise",
            straits.serializable,
            2,
            {"seconds": 6},
            {"seconds": 60},
        ),
        (
            "read_only_for_a_while",
            "the role's transactions may not write, and sessions that have learnt it are not ended afterwards",
            straits.read_only,
            2,
            {"seconds": 6},
            {"seconds": 60},
        ),
        (
            "sessions_cut",
            "every session of the nodes is ended five times a second",
            straits.cut,
            2,
            {"seconds": 6},
            {"seconds": 60},
        ),
        (
            "tables_locked",
            "ACCESS EXCLUSIVE on each table in turn, for 5 s under a lease of 3 s",
            clutches.locked,
            4,
            {"tables": "nodes"},
            {},
        ),
        (
            "old_snapshot",
            "a transaction with an old snapshot is kept open, so that nothing dead is cleared away",
            clutches.snapshot,
            2,
            {"seconds": 6},
            {"seconds": 90},
        ),
        (
            "maintenance",
            "VACUUM FULL, REINDEX, ANALYZE and VACUUM of each table, one after another without a pause",
            clutches.maintenance,
            2,
            {"seconds": 6},
            {"seconds": 60},
        ),
        (
            "absent_standby",
            "each commit waits for a standby that is not there",
            clutches.standby,
            2,
            {"seconds": 6},
            {"seconds": 60},
        ),
    )
)
