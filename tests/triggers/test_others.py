"""Side by side with cronsim and croniter. Each disagreement is theirs, and stands here with its reason.

Where no clock changes, all mean the same over the language that they share. Around changes of the clock each goes its
own ways; what cron(8) says is decided by the list of every local time, and that is what Hourbell says too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from cronsim import CronSim
from hypothesis import assume, given
from hypothesis import strategies as st

from hourbell.triggers import Cron
from triggers.brute_force import WEEKDAYS, list_fires
from triggers.strategies import fixed, is_possible

FIRES = 6
HORIZON = timedelta(days=3_000)


def ours(expr: str, zone: str, start: datetime, count: int) -> list[datetime]:
    fires = Cron(expr, zone).fires_between(start, start + HORIZON, count)
    return [fire.astimezone(UTC) for fire in fires]


def by_cronsim(expr: str, zone: str, start: datetime, count: int) -> list[datetime]:
    walk = CronSim(expr, start.astimezone(ZoneInfo(zone)))
    return [next(walk).astimezone(UTC) for _ in range(count)]


def by_croniter(expr: str, zone: str, start: datetime, count: int) -> list[datetime]:
    # Without this option it asks for either day field also where one begins with */.
    walk = croniter(expr, start.astimezone(ZoneInfo(zone)), implement_cron_bug=True)
    return [walk.get_next(datetime).astimezone(UTC) for _ in range(count)]


@st.composite
def plain(draw: st.DrawFn, low: int, high: int) -> str:
    """What all three understand alike, with ranges that ascend."""
    one, other = sorted(draw(st.lists(st.integers(low, high), min_size=2, max_size=2, unique=True)))
    step = draw(st.integers(1, max(2, (high - low) // 2)))
    return draw(
        st.sampled_from(
            ("*", f"*/{step}", str(one), str(one), f"{one}-{other}", f"{one}-{other}/{step}", f"{one},{other}")
        )
    )


times = st.tuples(plain(0, 59), plain(0, 23)).map(" ".join)
expressions = st.tuples(times, plain(1, 28) | st.sampled_from("*L"), plain(1, 12), plain(0, 6) | st.just("*")).map(
    " ".join
)
weekday_rules = st.one_of(
    st.tuples(st.sampled_from(WEEKDAYS), st.integers(1, 5)).map("{0[0]}#{0[1]}".format),
    st.integers(0, 6).map("{}L".format),
)
with_rules = st.tuples(times, st.sampled_from(("L", "LW", "*", "13", "1,L")), plain(1, 12), weekday_rules).map(" ".join)
instants = st.integers(0, 20_000).map(lambda day: datetime(1975, 1, 1, 13, 7, tzinfo=UTC) + timedelta(days=day))


@fixed(500)
@given(expressions, instants)
def test_without_changes_of_the_clock_all_agree(expr: str, start: datetime) -> None:
    assume(is_possible(expr))
    mine = ours(expr, "UTC", start, FIRES)
    assert by_cronsim(expr, "UTC", start, len(mine)) == mine
    assert by_croniter(expr, "UTC", start, len(mine)) == mine


@fixed(300)
@given(with_rules, instants)
def test_days_that_depend_on_the_month(expr: str, start: datetime) -> None:
    assume(is_possible(expr))
    mine = ours(expr, "UTC", start, FIRES)
    assert by_cronsim(expr, "UTC", start, len(mine)) == mine


NIGHTS = (
    ("Europe/Berlin", datetime(2026, 3, 28, 16, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 24, 16, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 7, 20, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 31, 20, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 7, 20, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2026, 3, 28, 16, tzinfo=UTC)),
)


@fixed(300)
@given(
    st.sampled_from(NIGHTS),
    st.tuples(plain(0, 59), st.sampled_from(("0", "1", "2", "1,2", "2-3", "*", "*/2", "3"))).map(" ".join),
    st.integers(0, 240),
)
def test_cronsim_agrees_over_changes_of_whole_hours(night: tuple[str, datetime], time: str, minutes: int) -> None:
    """Asked from the evening before; asked from inside a repeated hour, see below."""
    zone, evening = night
    start = evening + timedelta(minutes=minutes)
    assert by_cronsim(f"{time} * * *", zone, start, 8) == ours(f"{time} * * *", zone, start, 8)


class Theirs(NamedTuple):
    """Where another answers otherwise: its first fire that differs, and ours, in local time."""

    who: str
    expr: str
    zone: str
    start: str
    theirs: str
    right: str
    reason: str


DISAGREEMENTS = (
    Theirs(
        "cronsim",
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-25T01:15Z",
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
        "asked in the second pass of the repeated hour it answers a time in the first, 45 minutes ago",
    ),
    Theirs(
        "cronsim",
        "45 2 * * *",
        "Europe/Berlin",
        "2026-10-25T01:40Z",
        "2026-10-25T02:45+02:00",
        "2026-10-26T02:45+01:00",
        "the same, nearly an hour ago",
    ),
    Theirs(
        "cronsim",
        "* 2 * * *",
        "Australia/Lord_Howe",
        "2026-04-04T10:00Z",
        "2026-04-05T02:30+10:30",
        "2026-04-05T02:00+10:30",
        "after half an hour that is repeated it passes over the next half hour",
    ),
    Theirs(
        "cronsim",
        "* 3 * * *",
        "Australia/Lord_Howe",
        "2026-10-03T14:00Z",
        "2026-10-04T03:30+11:00",
        "2026-10-04T03:00+11:00",
        "after half an hour that is skipped it passes over another",
    ),
    Theirs(
        "cronsim",
        "0 9 30,31 12 *",
        "Pacific/Apia",
        "2011-12-29T20:00Z",
        "2011-12-31T00:00+14:00",
        "2011-12-31T09:00+14:00",
        "it treats a whole skipped day as daylight saving, and makes up for it",
    ),
    Theirs(
        "croniter",
        "* 2 * * *",
        "Europe/Berlin",
        "2026-03-28T20:00Z",
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:00+02:00",
        "it makes up for what follows the wall clock",
    ),
    Theirs(
        "croniter",
        "*/19 2 * * *",
        "Australia/Lord_Howe",
        "2026-10-03T10:00Z",
        "2026-10-04T02:30+11:00",
        "2026-10-04T02:38+11:00",
        "the same",
    ),
    Theirs(
        "croniter",
        "0 9 30,31 12 *",
        "Pacific/Apia",
        "2011-12-29T20:00Z",
        "2011-12-31T00:00+14:00",
        "2011-12-31T09:00+14:00",
        "it treats a whole skipped day as daylight saving, and makes up for it",
    ),
    Theirs(
        "croniter",
        "0 0 1,L * mon#1",
        "UTC",
        "2026-01-20T00:00Z",
        "2026-02-02T00:00+00:00",
        "2026-01-31T00:00+00:00",
        "with # it forgets the day of the month",
    ),
)


@pytest.mark.parametrize("row", DISAGREEMENTS, ids=lambda row: f"{row.who} {row.expr} {row.zone}")
def test_where_they_differ_the_list_of_local_times_is_with_us(row: Theirs) -> None:
    start = datetime.fromisoformat(row.start)
    other = by_cronsim if row.who == "cronsim" else by_croniter
    (theirs,) = other(row.expr, row.zone, start, 1)
    (mine,) = ours(row.expr, row.zone, start, 1)
    listed = list_fires(row.expr, ZoneInfo(row.zone), None, None, start, start + timedelta(days=20))
    right, shown = datetime.fromisoformat(row.right), datetime.fromisoformat(row.theirs)
    assert (theirs, mine, listed[0]) == (shown, right, right)
    assert shown != right


def test_croniter_runs_a_given_time_twice() -> None:
    start = datetime(2026, 10, 24, 20, tzinfo=UTC)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert by_croniter("30 2 * * *", "Europe/Berlin", start, 2) == [first, first + timedelta(hours=1)]
    assert ours("30 2 * * *", "Europe/Berlin", start, 2) == [first, first + timedelta(hours=25)]


def test_croniter_by_default_asks_for_either_day_where_cron_asks_for_both() -> None:
    start = datetime(2026, 5, 1, tzinfo=UTC)
    by_default = croniter("0 0 6 * */3", start).get_next(datetime)
    assert by_default == datetime(2026, 5, 2, tzinfo=UTC)
    assert ours("0 0 6 * */3", "UTC", start, 1) == [datetime(2026, 5, 6, tzinfo=UTC)]
    assert list_fires("0 0 6 * */3", ZoneInfo("UTC"), None, None, start, start + timedelta(days=9))[0].day == 6
