"""``hourbell audit``: who changed what."""

from __future__ import annotations

import pytest

from support.typed import refused, typed, typed_json


@pytest.fixture(autouse=True)
def acted(shop: str) -> None:
    typed("migrate")
    typed("schedules", "add", "plain", "--app", shop, "--every", "1h", "--id", "s")
    typed("schedules", "pause", "s", "--note", "why")
    typed("calendars", "add", "closed", "--weekday", "sun")


def test_what_was_done_is_told_newest_first() -> None:
    told = [(one["action"], one["subject"], one["subject_id"]) for one in typed_json("audit")]
    assert told == [("add", "calendar", "closed"), ("pause", "schedule", "s"), ("add", "schedule", "s")]
    pause, _ = typed_json("audit", "--schedule", "s")
    assert (pause["after"]["state"], pause["actor"][:4]) == ("paused", "cli:")
    assert [one["action"] for one in typed_json("audit", "--calendar", "closed")] == ["add"]
    assert len(typed_json("audit", "--action", "add", "--actor", pause["actor"])) == 2
    assert typed_json("audit", "--actor", "nobody") == []


def test_people_read_it_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "note" in typed("audit", "--action", "pause").stdout.splitlines()[1]
    monkeypatch.setenv("COLUMNS", "80")
    lines = typed("audit").stdout.splitlines()
    assert lines[0].split() == ["done_at", "action", "subject", "subject_id", "actor"]
    assert max(map(len, lines)) <= 80


def test_what_has_no_meaning_is_one_line() -> None:
    assert "one of --schedule, --run and --calendar" in refused("audit", "--schedule", "s", "--run", "r")
    assert "action='dance': choose one of" in refused("audit", "--action", "dance")
