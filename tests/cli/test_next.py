"""`hourbell next`: what it prints, and how it refuses."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from hourbell.cli.main import commands

SPRING = ("--tz", "Europe/Berlin", "--after", "2030-03-30", "--count", "3")


def asked(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(commands(), ("next", *words))
    assert result.exit_code == code, result.output
    return result


def test_local_time_and_utc_with_marks() -> None:
    lines = asked("30 2 * * *", *SPRING).stdout.splitlines()
    assert lines[0].split() == ["local", "UTC"]
    assert lines[1] == "Sat 2030-03-30 02:30:00 +01:00  2030-03-30T01:30:00Z"
    assert lines[2].endswith("2030-03-31T01:00:00Z  moved: 02:30 does not exist on this day")
    assert lines[3] == "Mon 2030-04-01 02:30:00 +02:00  2030-04-01T00:30:00Z"
    assert [line for line in lines if line.startswith("hint: Europe/Berlin")] != []


def test_what_is_dropped_has_no_utc() -> None:
    lines = asked("30 2 * * *", *SPRING, "--gap", "skip").stdout.splitlines()
    assert lines[2] == "Sun 2030-03-31 02:30:00         -                     dropped: 02:30 does not exist on this day"


def test_words_come_first_when_wanted() -> None:
    assert asked("0 9 * * mon-fri", "--explain").stdout.startswith("at 09:00 on Monday to Friday, UTC\n\nlocal")


def test_json() -> None:
    shown = json.loads(asked("30 2 * * *", *SPRING, "--json").stdout)
    assert shown["trigger"]["expr"] == "30 2 * * *"
    assert shown["explain"] == "at 02:30 every day, Europe/Berlin"
    assert shown["fires"][1] == {
        "fire_at": "2030-03-31T01:00:00Z",
        "local": "2030-03-31T03:00:00+02:00",
        "mark": "moved",
        "note": "moved: 02:30 does not exist on this day",
    }
    assert [one["about"] for one in shown["advice"]] == ["dst-gap", "dst-fold"]


def test_a_local_time_and_an_instant() -> None:
    for after in ("2030-01-01T00:30+01:00", "2030-01-01T00:30", "2029-12-31T23:30:00Z"):
        out = asked("0 * * * *", "--tz", "Europe/Berlin", "--after", after, "--count", "1").stdout
        assert "2030-01-01T00:00:00Z" in out


def test_the_zone_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBELL_TIMEZONE", "Asia/Tokyo")
    assert "+09:00" in asked("0 9 * * *", "--count", "1").stdout


def test_a_period_counts_from_the_instant() -> None:
    out = asked("@every 90m", "--after", "2030-01-01T00:00:00Z", "--count", "2").stdout
    assert "2030-01-01T01:30:00Z" in out
    assert "2030-01-01T03:00:00Z" in out


def test_a_hash_needs_its_schedule() -> None:
    refused = asked("H H * * *", code=2)
    assert "the id of the schedule decides (minute H, hour H) every day, UTC: give --schedule ID" in refused.stderr
    assert asked("H H * * *", "--schedule", "a").stdout != asked("H H * * *", "--schedule", "b").stdout


def test_no_further_fire() -> None:
    assert asked("0 0 1 1 *", "--after", "9998-12-01").stdout.startswith("no further fire\n")


@pytest.mark.parametrize(
    "words,message",
    [
        (("0 0 * * MOM",), "did you mean MON? (column 9)\n    0 0 * * MOM\n            ^^^"),
        (("* * * * * * *",), "7 fields, '*' is one too many"),
        (("0 0 30 2 *",), "this date never comes"),
        (("0 0 * * *", "--tz", "Europe/Berln"), "did you mean 'Europe/Berlin'?"),
        (("0 0 * * *", "--after", "tomorrow"), "'tomorrow' is not an instant"),
        (("0 0 * * *", "--after", "tomorrow!!"), "is not an instant"),
        (("0 0 * * *", "--gap", "later"), "gap must be one of"),
        (("0 0 * * *", "--schedule", ""), ""),
        (("H 0 * * *", "--schedule", ""), "schedule_id must be text"),
        (("0" * 300,), "300 characters are too many"),
        (("\x1b[31m * * * *",), r"the character '\x1b' cannot stand here"),
    ],
)
def test_a_refusal_exits_with_2(words: tuple[str, ...], message: str) -> None:
    if not message:
        asked(*words)
        return
    result = asked(*words, code=2)
    assert message in result.stderr
    assert result.stderr.startswith("hourbell: ")
    assert "\x1b" not in result.stderr
    assert result.stdout == ""


def test_an_expression_without_quotes_is_told_of_them() -> None:
    told = asked("0", "9", "main.py", "shop.db", "1-5", code=2).stderr
    assert told.startswith("hourbell: '9 main.py shop.db' … is too much: the shell makes words of an expression")
    assert "in quotes, as in '0 9 * * mon-fri'" in asked("*/5", "*", "--tz", "UTC", code=2).stderr


def test_the_count_is_bounded() -> None:
    asked("* * * * *", "--count", "0", code=2)
    asked("* * * * *", "--count", "1001", code=2)
    assert len(asked("* * * * *", "--count", "1000").stdout.splitlines()) == 1001
