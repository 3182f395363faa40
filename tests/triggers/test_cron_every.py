"""`@every 1h30m`: elapsed time in a cron expression."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from hourbell.errors import TriggerError
from hourbell.triggers import Cron, Every, Trigger

START = datetime(2026, 3, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    "text,period",
    [
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("30m1h", timedelta(hours=1, minutes=30)),
        ("90s", timedelta(seconds=90)),
        ("1.5h", timedelta(minutes=90)),
        ("500ms", timedelta(milliseconds=500)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        ("1H", timedelta(hours=1)),
    ],
)
def test_periods(text: str, period: timedelta) -> None:
    trigger = Cron(f"@every {text}", "Europe/Berlin").anchored(START)
    assert [fire.astimezone(UTC) - START for fire in trigger.fires_between(START, START + 3 * period)] == [
        period,
        2 * period,
        3 * period,
    ]


def test_it_is_told_in_its_zone_and_knows_no_daylight_saving() -> None:
    trigger = Cron("@every 1h", "Europe/Berlin").anchored(START + timedelta(seconds=0.7))
    fires = trigger.fires_between(START, START + timedelta(hours=2))
    assert [fire.isoformat() for fire in fires] == ["2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"]
    assert trigger.prev_before(fires[1]) == fires[0]
    assert trigger.prev_before(fires[0]) is None
    assert trigger.count_between(START, START + timedelta(days=1)) == 24


def test_without_an_anchor_it_has_no_fires() -> None:
    with pytest.raises(TriggerError, match="no start yet"):
        Cron("@every 1h").next_after(START)


def test_the_anchor_is_kept_and_is_no_part_of_what_was_declared() -> None:
    declared = Cron("@every  90m", "UTC")
    assert declared.explain() == "every 1 hour and 30 minutes, UTC"
    stored = declared.anchored(START + timedelta(seconds=0.5))
    assert stored.explain() == "every 1 hour and 30 minutes, counted from 2026-03-29T00:00:00Z, UTC"
    assert stored.to_spec() == {**declared.to_spec(), "anchor": "2026-03-29T00:00:00Z"}
    assert stored.declared_spec() == declared.to_spec()
    assert declared.to_spec()["expr"] == "@every 90m"
    assert Trigger.from_spec(json.loads(json.dumps(stored.to_spec()))) == stored
    assert stored.anchored(START + timedelta(days=1)) is stored
    assert stored.bound("x") is stored
    assert declared.localized("UTC") is declared
    assert Cron("@every 90m").anchored(START).localized("UTC") == stored


def test_it_agrees_with_every() -> None:
    cron, every = Cron("@every 7m").anchored(START), Every(minutes=7).anchored(START)
    at = START + timedelta(days=3)
    assert cron.next_after(at) == every.next_after(at)
    assert cron.prev_before(at) == every.prev_before(at)


def test_policies_of_the_wall_clock_have_no_meaning_here() -> None:
    for name, value in (("gap", "skip"), ("fold", "both")):
        with pytest.raises(TriggerError, match="@every counts elapsed time"):
            Cron("@every 1h", **{name: value})


def test_an_anchor_has_no_meaning_elsewhere() -> None:
    with pytest.raises(TriggerError, match="'anchor' has no meaning without @every"):
        Trigger.from_spec({"kind": "cron", "expr": "0 9 * * *", "anchor": "2026-01-01T00:00:00Z"})
    with pytest.raises(TriggerError, match="naive"):
        Trigger.from_spec({"kind": "cron", "expr": "@every 1h", "anchor": "2026-01-01T00:00:00"})
