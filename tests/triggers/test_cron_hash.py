"""`H`: values that are hashed from the schedule's id, the same everywhere and for ever."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourbell.errors import TriggerError
from hourbell.triggers import Cron, Trigger
from hourbell.triggers.cron_expression import read_expression
from hourbell.triggers.cron_hash import HashSource
from triggers.strategies import fixed
from triggers.work import calls_made_by

START = datetime(2026, 1, 1, tzinfo=UTC)
IDS = [f"schedule-{number}" for number in range(300)]


def minutes(text: str, schedule_id: str) -> tuple[int, ...]:
    return read_expression(f"{text} * * * *", HashSource(schedule_id)).minute.values()


def test_the_choices_are_these_for_ever() -> None:
    # A stored schedule must fire at the same times after every upgrade.
    chosen = Cron("H H H H H H").bound("daily-digest")
    assert chosen.explain() == "at 23:04:47 on the 15th of March or on Wednesday in March"
    spread = Cron("H/10 H(0-7) * * *").bound("daily-digest")
    assert spread.explain() == "at 07:04, 07:14, 07:24, 07:34, 07:44 and 07:54 every day"


@pytest.mark.parametrize(
    "text,low,high,count",
    [("H", 0, 59, 1), ("H(0-29)", 0, 29, 1), ("H(10-10)", 10, 10, 1), ("H/15", 0, 59, 4), ("H(0-29)/10", 0, 29, 3)],
)
def test_every_choice_is_in_its_range_and_they_spread(text: str, low: int, high: int, count: int) -> None:
    found = [minutes(text, schedule_id) for schedule_id in IDS]
    assert all(low <= value <= high for values in found for value in values)
    assert {len(values) for values in found} == {count}
    begins = {values[0] for values in found}
    # With three hundred ids every begin that there is comes up but perhaps one or two.
    possible = (high - low + 1) // count
    assert possible - 3 <= len(begins) <= possible


def test_a_step_keeps_its_rhythm() -> None:
    for schedule_id in IDS[:50]:
        values = minutes("H/20", schedule_id)
        assert [value - values[0] for value in values] == [0, 20, 40]


def test_a_day_of_the_month_is_one_that_every_month_has() -> None:
    days = {read_expression("0 0 H * *", HashSource(one)).day_of_month.values()[0] for one in IDS}
    assert days == set(range(1, 29))


def test_a_range_may_wrap_and_use_names() -> None:
    hours = {read_expression("0 H(22-4) * * *", HashSource(one)).hour.values()[0] for one in IDS}
    assert hours == {22, 23, 0, 1, 2, 3, 4}
    days = {read_expression("0 0 * * H(mon-fri)", HashSource(one)).day_of_week.values()[0] for one in IDS}
    assert days == {1, 2, 3, 4, 5}


def test_fields_are_hashed_each_for_itself() -> None:
    pairs = {
        (fields.minute.values()[0], fields.hour.values()[0])
        for one in IDS
        if (fields := read_expression("H(0-23) H * * *", HashSource(one)))
    }
    assert len(pairs) > 150


def test_an_unbound_trigger_says_that_it_cannot_tell() -> None:
    trigger = Cron("H H(0-7) * * mon-fri", "Europe/Berlin")
    assert trigger.explain() == (
        "at times that the id of the schedule decides (minute H, hour H(0-7)) on Monday to Friday, Europe/Berlin"
    )
    assert trigger.is_hashed
    for question in (
        lambda: trigger.next_after(START),
        lambda: trigger.prev_before(START),
        lambda: trigger.count_between(START, START),
        lambda: trigger.fires_between(START, START),
    ):
        with pytest.raises(TriggerError, match=r"hashed from the id of its schedule.*bound\('the-id'\)"):
            question()


def test_binding_is_kept_in_the_spec_and_is_no_part_of_what_was_declared() -> None:
    declared = Cron("H 9 * * *", "UTC")
    bound = declared.bound("digest")
    assert bound != declared
    assert bound.to_spec() == {**declared.to_spec(), "schedule_id": "digest"}
    assert bound.declared_spec() == declared.declared_spec() == declared.to_spec()
    read = Trigger.from_spec(json.loads(json.dumps(bound.to_spec())))
    assert read == bound
    assert hash(read) == hash(bound)
    assert read.next_after(START) == bound.next_after(START)
    assert bound.bound("digest") is bound
    assert bound.bound("other") == declared.bound("other")
    assert declared.localized("Europe/Berlin").bound("digest") == bound.localized("Europe/Berlin")
    unzoned = Cron("H 9 * * *").bound("digest").localized("Europe/Berlin")
    assert (unzoned.schedule_id, unzoned.timezone) == ("digest", "Europe/Berlin")


def test_what_hashes_nothing_is_not_bound() -> None:
    trigger = Cron("0 9 * * *")
    assert trigger.bound("digest") is trigger
    assert not trigger.is_hashed
    with pytest.raises(TriggerError, match="'schedule_id' has no meaning without an H"):
        Trigger.from_spec({**trigger.to_spec(), "schedule_id": "digest"})


@pytest.mark.parametrize("schedule_id", ["", "x" * 201, 5, b"x"])
def test_an_id_is_text(schedule_id: object) -> None:
    with pytest.raises(TriggerError, match="schedule_id must be text"):
        Cron("H * * * *").bound(schedule_id)  # type: ignore[arg-type]
    with pytest.raises(TriggerError):
        Trigger.from_spec({**Cron("H * * * *").to_spec(), "schedule_id": schedule_id})


@pytest.mark.parametrize(
    "expr", ["0 0 H(29-31) 2 *", "0 0 31 H *", "0 0 H(1-31) 2 +fri#5", "0 0 H(30-31) H(2-3) *", "0 0 1W * +H"]
)
def test_what_never_comes_is_not_chosen(expr: str) -> None:
    for schedule_id in IDS[:40]:
        assert Cron(expr).bound(schedule_id).next_after(START) is not None
        assert calls_made_by(lambda one=schedule_id: Cron(expr).bound(one + "!")) < 60_000


def test_what_could_only_choose_what_never_comes_is_refused_before_it_is_bound() -> None:
    with pytest.raises(TriggerError, match="never comes"):
        Cron("0 0 H(30-31) 2 *")


@fixed(200)
@given(
    st.text(max_size=200).filter(bool), st.sampled_from(("H * * * *", "H H * * *", "H/7 H(0-5) H * H", "H H H * * *"))
)
def test_any_id_binds(schedule_id: str, expr: str) -> None:
    bound = Cron(expr).bound(schedule_id)
    fire = bound.next_after(START)
    assert fire is not None
    assert bound.prev_before(fire) < fire  # type: ignore[operator]
    assert bound == Cron(expr).bound(schedule_id)
    assert bound.explain()
