"""Skipped and repeated hours: tables of what fires when, one row per rule, in zones with every sort of change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from hourbell.triggers import Cron


class Night(NamedTuple):
    """A stretch of time in a zone; each row is an expression, its policies if any, and its fires in local time."""

    zone: str
    start: str
    end: str
    rows: tuple[tuple[str, str, str], ...]


NIGHTS = (
    # 29 March 2026, 02:00 becomes 03:00.
    Night(
        "Europe/Berlin",
        "2026-03-28T12:00",
        "2026-03-30T12:00",
        (
            # A given time that is skipped runs at the end of the gap; several of one expression run once.
            ("30 2 * * *", "", "29T03:00+02:00 30T02:30+02:00"),
            ("0,40 2 * * *", "", "29T03:00+02:00 30T02:00+02:00 30T02:40+02:00"),
            ("0 2,3 * * *", "", "29T03:00+02:00 30T02:00+02:00 30T03:00+02:00"),
            ("* 30 2 * * sun", "", "29T03:00+02:00"),
            # A minute or an hour that begins with * follows the clock. How it begins decides, not what it means.
            ("*/30 2 * * *", "", "30T02:00+02:00 30T02:30+02:00"),
            ("30 */2 29 * *", "", ("29T00:30+01:00 29T04:30+02:00 29T06:30+02:00 29T08:30+02:00 29T10:30+02:00 "
             "29T12:30+02:00 29T14:30+02:00 29T16:30+02:00 29T18:30+02:00 29T20:30+02:00 29T22:30+02:00")),
            ("0-59/30 2 * * *", "", "29T03:00+02:00 30T02:00+02:00 30T02:30+02:00"),
            # What is chosen holds for every expression.
            ("30 2 * * *", "gap=skip", "30T02:30+02:00"),
            ("*/30 2 * * *", "gap=next_valid", "29T03:00+02:00 30T02:00+02:00 30T02:30+02:00"),
            ("30 2 * * *", "fold=second", "29T03:00+02:00 30T02:30+02:00"),
            # The neighbours of the gap are ordinary, and only a date that matches counts (the 29th is a Sunday).
            ("59 1 * * *", "", "29T01:59+01:00 30T01:59+02:00"),
            ("0 3 * * *", "", "29T03:00+02:00 30T03:00+02:00"),
            ("0 0 * * *", "", "29T00:00+01:00 30T00:00+02:00"),
            ("30 2 * * mon-sat", "", "30T02:30+02:00"),
            ("30 2 29 3 *", "", "29T03:00+02:00"),
        ),
    ),
    Night("Europe/Berlin", "2026-03-29T00:00", "2026-03-29T02:00", (
        ("30 * * * *", "", "29T01:30+01:00 29T03:30+02:00"),
        ("*/20 59 1 * * *", "", "29T01:59+01:00 29T01:59:20+01:00 29T01:59:40+01:00"),
    )),
    # 25 October 2026, 03:00 becomes 02:00.
    Night(
        "Europe/Berlin",
        "2026-10-24T12:00",
        "2026-10-25T12:00",
        (
            ("30 2 * * *", "", "25T02:30+02:00"),
            ("30 2 * * *", "fold=second", "25T02:30+01:00"),
            ("30 2 * * *", "fold=both", "25T02:30+02:00 25T02:30+01:00"),
            ("*/30 2 * * *", "", "25T02:00+02:00 25T02:30+02:00 25T02:00+01:00 25T02:30+01:00"),
            ("*/30 2 * * *", "fold=first", "25T02:00+02:00 25T02:30+02:00"),
            ("*/30 2 * * *", "fold=second", "25T02:00+01:00 25T02:30+01:00"),
            ("*/30 2 * * *", "gap=skip", "25T02:00+02:00 25T02:30+02:00 25T02:00+01:00 25T02:30+01:00"),
            ("0 2 * * *", "", "25T02:00+02:00"),
            ("0 3 * * *", "", "25T03:00+01:00"),
            ("59 1,2 * * *", "", "25T01:59+02:00 25T02:59+02:00"),
        ),
    ),
    Night("Europe/Berlin", "2026-10-24T23:00", "2026-10-25T03:00", (
        ("30 * * * *", "", "25T01:30+02:00 25T02:30+02:00 25T02:30+01:00 25T03:30+01:00"),
        ("30 * * * *", "fold=first", "25T01:30+02:00 25T02:30+02:00 25T03:30+01:00"),
        ("30 * * * *", "fold=second", "25T01:30+02:00 25T02:30+01:00 25T03:30+01:00"),
    )),
    # Asked from inside the first pass, and to the last second of either.
    Night("Europe/Berlin", "2026-10-25T00:10", "2026-10-25T03:00", (
        ("0,30 2 * * *", "", "25T02:30+02:00"),
        ("0,30 2 * * *", "fold=second", "25T02:00+01:00 25T02:30+01:00"),
        ("0,30 2 * * *", "fold=both", "25T02:30+02:00 25T02:00+01:00 25T02:30+01:00"),
        ("59 59 2 * * *", "", "25T02:59:59+02:00"),
        ("59 59 2 * * *", "fold=both", "25T02:59:59+02:00 25T02:59:59+01:00"),
        ("59 59 2 * * *", "fold=second", "25T02:59:59+01:00"),
    )),
    # Asked from inside the second pass: what ran in the first does not come again.
    Night("Europe/Berlin", "2026-10-25T00:45", "2026-10-26T00:30", (
        ("0,30 2 * * *", "", ""),
        ("0,30 2 * * *", "fold=second", "25T02:00+01:00 25T02:30+01:00"),
    )),
    Night("America/New_York", "2026-03-07T12:00", "2026-03-09T12:00", (
        ("30 2 * * *", "", "08T03:00-04:00 09T02:30-04:00"),
    )),
    Night("America/New_York", "2026-10-31T12:00", "2026-11-02T12:00", (
        ("30 1 * * *", "", "01T01:30-04:00 02T01:30-05:00"),
        ("*/30 1 1 * *", "", "01T01:00-04:00 01T01:30-04:00 01T01:00-05:00 01T01:30-05:00"),
    )),
    # Half an hour: 4 October 2026, 02:00 becomes 02:30; 5 April 2026, 02:00 becomes 01:30.
    Night("Australia/Lord_Howe", "2026-10-03T14:00", "2026-10-03T17:00", (
        ("15 2 * * *", "", "04T02:30+11:00"),
        ("15,45 2 * * *", "", "04T02:30+11:00 04T02:45+11:00"),
        ("45 2 * * *", "", "04T02:45+11:00"),
        ("15 * * * *", "", "04T01:15+10:30 04T03:15+11:00"),
    )),
    Night("Australia/Lord_Howe", "2026-04-04T12:00", "2026-04-04T18:00", (
        ("45 1 * * *", "", "05T01:45+11:00"),
        ("45 1 * * *", "fold=second", "05T01:45+10:30"),
        ("15 1 * * *", "fold=second", "05T01:15+11:00"),
        ("*/15 1 * * *", "", ("05T01:00+11:00 05T01:15+11:00 05T01:30+11:00 05T01:45+11:00 "
         "05T01:30+10:30 05T01:45+10:30")),
    )),
    # Two hours: 01:00 becomes 03:00 and 03:00 becomes 01:00.
    Night("Antarctica/Troll", "2026-03-28T12:00", "2026-03-29T12:00", (
        ("30 1,2 * * *", "", "29T03:00+02:00"),
    )),
    Night("Antarctica/Troll", "2026-10-24T12:00", "2026-10-25T12:00", (
        ("30 1,2 * * *", "", "25T01:30+02:00 25T02:30+02:00"),
        ("30 1,2 * * *", "fold=second", "25T01:30+00:00 25T02:30+00:00"),
    )),
    # At midnight: Havana, 8 March 2026 00:00 becomes 01:00, 1 November 2026 01:00 becomes 00:00.
    Night("America/Havana", "2026-03-07T12:00", "2026-03-09T12:00", (
        ("0 0 * * *", "", "08T01:00-04:00 09T00:00-04:00"),
        ("0 0 * * *", "gap=skip", "09T00:00-04:00"),
    )),
    Night("America/Havana", "2026-10-31T12:00", "2026-11-02T12:00", (
        ("30 0 * * *", "", "01T00:30-04:00 02T00:30-05:00"),
        ("0 0 1 * *", "fold=both", "01T00:00-04:00 01T00:00-05:00"),
    )),
    # Asuncion, 4 October 2020: Sunday begins at 01:00. What is due on Sunday runs then, and nothing else.
    Night("America/Asuncion", "2020-10-03T12:00", "2020-10-05T12:00", (
        ("0 0 * * sun", "", "04T01:00-03:00"),
        ("0 0 * * mon", "", "05T00:00-03:00"),
        ("30 23 * * sat", "", "03T23:30-04:00"),
    )),
    # Sao Paulo, 18 February 2018: the last hour of Saturday comes twice.
    Night("America/Sao_Paulo", "2018-02-17T12:00", "2018-02-18T12:00", (
        ("30 23 * * *", "", "17T23:30-02:00"),
        ("30 23 * * *", "fold=second", "17T23:30-03:00"),
        ("0 0 * * *", "", "18T00:00-03:00"),
    )),
    # Apia has no 30 December 2011. More than three hours are no daylight saving, so nothing is moved, not even by
    # a policy that was chosen.
    Night("Pacific/Apia", "2011-12-29T12:00", "2012-01-01T12:00", (
        ("0 9 * * *", "", "29T09:00-10:00 31T09:00+14:00 01T09:00+14:00"),
        ("0 9 30 12 *", "", ""),
        ("0 9 30 12 *", "gap=next_valid", ""),
    )),
    Night("Pacific/Apia", "2011-12-30T08:30", "2011-12-30T11:30", (
        ("0 * * * *", "", "29T23:00-10:00 31T00:00+14:00 31T01:00+14:00"),
    )),
    # Kwajalein went back by 23 hours in 1969: the clock is followed.
    Night("Pacific/Kwajalein", "1969-09-29T12:00", "1969-10-02T00:00", (
        ("0 9 * * *", "", "30T09:00+11:00 30T09:00-12:00 01T09:00-12:00"),
        ("0 9 * * *", "fold=first", "30T09:00+11:00 30T09:00-12:00 01T09:00-12:00"),
    )),
    # Exactly three hours are treated as daylight saving: Casey, 18 October 2009, 02:00 becomes 05:00.
    Night("Antarctica/Casey", "2009-10-17T12:00", "2009-10-18T00:00", (
        ("0 3 * * *", "", "18T05:00+11:00"),
        ("0 3 * * *", "gap=skip", ""),
    )),
    # A new offset without daylight saving: Pyongyang, 4 May 2018, 23:30 becomes midnight.
    Night("Asia/Pyongyang", "2018-05-04T00:00", "2018-05-05T00:00", (
        ("45 23 * * *", "", "05T00:00+09:00"),
    )),
    # Without a zone nothing is skipped or repeated.
    Night("UTC", "2026-03-28T12:00", "2026-03-30T00:00", (
        ("30 2 * * *", "", "29T02:30+00:00"),
    )),
)  # fmt: skip

ROWS = [(night, *row) for night in NIGHTS for row in night.rows]


@pytest.mark.parametrize("night,expr,policy,expected", ROWS)
def test_table(night: Night, expr: str, policy: str, expected: str) -> None:
    trigger = Cron(expr, night.zone, **dict([policy.split("=")] if policy else []))
    start, end = utc(night.start), utc(night.end)
    forwards, backwards = [], []
    at = start
    while (fire := trigger.next_after(at)) is not None and fire.astimezone(UTC) <= end:
        forwards.append(short(fire))
        at = fire.astimezone(UTC)
    at = end + timedelta(microseconds=1)
    while (fire := trigger.prev_before(at)) is not None and fire.astimezone(UTC) > start:
        backwards.append(short(fire))
        at = fire.astimezone(UTC)
    assert forwards == expected.split()
    assert backwards[::-1] == forwards
    assert trigger.count_between(start, end) == len(forwards)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def short(fire: datetime) -> str:
    """Day, clock time and offset."""
    return fire.strftime("%dT%H:%M:%S" if fire.second else "%dT%H:%M") + fire.isoformat()[19:]
