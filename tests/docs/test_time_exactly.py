"""The page "Time, exactly": every row of its tables is what happens."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hourbell import Cron, TriggerError
from hourbell.triggers.cron_expression import read_expression
from hourbell.triggers.cron_hash import HashSource
from support.pages import ROOT
from triggers.brute_force import list_fires

PAGE = (ROOT / "docs" / "explanation" / "time-exactly.md").read_text(encoding="utf-8")
DAY = timedelta(days=1)


def table(*head: str) -> list[list[str]]:
    """The rows below the line with these column names."""
    lines = PAGE.splitlines()
    first = lines.index(f"| {' | '.join(head)} |") + 2
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    assert len(rows) > 3
    return rows


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("expr,zone,day,fires,why", table("expression", "zone", "day", "fires of that day", "why"))
def test_changes_of_the_clock(expr: str, zone: str, day: str, fires: str, why: str) -> None:
    written, *options = code(expr)
    chosen = dict(option.replace('"', "").split("=") for option in options)
    (name,), (date,) = code(zone), code(day)
    midday = datetime.fromisoformat(f"{date}T12:00:00+00:00")
    trigger = Cron(written, name, **chosen)
    found = trigger.fires_between(midday - 2 * DAY, midday + 2 * DAY, 100_000)
    slow = list_fires(
        written, ZoneInfo(name), chosen.get("gap"), chosen.get("fold"), midday - 2 * DAY, midday + 2 * DAY
    )
    assert [fire.astimezone(UTC) for fire in found] == slow
    that_day = [f"{fire:%H:%M}{fire.isoformat()[-6:]}" for fire in found if f"{fire:%Y-%m-%d}" == date]
    shown = code(fires)
    if fires.endswith("…"):
        that_day = that_day[: len(shown)]
    assert that_day == shown
    assert shown or fires == "nothing"
    assert why


@pytest.mark.parametrize("expr,words,fires", table("expression", "in words", "its first fires of 2030"))
def test_the_language(expr: str, words: str, fires: str) -> None:
    trigger = Cron(code(expr)[0])
    assert trigger.explain() == words
    start = datetime(2030, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    found = trigger.fires_between(start, start + timedelta(days=4000), len(code(fires)))
    assert found == [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in code(fires)]
    assert len(found) == 3


def test_every_sign_of_the_language_is_in_the_table() -> None:
    shown = " ".join(code(cells[0])[0] for cells in table("expression", "in words", "its first fires of 2030"))
    for sign in (
        "?",
        "L",
        "L-2",
        "LW",
        "15W",
        "#2",
        "friL",
        "5L",
        "+fri",
        "/20",
        "22-4",
        "fri-mon",
        "jan,jul",
        "@annually",
    ):
        assert sign in shown


@pytest.mark.parametrize("written,meaning", table("written", "chosen from"))
def test_what_a_hash_chooses_from(written: str, meaning: str) -> None:
    text = code(written)[0]
    found = {read_expression(f"{text} * * * *", HashSource(f"id-{n}")).minute.values() for n in range(2_000)}
    expected = {
        "H": {(minute,) for minute in range(60)},
        "H(0-7)": {(minute,) for minute in range(8)},
        "H/15": {tuple(range(begin, 60, 15)) for begin in range(15)},
        "H(0-29)/10": {tuple(range(begin, 30, 10)) for begin in range(10)},
    }
    assert found == expected[text]
    assert meaning


@pytest.mark.parametrize("fields,expr", table("fields", "the expression that they mean"))
def test_the_keyword_form(fields: str, expr: str) -> None:
    call = ast.parse(f"Cron({code(fields)[0]})", mode="eval").body
    assert isinstance(call, ast.Call)
    given = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    assert Cron(**given).expr == code(expr)[0]


@pytest.mark.parametrize("expr,message", table("expression", "the message says"))
def test_refusals(expr: str, message: str) -> None:
    with pytest.raises(TriggerError) as caught:
        Cron(code(expr)[0])
    assert code(message)[0] in str(caught.value)
