"""The engine against the brute-force list: whole lists of fires, forwards, backwards and counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hourbell.triggers import Cron
from hourbell.triggers.wall_count import _count_many
from triggers.brute_force import list_fires
from triggers.comparing import SIX_HOURS, THREE_DAYS, agree, compare
from triggers.strategies import Case, cases

# Seeds, and how much of the whole is tried with each: a little among the fast tests.
BLOCKS = [(0, 1), *(pytest.param(block, 3, marks=pytest.mark.slow) for block in (1, 2, 3))]


@pytest.mark.parametrize("block, share", BLOCKS)
def test_three_days_by_the_minute(block: int, share: int) -> None:
    agree(cases(THREE_DAYS), seed=block, examples=100 * share)


@pytest.mark.parametrize("block, share", BLOCKS)
def test_six_hours_by_the_second(block: int, share: int) -> None:
    agree(cases(SIX_HOURS, with_seconds=True), seed=block, examples=25 * share)


@pytest.mark.parametrize("policy", [(None, None), ("skip", "second"), ("next_valid", "both")])
@pytest.mark.parametrize("expr", ["30 2 * * *", "0 * * * *", "*/7 0-3 * * *"])
@pytest.mark.parametrize(
    "zone,day",
    [
        ("Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC)),
        ("Pacific/Kwajalein", datetime(1993, 8, 21, tzinfo=UTC)),
        ("Antarctica/Casey", datetime(2010, 3, 4, tzinfo=UTC)),
        ("America/Havana", datetime(2026, 3, 8, tzinfo=UTC)),
        ("Africa/Monrovia", datetime(1972, 1, 7, tzinfo=UTC)),
    ],
)
def test_known_nights(zone: str, day: datetime, expr: str, policy: tuple[str | None, str | None]) -> None:
    compare(Case(expr, ZoneInfo(zone), day - timedelta(days=1), day + timedelta(days=2)), policy)


@pytest.mark.parametrize("policy", [(None, None), ("next_valid", "first"), ("next_valid", "second"), ("skip", "both")])
@pytest.mark.parametrize("expr", ["*/15 * * * *", "0,30 2 * * *", "10 2,3 * * *"])
@pytest.mark.parametrize(
    "zone,change",
    [("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)), ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC))],
)
def test_counts_of_windows_that_begin_or_end_around_a_change(
    zone: str, change: datetime, expr: str, policy: tuple[str | None, str | None]
) -> None:
    place = ZoneInfo(zone)
    trigger = Cron(expr, zone, *policy)
    borders = [change + timedelta(minutes=minutes) for minutes in (-70, -60, -40, 0, 20, 60, 80)]
    borders = sorted([*borders, *(border - timedelta(seconds=1) for border in borders)])
    for number, start in enumerate(borders):
        for end in borders[number + 1 :]:
            expected = list_fires(expr, place, *policy, start, end)
            assert trigger.count_between(start, end) == len(expected)
            assert _count_many(trigger._rule.pattern, place, trigger._rule.policy, start, end, 100) == len(expected)
