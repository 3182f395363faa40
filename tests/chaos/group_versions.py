"""Nodes of different versions, and nodes that know different things."""

from __future__ import annotations

from collections.abc import Sequence

from . import mixed
from .entry import Entry, Group

ENTRIES: Sequence[Entry] = (
    Entry(
        name="old_and_new_code",
        group=Group.VERSIONS,
        done="nodes of the commit before the schema's latest change, joined by nodes of today that make it; either "
        "kind is killed, the old ones leave in the end",
        judged="takeover p99 within 5 s, from either to either; both kinds do their part",
        scenario=mixed.versions,
        minutes=2,
        needs=[mixed.HISTORY],
        short={"seconds": 8, "schedules": 20, "slack": 5.0},
    ),
    Entry(
        name="much_older_code",
        group=Group.VERSIONS,
        done="the same with nodes of three changes of the schema before",
        judged="takeover p99 within 5 s, from either to either; both kinds do their part",
        scenario=mixed.versions,
        minutes=2,
        needs=[mixed.HISTORY],
        short={"seconds": 8, "schedules": 20, "ago": 3, "slack": 5.0},
        long={"ago": 3},
    ),
    Entry(
        name="different_tasks",
        group=Group.VERSIONS,
        done="two nodes with a task of their own each, killed in turn",
        judged="no run begins on a node that does not know its task; every fire is there",
        scenario=mixed.knowing,
        minutes=1.5,
        short={"seconds": 10},
        long={"seconds": 60},
    ),
)
