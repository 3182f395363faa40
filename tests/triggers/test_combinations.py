"""Triggers made of others: their fires are those of their parts, filtered the slow way."""

from __future__ import annotations

import json
import time as stopwatch
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourbell import At, Calendar, CalendarEvery, Cron, Every, TriggerError, any_of
from hourbell.triggers import Trigger, choice
from triggers.brute_force import changes_of
from triggers.brute_force_calendar import first_of
from triggers.strategies import ODD_ZONES, fixed
from triggers.whole_lists import check_list, check_words, walk

START = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WEEKENDS = Calendar(weekdays=["sat", "sun"])
Keeps = Callable[[datetime], bool]


def said(trigger: Trigger, count: int, after: datetime = START) -> list[str]:
    found: list[str] = []
    instant: datetime | None = after
    while len(found) < count and instant is not None and (instant := trigger.next_after(instant)) is not None:
        found.append(instant.isoformat())
    return found


def test_any_of_fires_when_any_does_and_once_where_several_do() -> None:
    trigger = any_of(Cron("0 0,12 * * *"), Cron("0 12,18 * * *"), At("2030-01-01T15:00:00Z"))
    assert [fire[11:13] for fire in said(trigger, 5)] == ["12", "15", "18", "00", "12"]
    assert trigger.count_between(START, START + DAY) == 4


def test_each_fire_is_told_in_the_zone_of_its_part() -> None:
    trigger = any_of(Cron("0 9 * * *", "Asia/Tokyo"), Cron("0 9 * * *", "Europe/Berlin"))
    assert said(trigger, 2) == ["2030-01-01T09:00:00+01:00", "2030-01-02T09:00:00+09:00"]


def test_except_takes_fires_away() -> None:
    trigger = Cron("0 9 * * *").except_(Calendar(days=["2030-01-02"], weekdays=["sat", "sun"]))
    assert [fire[:10] for fire in said(trigger, 4)] == ["2030-01-01", "2030-01-03", "2030-01-04", "2030-01-07"]
    assert trigger.explain().endswith(", except on Saturday, Sunday and 2030-01-02")


def test_between_includes_both_ends_and_whole_days() -> None:
    trigger = Every(hours=12, start=START).between(date(2030, 1, 3), "2030-01-04", "UTC")
    assert [fire[:13] for fire in said(trigger, 9)] == [
        "2030-01-03T00", "2030-01-03T12", "2030-01-04T00", "2030-01-04T12",
    ]  # fmt: skip
    exact = Every(hours=12, start=START).between(START + DAY, "2030-01-02T12:00:00Z")
    assert said(exact, 9) == ["2030-01-02T00:00:00+00:00", "2030-01-02T12:00:00+00:00"]
    assert said(Every(hours=12, start=START).between(end="2030-01-01T12:00:00"), 9) == ["2030-01-01T12:00:00+00:00"]
    assert Every(hours=12, start=START).between(start="2030-01-02").prev_before(START + DAY) is None


def test_hours_of_each_day() -> None:
    trigger = Every(hours=3, start=START).within_hours("09:00", time(17), "Europe/Berlin")
    assert [fire[11:13] for fire in said(trigger, 4)] == ["09", "12", "15", "09"], "in UTC: 10, 13 and 16 in Berlin"
    nights = Every(hours=3, start=START).within_hours("22:00", "03:00")
    assert [fire[11:13] for fire in said(nights, 3)] == ["00", "00", "00"], "three o'clock is not before three"


def test_a_limit_counts_from_its_start_or_its_triggers() -> None:
    assert said(Cron("0 9 * * *").limit(2, start=START), 9) == [
        "2030-01-01T09:00:00+00:00", "2030-01-02T09:00:00+00:00",
    ]  # fmt: skip
    assert len(said(Every(hours=1, start=START + DAY).limit(3), 9)) == 3
    assert len(said(CalendarEvery(days=1, start_day="2030-02-01").limit(3), 9)) == 3
    assert len(said(Cron("0 9 * * *").between("2030-02-01").limit(3), 9)) == 3
    assert said(At("2030-01-05T00:00:00Z").limit(3), 9) == ["2030-01-05T00:00:00+00:00"]


