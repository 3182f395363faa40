"""Much at once, and nothing at all."""

from __future__ import annotations

from collections.abc import Sequence

from . import crowd, fire_storm, idle
from .entry import Entry, Group

ENTRIES: Sequence[Entry] = (
    Entry(
        name="fire_storm",
        group=Group.LOAD,
        done="200 schedules due in the same second, every second, under eight processes (four on SQLite)",
        judged="each body started exactly once",
        scenario=fire_storm.counted,
        minutes=1.5,
        short={"seconds": 3},
        long={"seconds": 60},
    ),
    Entry(
        name="fire_storm_by_default",
        group=Group.LOAD,
        done="the same under the default policies, some bodies longer than the second between two fires",
        judged="each fire is a run, or covered by a skipped one that says why",
        scenario=fire_storm.by_default,
        minutes=1.5,
        short={"seconds": 3},
        long={"seconds": 60},
    ),
    Entry(
        name="crowd",
        group=Group.LOAD,
        done="2,000 schedules are due in one and the same second, once, under two processes",
        judged="each started once, none early, the last within 20 s",
        scenario=crowd.scenario,
        minutes=1.5,
        short={"schedules": 300},
    ),
    Entry(
        name="crowd_with_jitter",
        group=Group.LOAD,
        done="the same with a jitter of 10 s",
        judged="each started once, none early; no second has more than 40 % of the starts",
        scenario=crowd.with_jitter,
        minutes=1.5,
        short={"schedules": 300, "jitter": 5},
    ),
    Entry(
        name="idle",
        group=Group.LOAD,
        done="nothing is due in this century, without hints, beside the same application without a scheduler",
        judged="at most 1 statement a second and 0.01 of a core for each process",
        scenario=idle.scenario,
        minutes=1.5,
        short={"seconds": 8, "most_cpu": 0.1, "most_statements": 1.5},
    ),
)
