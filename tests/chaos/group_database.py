"""The database is away, refuses, or answers late."""

from __future__ import annotations

from collections.abc import Sequence

from . import outage
from .entry import POSTGRES, Entry, Group

_BACK = "firing again within 5 s; health says 503 meanwhile; no process above 0.15 of a core; the gap by its policy"

ENTRIES: Sequence[Entry] = (
    *(
        Entry(
            name=name,
            group=Group.DATABASE,
            done=done,
            judged=_BACK,
            scenario=scenario,
            minutes=minutes,
            databases=POSTGRES,
            short={"seconds": 8},
            long={"seconds": seconds},
        )
        for name, done, scenario, seconds, minutes in (
            ("outage", "the server is stopped for 30 s; a process is killed in the meantime", outage.scenario, 30, 1),
            ("long_outage", "the server is stopped for three minutes; a process is killed", outage.scenario, 180, 4),
            ("crash_of_the_server", "the server crashes and is back after 30 s", outage.crash, 30, 1),
        )
    ),
    Entry(
        name="brief_outage",
        group=Group.DATABASE,
        done="the server crashes and is back after 5 s, less than the lease, while bodies run",
        judged="bodies go on, start once and are settled; no lease is lost",
        scenario=outage.brief,
        minutes=1,
        databases=POSTGRES,
    ),
)
