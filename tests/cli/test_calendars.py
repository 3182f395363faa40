"""``hourbell calendars``: stored, read, named by schedules, removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.typed import refused, typed, typed_json

ICS = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20301225
SUMMARY:Christmas
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture(autouse=True)
def migrated(shop: str) -> None:
    typed("migrate")


def test_calendars_are_stored_and_read() -> None:
    said = typed(
        "calendars", "add", "closed", "--weekday", "sat", "--day", "2030-12-25", "--tz", "Europe/Berlin"
    ).stdout
    assert said == "calendar closed: Saturday and 2030-12-25, Europe/Berlin\n"
    (one,) = typed_json("calendars")
    assert (one["name"], one["calendar"]["weekdays"]) == ("closed", ["sat"])
    assert typed_json("calendars", "show", "closed") == one
    typed("calendars", "add", "closed", "--range", "2030-12-24/2030-12-31")
    assert typed_json("calendars", "show", "closed")["calendar"]["days"] == []
    assert "exists" in refused("calendars", "add", "closed", "--day", "2030-01-01", "--on-conflict", "error", code=1)


def test_a_calendar_file(tmp_path: Path) -> None:
    (tmp_path / "days.ics").write_text(ICS)
    assert "2030-12-25" in typed("calendars", "add", "file", "--ics", "days.ics").stdout
    assert "No such file" in refused("calendars", "add", "file", "--ics", "nowhere.ics")


def test_a_calendar_that_is_named_stays() -> None:
    typed("calendars", "add", "closed", "--weekday", "sun")
    words = ("schedules", "add", "plain", "--app", "shop:scheduler", "--every", "1h", "--blackout")
    assert "there is no calendar 'open'" in refused(*words, "open", code=3)
    typed(*words, "closed")
    assert "is named by 1 schedule ('plain')" in refused("calendars", "remove", "closed", "--yes", code=1)
    typed("schedules", "edit", "plain", "--blackout", "none")
    assert "nobody said yes" in typed("calendars", "remove", "closed", code=1).stderr
    assert typed("calendars", "remove", "closed", "--yes").stdout == "calendar closed is deleted\n"
    assert typed_json("calendars") == []
    assert "there is no calendar" in refused("calendars", "remove", "closed", "--yes", code=3)


@pytest.mark.parametrize(
    "words", [(), ("--weekday", "someday"), ("--day", "soon"), ("--range", "2030-01-01"), ("--ics", "x", "--day", "y")]
)
def test_what_has_no_meaning_is_one_line(words: tuple[str, ...]) -> None:
    refused("calendars", "add", "x", *words)


def test_the_list_can_be_read_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    days = [word for day in range(1, 29) for word in ("--day", f"2030-01-{day:02}")]
    typed("calendars", "add", "n" * 100, *days)
    monkeypatch.setenv("COLUMNS", "80")
    lines = typed("calendars").stdout.splitlines()
    assert lines[0].split() == ["name", "updated_at", "explain"]
    assert max(map(len, lines)) <= 80
