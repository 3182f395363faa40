"""Specs: the JSON form of every trigger, both ways, and what is refused."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourbell.errors import TriggerError
from hourbell.triggers import At, CalendarEvery, Cron, Every, RRule, Trigger
from triggers.strategies import fixed

TRIGGERS = [
    (
        Cron("0 9 * * mon-fri", timezone="Europe/Berlin"),
        {"kind": "cron", "expr": "0 9 * * mon-fri", "timezone": "Europe/Berlin", "gap": None, "fold": None},
    ),
    (
        Cron("@daily", gap="skip", fold="second"),
        {"kind": "cron", "expr": "@daily", "timezone": None, "gap": "skip", "fold": "second"},
    ),
    (Every(minutes=10), {"kind": "every", "seconds": 600.0, "start": None, "end": None}),
    (
        Every(seconds=0.25, start="2026-01-01T00:00:00.5Z", end="2027-01-01T00:00:00+01:00"),
        {"kind": "every", "seconds": 0.25, "start": "2026-01-01T00:00:00.500000Z", "end": "2026-12-31T23:00:00Z"},
    ),
    (
        Every(hours=1).anchored(At("2026-01-01T00:00:00.9Z").instant),
        {"kind": "every", "seconds": 3600.0, "start": None, "end": None, "anchor": "2026-01-01T00:00:00Z"},
    ),
    (
        CalendarEvery(months=1, time="09:30", start_day="2026-01-31", timezone="Asia/Tokyo", gap="skip"),
        {
            "kind": "calendar",
            "months": 1,
            "days": 0,
            "time": "09:30",
            "start_day": "2026-01-31",
            "end_day": None,
            "timezone": "Asia/Tokyo",
            "gap": "skip",
            "fold": None,
        },
    ),
    (
        RRule("FREQ=MONTHLY;BYDAY=-1FR", start="2026-01-01T09:00:00", timezone="Asia/Tokyo", fold="second"),
        {
            "kind": "rrule",
            "rule": "FREQ=MONTHLY;BYDAY=-1FR",
            "start": "2026-01-01T09:00:00",
            "timezone": "Asia/Tokyo",
            "gap": None,
            "fold": "second",
        },
    ),
    (At("2026-01-01T00:00:00Z"), {"kind": "at", "instant": "2026-01-01T00:00:00Z", "timezone": None}),
    (
        At("2026-01-01T00:00:00", "Asia/Tokyo"),
        {"kind": "at", "instant": "2025-12-31T15:00:00Z", "timezone": "Asia/Tokyo"},
    ),
]


@pytest.mark.parametrize("trigger,spec", TRIGGERS, ids=lambda value: repr(value)[:40])
def test_there_and_back(trigger: Trigger, spec: dict[str, Any]) -> None:
    assert trigger.to_spec() == spec
    read = Trigger.from_spec(json.loads(json.dumps(spec)))
    assert read == trigger
    assert hash(read) == hash(trigger)
    assert read.to_spec() == spec
    assert {trigger: 1}[read] == 1


@pytest.mark.parametrize("trigger,spec", TRIGGERS, ids=lambda value: repr(value)[:40])
def test_a_trigger_can_be_copied_and_sent_to_a_process(trigger: Trigger, spec: dict[str, Any]) -> None:
    assert pickle.loads(pickle.dumps(trigger)) == trigger
    assert copy.deepcopy(trigger) == trigger
    assert copy.copy(trigger).to_spec() == spec


@pytest.mark.parametrize("trigger,spec", TRIGGERS, ids=lambda value: repr(value)[:40])
def test_a_trigger_cannot_be_changed(trigger: Trigger, spec: dict[str, Any]) -> None:
    for name in ("expr", "period", "written", "timezone", "anything"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(trigger, name, None)


def test_what_may_be_left_out() -> None:
    assert Trigger.from_spec({"kind": "cron", "expr": "0 9 * * *"}) == Cron("0 9 * * *")
    assert Trigger.from_spec({"kind": "every", "seconds": 5}) == Every(seconds=5)
    assert Trigger.from_spec({"kind": "at", "instant": "2026-01-01T00:00:00Z"}) == At("2026-01-01T00:00:00Z")


def test_only_triggers_without_a_zone_are_localized() -> None:
    assert Cron("0 9 * * *").localized("Asia/Tokyo") == Cron("0 9 * * *", "Asia/Tokyo")
    assert Cron("0 9 * * *", gap="skip").localized("Asia/Tokyo").to_spec()["gap"] == "skip"
    for trigger in (Cron("0 9 * * *", "UTC"), Every(hours=1), At("2026-01-01T00:00:00Z", "UTC")):
        assert trigger.localized("Asia/Tokyo") is trigger
    with pytest.raises(TriggerError, match="Asia/Tokio"):
        Cron("0 9 * * *").localized("Asia/Tokio")


def test_only_an_every_is_anchored() -> None:
    instant = At("2026-01-01T00:00:00Z").instant
    for trigger in (Cron("0 9 * * *"), At("2026-01-01T00:00:00Z")):
        assert trigger.anchored(instant) is trigger


CRON = {"kind": "cron", "expr": "0 9 * * *"}
EVERY = {"kind": "every", "seconds": 60}
AT = {"kind": "at", "instant": "2026-01-01T00:00:00Z"}
CALENDAR = {"kind": "calendar", "months": 1}
REFUSED = [
    (None, "must be an object"),
    ("cron", "must be an object"),
    ([], "must be an object"),
    ({}, "needs the field 'kind'"),
    ({"expr": "0 9 * * *"}, "needs the field 'kind'"),
    ({"kind": "corn"}, "unknown kind of trigger 'corn'; known are cron, every, calendar, at"),
    ({"kind": None}, "unknown kind"),
    ({"kind": 5}, "unknown kind"),
    ({"kind": ["cron"]}, "unknown kind"),
    ({"kind": {"a": 1}}, "unknown kind"),
    ({"kind": "x" * 1_000_000}, "unknown kind"),
    ({"kind": "cron"}, "'expr' is missing"),
    ({"kind": "every"}, "'seconds' is missing"),
    ({"kind": "at"}, "'instant' is missing"),
    (CRON | {"expr": 5}, "'expr' must be text, not int"),
    (CRON | {"expr": None}, "'expr' must be text, not NoneType"),
    (CRON | {"expr": "60 * * * *"}, "60 is out of range"),
    (CRON | {"timezone": 5}, "'timezone' must be text, not int"),
    (CRON | {"timezone": "Nowhere"}, "timezone: 'Nowhere'"),
    (CRON | {"gap": "later"}, "gap must be one of"),
    (CRON | {"gap": ["skip"]}, "gap must be one of"),
    (CRON | {"fold": 1}, "fold must be one of"),
    (CRON | {"timezome": "UTC"}, "unknown field 'timezome'; did you mean 'timezone'"),
    (CRON | {"seconds": 5}, "unknown field 'seconds'"),
    (CRON | {5: 5}, "unknown field of type int"),
    (CRON | {"x" * 1_000_000: 5}, "unknown field 'xxx"),
    (EVERY | {"seconds": "60"}, "'seconds' must be a number, not str"),
    (EVERY | {"seconds": True}, "'seconds' must be a number, not bool"),
    (EVERY | {"seconds": None}, "'seconds' must be a number"),
    (EVERY | {"seconds": 0}, "more than zero"),
    (EVERY | {"seconds": 10**400}, "longest is 100 years"),
    (EVERY | {"seconds": float("nan")}, "finite"),
    (EVERY | {"start": 5}, "'start' must be text"),
    (EVERY | {"start": "2026-01-01T00:00:00"}, "start is naive"),
    (EVERY | {"end": "soon"}, "end: 'soon' is not an instant"),
    (EVERY | {"anchor": "soon"}, "anchor: 'soon' is not an instant"),
    (EVERY | {"anchor": "2026-01-01T00:00:00Z", "start": "2026-01-01T00:00:00Z"}, "'anchor' has no meaning"),
    (EVERY | {"period": 5}, "unknown field 'period'"),
    ({"kind": "calendar"}, "at least a day"),
    (CALENDAR | {"months": 1.5}, "months must be a whole number"),
    (CALENDAR | {"weeks": [1]}, "weeks must be a whole number"),
    (CALENDAR | {"time": 9}, "'time' must be text"),
    (CALENDAR | {"time": "x" * 1_000_000}, "is not a time of day"),
    (CALENDAR | {"start_day": "2026-13-01"}, "start_day: '2026-13-01' is not a day"),
    (CALENDAR | {"start_day": "2026-01-01", "anchor": "2026-01-01"}, "'anchor' has no meaning"),
    (CALENDAR | {"day": 1}, "unknown field 'day'; did you mean 'days'"),
    (AT | {"instant": 5}, "'instant' must be text"),
    (AT | {"instant": "soon"}, "instant: 'soon' is not an instant"),
    (AT | {"timezone": "Nowhere"}, "timezone: 'Nowhere'"),
    (AT | {"at": 1}, "unknown field 'at'"),
]


@pytest.mark.parametrize("spec,words", REFUSED, ids=lambda value: repr(value)[:50])
def test_refusals_name_the_field(spec: Any, words: str) -> None:
    with pytest.raises(TriggerError) as caught:
        Trigger.from_spec(spec)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(("skip", "UTC")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
field_names = st.sampled_from(
    ("expr", "timezone", "gap", "fold", "seconds", "start", "end", "anchor", "instant", "x", "months", "time")
)


@fixed(500)
@given(
    st.sampled_from((CRON, EVERY, AT, {}, {"kind": "cron"}, {"kind": "every"}, CALENDAR)),
    st.dictionaries(field_names, json_values, max_size=3),
)
def test_any_json_is_a_trigger_or_a_trigger_error(base: dict[str, Any], changed: dict[str, Any]) -> None:
    try:
        trigger = Trigger.from_spec(base | changed)
    except TriggerError:
        return
    assert Trigger.from_spec(json.loads(json.dumps(trigger.to_spec()))) == trigger
