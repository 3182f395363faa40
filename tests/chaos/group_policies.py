"""What is promised beyond fires: limits, turns, effects, locks, edits. All of it while processes are killed."""

from __future__ import annotations

from collections.abc import Sequence

from . import edits, effects, guards, limits, overlaps
from .entry import POSTGRES, Entry, Group

ENTRIES: Sequence[Entry] = (
    Entry(
        name="limits",
        group=Group.POLICIES,
        done="tasks that may run once, three and ten times at a time, while processes are killed",
        judged="never more at once by what the bodies wrote down; every run succeeds",
        scenario=limits.under_kills,
        minutes=3,
        short={"runs": 400, "every": 1.5},
    ),
    Entry(
        name="overlaps",
        group=Group.POLICIES,
        done="schedules under each policy of overlap, bodies longer than their period, while processes are killed",
        judged="runs take turns as their policy says, by what the bodies wrote down",
        scenario=overlaps.scenario,
        minutes=2,
        short={"seconds": 6},
    ),
    Entry(
        name="effects",
        group=Group.POLICIES,
        done="bodies that write into the application's own table, while processes are killed",
        judged="through an effect or a key exactly one row each; doubles of plain bodies all in the history",
        scenario=effects.scenario,
        minutes=3,
        databases=POSTGRES,
        short={"seconds": 9, "schedules": 20, "workers": 3, "pause": 0.5},
    ),
    Entry(
        name="once",
        group=Group.POLICIES,
        done="two processes woken for the same work at once, a thousand times; then killed in the middle",
        judged="each key done once",
        scenario=guards.once,
        minutes=4,
        short={"seconds": 1, "tries": 100},
    ),
    Entry(
        name="lock",
        group=Group.POLICIES,
        done="eight processes want one lock; its holders are killed, or stopped for longer than their lease",
        judged="one holder a fence; writes of the stopped are refused by it",
        scenario=guards.lock,
        minutes=2,
        short={"seconds": 1, "processes": 4},
    ),
    Entry(
        name="edits",
        group=Group.POLICIES,
        done="50 clients create, change, pause, resume, trigger and remove schedules over REST while nodes are killed",
        judged="what was acknowledged is so; what is paused or gone is quiet; one run a key",
        scenario=edits.scenario,
        minutes=4,
        short={"seconds": 5, "clients": 20, "schedules": 5, "workers": 2, "every": 2},
    ),
)