def test_a_limit_without_any_start_counts_from_when_it_is_stored() -> None:
    trigger = Cron("0 9 * * *").limit(2)
    with pytest.raises(TriggerError, match="no start yet"):
        trigger.next_after(START)
    stored = trigger.anchored(START)
    assert len(said(stored, 9)) == 2
    assert stored.declared_spec() == trigger.to_spec()
    assert Trigger.from_spec(stored.to_spec()) == stored
    assert stored.anchored(START + DAY) == stored
    assert len(said(Every(hours=1).limit(2).anchored(START), 9)) == 2


def test_the_order_of_filters_counts_where_it_must() -> None:
    holidays = Calendar(days=["2030-01-01", "2030-01-02"])
    daily = Every(days=1, start=START)
    assert [fire[:10] for fire in said(daily.except_(holidays).limit(2), 9, START - DAY)] == [
        "2030-01-03",
        "2030-01-04",
    ]
    assert [fire[:10] for fire in said(daily.limit(3).except_(holidays), 9, START - DAY)] == ["2030-01-03"]


def test_parts_take_the_schedulers_zone_their_anchor_and_their_hash() -> None:
    trigger = (
        any_of(Cron("0 9 * * *"), Every(hours=1)).except_(WEEKENDS).between("2030-01-01").within_hours("9:00", "17:00")
    )
    settled = trigger.localized("Asia/Tokyo").anchored(START)
    assert settled.to_spec()["timezone"] == "Asia/Tokyo"
    text = json.dumps(settled.to_spec())
    assert text.count("Asia/Tokyo") == 4
    assert '"anchor": "2030-01-01T00:00:00Z"' in text
    assert settled.localized("UTC") == settled
    assert settled.declared_spec() == trigger.localized("Asia/Tokyo").to_spec()
    assert Cron("H 9 * * *").except_(WEEKENDS).bound("a") == Cron("H 9 * * *").bound("a").except_(WEEKENDS)


NEVER = [
    lambda: Cron("0 9 * * sat").except_(WEEKENDS),
    lambda: At("2030-01-05T12:00:00Z").except_(WEEKENDS),
    lambda: Cron("0 9 * * *").within_hours("10:00", "17:00"),
    lambda: Cron("0 9 29 2 *").between("2030-01-01", "2031-12-31"),
    lambda: Every(hours=1, start=START).between("2029-01-01", "2029-12-31"),
    lambda: Every(hours=1, start=START, end=START + DAY).limit(5, start=START + 2 * DAY),
    lambda: any_of(Cron("0 9 * * sat"), Cron("0 9 * * sun")).except_(WEEKENDS),
    lambda: Cron("* * * * *").except_(Calendar(weekdays=["mon", "tue", "wed", "thu", "fri"])).except_(WEEKENDS),
    lambda: Every(weeks=1, start="2030-01-05T00:00:00Z").except_(WEEKENDS),
]  # fmt: skip


@pytest.mark.parametrize("make", NEVER)
def test_what_can_never_fire_is_refused_soon(make: Callable[[], Trigger]) -> None:
    began = stopwatch.process_time()
    with pytest.raises(TriggerError, match="never fire"):
        make()
    assert stopwatch.process_time() - began < 1, "it is measured elsewhere; here it must only not walk for ever"


@pytest.mark.parametrize(
    "make, words",
    [
        (any_of, "at least one"),
        (lambda: any_of(5), "made of triggers, not int"),  # type: ignore[arg-type]
        (lambda: any_of(*[Every(hours=hour + 1) for hour in range(33)]), "at most 32 triggers"),
        (lambda: Every(hours=1).except_("2030-01-01"), "except_ takes a Calendar"),  # type: ignore[arg-type]
        (lambda: Every(hours=1).between(), "needs a start, an end, or both"),
        (lambda: Every(hours=1).between("2030-01-02", "2030-01-01"), "ends before it begins"),
        (lambda: Every(hours=1).within_hours("9", "10:00"), "opens: '9' is not a time of day"),
        (lambda: Every(hours=1).within_hours("9:00", "09:00"), "nothing is left of the day"),
        (lambda: Every(hours=1).limit(0), "a whole number from 1 to 1000"),
        (lambda: Every(hours=1).limit(1001), "a whole number from 1 to 1000"),
        (lambda: Every(hours=1).limit(True), "a whole number from 1 to 1000"),
    ],
)
def test_refusals(make: Callable[[], Trigger], words: str) -> None:
    with pytest.raises(TriggerError, match=words):
        make()


