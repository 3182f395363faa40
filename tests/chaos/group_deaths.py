"""What dies is not what works, or dies just before there is work."""

from __future__ import annotations

from collections.abc import Sequence

from . import beside, nearby, restart
from .entry import Entry, Group

ENTRIES: Sequence[Entry] = (
    Entry(
        name="nearby",
        group=Group.DEATHS,
        done="kill -9 of the busiest process of a machine, again and again, under a lease of 15 s; others stand still",
        judged="takeover p99 within poll + 1 s = 2 s; nothing is taken from who only stands still",
        scenario=nearby.scenario,
        minutes=2,
        short={"seconds": 7, "schedules": 60, "slack": 5.0},
        long={"seconds": 120},
    ),
    Entry(
        name="idle_sibling",
        group=Group.DEATHS,
        done="while one process runs a body of many leases, its two idle siblings are killed",
        judged="the body is begun once and ends",
        scenario=beside.idle_sibling,
        minutes=1,
        long={"seconds": 30},
    ),
    Entry(
        name="before_the_fire",
        group=Group.DEATHS,
        done="up to two seconds before something is due one of three processes is killed, 20 times",
        judged="recorded at most 2 s after its time, every time",
        scenario=beside.before_the_fire,
        minutes=2.5,
        short={"rounds": 2, "slack": 5.0},
    ),
    Entry(
        name="past_a_grace",
        group=Group.DEATHS,
        done="all processes are killed and stay away for longer than the grace of what is due",
        judged="what came too late is skipped as missed and counted; no body begins past its grace",
        scenario=beside.past_a_grace,
        minutes=1,
        short={"away": 8.0},
        long={"away": 30.0, "grace": 10.0},
    ),
    Entry(
        name="first_starts",
        group=Group.DEATHS,
        done="four processes start at the same moment on an empty database",
        judged="each migration and each schedule stands there once",
        scenario=beside.first_starts,
        minutes=0.5,
    ),
    Entry(
        name="killed_first_starts",
        group=Group.DEATHS,
        done="the same, after all four were killed in the middle of their start, ten times",
        judged="each migration and each schedule stands there once",
        scenario=beside.first_starts,
        minutes=1.5,
        short={"lives": 3},
        long={"lives": 11},
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
