"""The database is away, refuses, or answers late."""

from __future__ import annotations

from collections.abc import Sequence

from . import disk, doubt, outage, standby
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
    Entry(
        name="commits_in_doubt",
        group=Group.DATABASE,
        done="a line swallows the server's answers to commits and cuts the connection, a thousand times",
        judged="each of them done exactly once all the same; everything final by itself",
        scenario=doubt.scenario,
        minutes=5.5,
        databases=POSTGRES,
        short={"commits": 40, "seconds": 8, "schedules": 20, "slack": 0.5},
    ),
    Entry(
        name="crash_in_a_commit",
        group=Group.DATABASE,
        done="the server crashes within milliseconds of being told to commit, and is started again, 30 times",
        judged="everything final by itself",
        scenario=doubt.restarts,
        minutes=5.5,
        databases=POSTGRES,
        short={"times": 2, "schedules": 20},
    ),
    Entry(
        name="failover",
        group=Group.DATABASE,
        done="an asynchronous standby that never heard of the last 5 s is promoted after a crash of its primary",
        judged="each fire recorded once on the new primary, those of the lost tail anew; nothing else is begun twice; "
        "firing again within 5 s",
        scenario=standby.scenario,
        minutes=1.5,
        databases=POSTGRES,
        needs=[standby.BASE_BACKUP],
        short={"tail": 2, "seconds": 4, "schedules": 20},
        long={"seconds": 40},
    ),
    Entry(
        name="disk_full",
        group=Group.DATABASE,
        done="the disk below the database is filled to the last byte for half a minute",
        judged="health says so, in few lines of the log; firing again within 5 s of room; the file is sound",
        scenario=disk.scenario,
        minutes=1.5,
        needs=[disk.SMALL_DISK],
        short={"seconds": 6, "schedules": 10},
    ),
)
