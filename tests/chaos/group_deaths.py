"""What dies is not what works, or dies just before there is work."""

from __future__ import annotations

from collections.abc import Sequence

from . import restart
from .entry import Entry, Group

ENTRIES: Sequence[Entry] = (
    Entry(
        name="undeclared",
        group=Group.DEATHS,
        done="the application is started without one of its schedules, and then with it again",
        judged="it stops firing, one row says why, and it goes on when it is back",
        scenario=restart.undeclared,
        minutes=1,
        short={"seconds": 2},
    ),
)