T0 = "2030-01-01T00:00:00Z"
EVERY = {"kind": "every", "seconds": 60, "start": T0}


@pytest.mark.parametrize(
    "spec, words",
    [
        ({"kind": "any_of", "triggers": EVERY}, "'triggers' must be a list"),
        ({"kind": "any_of", "triggers": [EVERY, 5]}, "must be an object"),
        ({"kind": "any_of", "triggers": [EVERY] * 33}, "at most 32"),
        ({"kind": "except", "trigger": EVERY}, "'calendar' is missing"),
        ({"kind": "except", "trigger": EVERY, "calendar": {"moon": 1}}, "unknown field 'moon'"),
        ({"kind": "between", "trigger": EVERY, "start": 5}, "'start' must be text"),
        ({"kind": "between", "trigger": EVERY, "ends": "2030-01-01"}, "unknown field 'ends'"),
        ({"kind": "within_hours", "trigger": EVERY, "opens": "9:00", "closes": 5}, "'closes' must be text"),
        ({"kind": "limit", "trigger": EVERY, "count": "5"}, "a whole number"),
        ({"kind": "limit", "trigger": EVERY, "count": 5, "start": T0, "anchor": T0}, "'anchor' has no meaning"),
        ({"kind": "limit", "trigger": None, "count": 5}, "must be an object"),
    ],
)  # fmt: skip
def test_refused_specs(spec: Any, words: str) -> None:
    with pytest.raises(TriggerError, match=words):
        Trigger.from_spec(spec)


def test_specs_within_specs_without_end_are_refused() -> None:
    spec: dict[str, Any] = EVERY
    for _ in range(100_000):
        spec = {"kind": "limit", "trigger": spec, "count": 5}
    with pytest.raises(TriggerError, match="within each other"):
        Trigger.from_spec(spec)
    wide: dict[str, Any] = EVERY
    for _ in range(10):
        wide = {"kind": "any_of", "triggers": [wide] * 32}
    with pytest.raises(TriggerError, match="at most 16 within each other, 32 in all"):
        Trigger.from_spec(wide)


def test_filters_of_filters_pass_over_their_windows_together() -> None:
    """Ten filters that block nearly everything: their windows are one list, not ten walks within each other."""
    asked = Counted(Every(hours=1, start=START))
    trigger: Trigger = asked
    for hour in range(8, 18):
        trigger = trigger.within_hours("04:00", f"{hour:02}:00").except_(WEEKENDS)
    asked.times[0] = 0
    trigger.next_after(START)
    assert asked.times[0] < 10


class Counted(Every):
    """An `Every` that counts how often it is asked."""

    __slots__ = ("times",)

    def __init__(self, inner: Every) -> None:
        self._fill(inner.period, inner.start, inner.end, inner.anchor)
        object.__setattr__(self, "times", [0])

    def next_after(self, instant: datetime) -> datetime | None:
        self.times[0] += 1
        return super().next_after(instant)


@st.composite
def simple(draw: st.DrawFn, zone: str, middle: datetime) -> Trigger:
    minute = st.sampled_from((0, 15, 30, 45))
    made: Trigger
    form = draw(st.integers(0, 4))
    if form == 0:
        made = Every(
            minutes=draw(st.sampled_from((37, 60, 95, 720))), start=middle - timedelta(days=3, minutes=draw(minute))
        )
    elif form == 1:
        made = Cron(f"{draw(minute)} {draw(st.sampled_from(('*', '*/3', '0-3', '2', '0,23')))} * * *", zone)
    elif form == 2:
        made = Cron(f"*/30 {draw(st.integers(0, 23))} * * *", zone)
    elif form == 3:
        first = middle.astimezone(ZoneInfo(zone)).date() - 3 * DAY
        made = CalendarEvery(days=1, time=time(draw(st.integers(0, 3)), draw(minute)), start_day=first, timezone=zone)
    else:
        made = At(middle + draw(st.integers(-20, 20)) * HOUR, zone)
    return made


