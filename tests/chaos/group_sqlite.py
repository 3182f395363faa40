"""What only SQLite has: one file, and several that write to it."""

from __future__ import annotations

from collections.abc import Sequence

from . import file_writers
from .entry import SQLITE, Entry, Group

ENTRIES: Sequence[Entry] = (
    Entry(
        name="file_writers",
        group=Group.SQLITE,
        done="four processes write to one file and serve requests; one after the other is killed, every 2 s",
        judged="integrity_check and foreign_key_check find nothing, after each kill; each acknowledged request has "
        "one run",
        scenario=file_writers.scenario,
        minutes=3,
        databases=SQLITE,
        short={"seconds": 6, "schedules": 20},
        long={"seconds": 120},
    ),
)
