"""A pooler stands between the nodes and their database."""

from __future__ import annotations

from collections.abc import Sequence

from . import pooled
from .bouncer import PROGRAM, find
from .entry import POSTGRES, Entry, Group, Need

_BOUNCER = Need(name=f"PgBouncer (`{PROGRAM}`)", is_there=lambda: find() is not None)
_BACK = "firing within 5 s after it; health never ok while nothing is recorded; a line a second at most"

ENTRIES: Sequence[Entry] = tuple(
    Entry(
        name=name,
        group=Group.POOLER,
        done=done,
        judged=judged,
        scenario=scenario,
        minutes=minutes,
        databases=POSTGRES,
        needs=(_BOUNCER,),
        short=short,
        long=long,
    )
    for name, done, judged, scenario, minutes, short, long in (
        (
            "pooler_and_kills",
            "a process is killed every three seconds behind PgBouncer in transaction mode with five connections",
            "each fire recorded and run, whatever is killed",
            pooled.kills,
            3,
            {"seconds": 8},
            {"seconds": 120},
        ),
        (
            "pooler_commanded",
            "PgBouncer gives up each connection after a second, and is told RECONNECT, KILL, PAUSE and RESUME in turn",
            _BACK,
            pooled.commands,
            2,
            {"seconds": 8},
            {"seconds": 60},
        ),
        (
            "pooler_paused",
            "PgBouncer is paused for two and a half leases",
            _BACK,
            pooled.paused,
            1,
            {"seconds": 5},
            {},
        ),
        (
            "pooler_and_hints",
            "requests from elsewhere behind PgBouncer, with and without an address that passes by it",
            "log, health and doctor say whether nodes poll; runs start at once, or within a poll where they do",
            pooled.says,
            1,
            {"seconds": 3},
            {"seconds": 30},
        ),
    )
)
