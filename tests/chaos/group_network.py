"""What lies between the nodes and their database."""

from __future__ import annotations

from collections.abc import Sequence

from . import wire
from .entry import POSTGRES, Entry, Group

ENTRIES: Sequence[Entry] = (
    Entry(
        name="bad_line",
        group=Group.NETWORK,
        done="one of a hundred answers of the server is lost with its connection, comes late, or is the last",
        judged="everything final by itself once the line is good",
        scenario=wire.scenario,
        minutes=3,
        databases=POSTGRES,
        short={"seconds": 8, "schedules": 20},
        long={"seconds": 120},
    ),
)
