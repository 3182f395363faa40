"""Clocks that are wrong, that jump, and nights on which they are changed."""

from __future__ import annotations

from collections.abc import Sequence

from . import wrong_clocks
from .entry import POSTGRES, Entry, Group

ENTRIES: Sequence[Entry] = (
    Entry(
        name="skew",
        group=Group.TIME,
        done="three hosts whose clocks are two minutes apart, one killed and started again every 4 s",
        judged="no fire recorded before its time by the database's clock; takeover p99 within 5 s",
        scenario=wrong_clocks.skew,
        minutes=2,
        databases=POSTGRES,
        short={"seconds": 6, "schedules": 20, "slack": 5.0},
    ),
    Entry(
        name="clock_jumps",
        group=Group.TIME,
        done="the database's clock goes three hours forward, an hour back, and forward again",
        judged="no fire twice; none while the clock is behind; the gaps by their policies; firing again within 8 s",
        scenario=wrong_clocks.jumps,
        minutes=2,
        short={"rest": 5.0},
        long={"rest": 15.0},
    ),
    Entry(
        name="dst_nights",
        group=Group.TIME,
        done="processes live through both nights of a year on which Berlin changes its clocks",
        judged="what each of ten rules fires, to the second, as documented; each body started once",
        scenario=wrong_clocks.nights,
        minutes=2.5,
    ),
)
