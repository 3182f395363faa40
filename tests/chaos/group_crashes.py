"""Processes that are killed, stopped, replaced or stand still, and bodies that do it to them."""

from __future__ import annotations

from collections.abc import Sequence

from . import bad_bodies, deploy, freeze, havoc, kill_storm, long_bodies, poison, restart, together, unruly
from .entry import POSTGRES, Entry, Group

_ZOMBIE = "its late reports refused, every fire of the others on time"

ENTRIES: Sequence[Entry] = (
    Entry(
        name="kill_storm",
        group=Group.CRASHES,
        done="kill -9 of one process after the other, every 2 s, under schedules that fire every second",
        judged="takeover p99 within lease + poll + 1 s = 5 s",
        scenario=kill_storm.scenario,
        minutes=8,
        short={"seconds": 7, "schedules": 60, "workers": 3, "slack": 5.0},
        long={"seconds": 430, "schedules": 100},
    ),
    Entry(
        name="all_at_once",
        group=Group.CRASHES,
        done="kill -9 of all processes in the same moment, and as many new ones, ten times",
        judged="everything final by itself",
        scenario=together.scenario,
        minutes=4,
        short={"times": 1, "schedules": 30},
    ),
    Entry(
        name="gil_held",
        group=Group.CRASHES,
        done="C code in a body holds the GIL of its process for three leases",
        judged="its run is taken over within 5 s, its report refused; no fire recorded later than 2 s",
        scenario=unruly.held,
        minutes=1,
        short={"slack": 5.0},
    ),
    Entry(
        name="forking_bodies",
        group=Group.CRASHES,
        done="bodies fork children that keep every connection of their node and outlive it; nodes are killed",
        judged="no child runs anything; takeover p99 within 5 s",
        scenario=unruly.forked,
        minutes=1.5,
        short={"seconds": 8, "slack": 5.0},
        long={"seconds": 60},
    ),
    Entry(
        name="havoc",
        group=Group.CRASHES,
        done="every second something by chance: kills, deploys, processes stopped and woken, sessions ended, crashes",
        judged="everything final by itself afterwards",
        scenario=havoc.scenario,
        minutes=4,
        short={"seconds": 8, "schedules": 40},
        long={"seconds": 180},
    ),
    Entry(
        name="zombie_in_a_body",
        group=Group.CRASHES,
        done="a process with running bodies stands still (SIGSTOP) for three leases and then goes on",
        judged=_ZOMBIE,
        scenario=freeze.in_body,
        minutes=1,
    ),
    *(
        Entry(
            name=f"zombie_in_{what}",
            group=Group.CRASHES,
            done=f"a process stands still for three leases {moment}",
            judged=_ZOMBIE,
            scenario=scenario,
            minutes=1,
            databases=POSTGRES,
        )
        for what, moment, scenario in (
            ("a_fire", "between the lock of a schedule and the commit of its fire", freeze.in_fire),
            ("an_insert", "between the insert of runs and the advance of the cursor", freeze.in_insert),
            ("a_question", "in the middle of sending a statement, with a schedule locked", freeze.in_question),
            ("a_claim", "with the answer of a claim in hand", freeze.in_claim),
            ("a_settle", "with a result written and its answer not yet heard", freeze.in_settle),
        )
    ),
    Entry(
        name="blocked_loop",
        group=Group.CRASHES,
        done="a body holds the event loop of its process for two leases, with a sibling",
        judged="fires recorded on time meanwhile; the lease kept",
        scenario=long_bodies.blocked,
        minutes=1,
        long={"seconds": 30},
    ),
    Entry(
        name="blocked_loop_alone",
        group=Group.CRASHES,
        done="the same with nobody else to help",
        judged="fires recorded on time meanwhile; the lease kept",
        scenario=long_bodies.blocked_alone,
        minutes=1,
        long={"seconds": 30},
    ),
    Entry(
        name="bodies_of_many_leases",
        group=Group.CRASHES,
        done="async and sync bodies that take ten leases",
        judged="each started exactly once",
        scenario=long_bodies.patient,
        minutes=1,
        short={"seconds": 7},
    ),
    Entry(
        name="poison",
        group=Group.CRASHES,
        done="a body that kills its own node each time it runs, beside long innocent ones",
        judged="convicted alone after five losses; every other run succeeds",
        scenario=poison.scenario,
        minutes=1.5,
    ),
    Entry(
        name="bad_bodies",
        group=Group.CRASHES,
        done="bodies that crash, never end, flood, swallow a cancellation or import for minutes, beside good ones",
        judged="good ones started within a poll + 1 s; each bad one ends with its reason; memory flat; no process left",
        scenario=bad_bodies.scenario,
        minutes=6,
        short={"seconds": 9, "good": 10, "slack": 5.0},
    ),
    Entry(
        name="deploy",
        group=Group.CRASHES,
        done="SIGTERM to one of two processes while it has a request and bodies longer than its grace",
        judged="nothing claimed after the signal, bodies handed on, no try burnt; ended within grace + 2 s",
        scenario=deploy.scenario,
        minutes=0.5,
        short={"seconds": 4, "drain": 1},
    ),
    *(
        Entry(
            name=f"second_{what}",
            group=Group.CRASHES,
            done=f"{signals}, while {busy} run for a minute more",
            judged="ended at once by the second; what ran is taken over or queued",
            scenario=scenario,
            minutes=0.5,
        )
        for what, signals, busy, scenario in (
            ("sigterm", "SIGTERM twice", "bodies and a request", deploy.again),
            ("ctrl_c", "SIGINT twice, as by Ctrl-C", "bodies and a request", deploy.again_by_ctrl_c),
            ("sigterm_without_request", "SIGTERM twice", "bodies", deploy.again_without_request),
        )
    ),
    Entry(
        name="restart",
        group=Group.CRASHES,
        done="everything is stopped, stays away, and is started again",
        judged="next fires, a pause and the history are as before; the gap is caught up",
        scenario=restart.scenario,
        minutes=0.5,
        short={"seconds": 2},
    ),
    Entry(
        name="reload",
        group=Group.CRASHES,
        done="uvicorn --reload, its module touched again and again",
        judged="one row for the schedule, no fire twice, no orphan process",
        scenario=restart.reload,
        minutes=1,
        short={"seconds": 6, "touches": 3},
    ),
)
