"""What dies is not what works, or dies just before there is work."""

from __future__ import annotations

from collections.abc import Sequence

from . import nearby, restart
from .entry import Entry, Group

ENTRIES: Sequence[Entry] = (
    Entry(
        name="nearby",
        group=Group.DEATHS,
        done="kill -9 of the oldest process of a machine, again and again, under a lease of 15 s; others stand still",
        judged="takeover p99 within poll + 1 s = 2 s; nothing is taken from who only stands still",
        scenario=nearby.scenario,
        minutes=2,
        short={"seconds": 5, "schedules": 40, "workers": 3, "slack": 5.0},
        long={"seconds": 120},
    ),
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