@st.composite
def combinations(draw: st.DrawFn) -> tuple[Trigger, list[datetime], datetime, datetime, datetime]:
    """A combination near a change of the clock, with the list of its fires as filtering lists gives it."""
    zone = draw(st.sampled_from(ODD_ZONES))
    changes = changes_of(ZoneInfo(zone))
    middle = draw(st.sampled_from(changes)) if changes else START
    start, end = middle - 3 * DAY, middle + 3 * DAY
    place = ZoneInfo(zone)

    def build(depth: int) -> tuple[Trigger, list[datetime]]:
        if depth == 0 or draw(st.integers(0, 3)) == 0:
            leaf = draw(simple(zone, middle))
            return leaf, walk(leaf, start - 30 * DAY, end)
        form = draw(st.integers(0, 4))
        if form == 0:
            parts = [build(depth - 1) for _ in range(draw(st.integers(1, 3)))]
            return any_of(*(part for part, _ in parts)), sorted({fire for _, fires in parts for fire in fires})
        inner, fires = build(depth - 1)
        if form == 1:
            local = middle.astimezone(place).date()
            days = [local + shift * DAY for shift in draw(st.lists(st.integers(-2, 2), max_size=2))]
            calendar = Calendar(
                days=days, weekdays=draw(st.sets(st.sampled_from(("mon", "sat", "sun")))), timezone=zone
            )
            return inner.except_(calendar), [fire for fire in fires if not calendar.covers(fire)]
        if form == 2:
            low, high = middle + draw(st.integers(-40, 0)) * HOUR, middle + draw(st.integers(0, 40)) * HOUR
            return inner.between(low, high), [fire for fire in fires if low <= fire <= high]
        if form == 3:
            opens, closes = draw(
                st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda pair: pair[0] != pair[1])
            )
            kept = [fire for fire in fires if is_open(fire, opens, closes, place)]
            return inner.within_hours(time(opens), time(closes), zone), kept
        count = draw(st.integers(1, 50))
        begin = start + draw(st.integers(0, 30)) * HOUR
        return inner.limit(count, begin), [fire for fire in fires if begin <= fire][:count]

    trigger, fires = build(3)
    return trigger, [fire for fire in fires if start < fire <= end], start, end, middle


def is_open(fire: datetime, opens: int, closes: int, zone: ZoneInfo) -> bool:
    """What happened last: it opens and closes each day when the clock first shows these hours, or passes them over."""
    local = fire.astimezone(zone).date()
    days = [local + shift * DAY for shift in range(-3, 3)]
    events = sorted(
        (first_of(zone, datetime.combine(day, time(hour))), day, hour) for day in days for hour in (opens, closes)
    )
    return [hour for instant, _, hour in events if instant <= fire][-1] == opens


@pytest.mark.slow
@fixed(150)
@given(st.data())
def test_fires_are_those_of_filtered_lists(data: st.DataObject) -> None:
    try:
        trigger, expected, start, end, middle = data.draw(combinations())
    except TriggerError as error:
        if "never fire" not in str(error):
            raise
        return
    check_words(trigger)
    check_list(trigger, expected, start, end, near=[middle])


def test_a_long_list_is_refused_before_its_parts_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> Trigger:
        raise AssertionError("so much may be sent that reading it holds everything up")

    monkeypatch.setattr(choice, "read_part", read)
    with pytest.raises(TriggerError, match="at most 32 triggers, not 1000"):
        Trigger.from_spec({"kind": "any_of", "triggers": [{"kind": "cron", "expr": "0 0 29 2 mon"}] * 1000})
