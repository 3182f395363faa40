"""What lies between the nodes and their database."""

from __future__ import annotations

from collections.abc import Sequence

from . import partition, wire
from .entry import POSTGRES, Entry, Group, Need
from .namespaces import missing

_NAMESPACES = Need(name="the right and the tools to make network namespaces", is_there=lambda: missing() is None)
_CUT = (
    "others take over within the lease + 2 s; what still ends there is refused; it says that it is away, and is back "
    "under a new id within 5 s; a process that is told to end does so within its grace + 2 s"
)

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
    *(
        Entry(
            name=name,
            group=Group.NETWORK,
            done=done,
            judged=judged,
            scenario=scenario,
            minutes=minutes,
            databases=POSTGRES,
            needs=(_NAMESPACES,),
            short=short,
            long=long,
        )
        for name, done, judged, scenario, minutes, short, long in (
            (
                "cut_off",
                "two of three nodes, in network namespaces of their own, are cut off for 60 s while bodies run on them",
                _CUT,
                partition.cut_off,
                2,
                {},
                {"seconds": 60},
            ),
            (
                "answers_dropped",
                "the same, but only what the server sends is dropped, silently: no connection is ended",
                _CUT,
                partition.deaf,
                2,
                {},
                {"seconds": 60},
            ),
            (
                "questions_dropped",
                "the same, but only what the nodes send is dropped",
                _CUT,
                partition.mute,
                2,
                {},
                {"seconds": 60},
            ),
            (
                "short_cut",
                "all nodes are cut off for a third of their lease",
                "nothing is taken over, and every node keeps its id",
                partition.hiccup,
                1,
                {},
                {},
            ),
            (
                "slow_line",
                "each packet takes 100 ms in each direction",
                "each fire recorded and run, none later than a lease of 6 s",
                partition.slow,
                2,
                {"seconds": 8},
                {"seconds": 90},
            ),
            (
                "packet_loss",
                "8 % of all packets are lost, in each direction",
                "each fire recorded and run, none later than a lease of 6 s",
                partition.lossy,
                2,
                {"seconds": 8},
                {"seconds": 90},
            ),
        )
    ),
)
