"""Reading expressions: which values each field names."""

from __future__ import annotations

import pytest

from hourbell.triggers import Cron
from hourbell.triggers.cron_expression import read_expression

MINUTES = [
    ("*", range(60)),
    ("0", [0]),
    ("59", [59]),
    ("09", [9]),
    ("1,2,40", [1, 2, 40]),
    ("40,1,1", [1, 40]),
    ("10-13", [10, 11, 12, 13]),
    ("5-5", [5]),
    ("*/15", [0, 15, 30, 45]),
    ("*/1", range(60)),
    ("*/60", [0]),
    ("*/7", range(0, 60, 7)),
    ("5/15", [5, 20, 35, 50]),
    ("59/2", [59]),
    ("10-30/10", [10, 20, 30]),
    ("10-29/10", [10, 20]),
    ("*,3", range(60)),
    ("0-4,30-50/10,59", [0, 1, 2, 3, 4, 30, 40, 50, 59]),
    ("58-2", [0, 1, 2, 58, 59]),
    ("50-10/10", [0, 10, 50]),
]
WEEKDAYS = [
    ("*", range(7)),
    ("0", [0]),
    ("7", [0]),
    ("0,7", [0]),
    ("sun", [0]),
    ("SUN", [0]),
    ("mOn", [1]),
    ("mon-fri", [1, 2, 3, 4, 5]),
    ("1-5", [1, 2, 3, 4, 5]),
    ("5-7", [0, 5, 6]),
    ("0-7", range(7)),
    ("1-7", range(7)),
    ("7-1", [0, 1]),
    ("sat-sun", [0, 6]),
    ("fri-mon", [0, 1, 5, 6]),
    ("mon-fri/2", [1, 3, 5]),
    ("mon/2", [0, 1, 3, 5]),
    ("6/1", [0, 6]),
    ("2/4", [2, 6]),
    ("*/2", [0, 2, 4, 6]),
    ("*/7", [0]),
    ("mon,wed,5", [1, 3, 5]),
    ("6-1/2", [1, 6]),
]
MONTHS = [
    ("*", range(1, 13)),
    ("jan", [1]),
    ("JAN-mar", [1, 2, 3]),
    ("nov-feb", [1, 2, 11, 12]),
    ("*/3", [1, 4, 7, 10]),
    ("2/5", [2, 7, 12]),
    ("dec", [12]),
]
DAYS = [
    ("*", range(1, 32)),
    ("31", [31]),
    ("*/10", [1, 11, 21, 31]),
    ("28-3", [1, 2, 3, 28, 29, 30, 31]),
    ("1,15", [1, 15]),
]


@pytest.mark.parametrize("text,values", MINUTES)
def test_minutes(text: str, values: range) -> None:
    assert list(read_expression(f"{text} * * * *").minute.values()) == list(values)
    assert list(read_expression(f"{text} * * * * *").second.values()) == list(values)


@pytest.mark.parametrize("text,values", WEEKDAYS)
def test_days_of_the_week(text: str, values: range) -> None:
    assert list(read_expression(f"* * * * {text}").day_of_week.values()) == list(values)


@pytest.mark.parametrize("text,values", MONTHS)
def test_months(text: str, values: range) -> None:
    assert list(read_expression(f"* * * {text} *").month.values()) == list(values)


@pytest.mark.parametrize("text,values", DAYS)
def test_days_of_the_month(text: str, values: range) -> None:
    assert list(read_expression(f"* * {text} * *").day_of_month.values()) == list(values)


def test_hours() -> None:
    assert read_expression("0 22-4/2 * * *").hour.values() == (0, 2, 4, 22)
    assert read_expression("0 */24 * * *").hour.values() == (0,)


@pytest.mark.parametrize(
    "alias,meaning",
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@Daily", "0 0 * * *"),
        ("  @daily\t", "0 0 * * *"),
    ],
)
def test_aliases(alias: str, meaning: str) -> None:
    assert read_expression(alias) == read_expression(meaning)


@pytest.mark.parametrize(
    "expr,follows",
    [
        ("* * * * *", True),
        ("*/5 9 * * *", True),
        ("0 * * * *", True),
        ("0 */2 * * *", True),
        ("0 2 * * *", False),
        ("0-59 2 * * *", False),
        ("0 0-23 * * *", False),
        ("* 0 2 * * *", False),
        ("0 * 2 * * *", True),
        ("@hourly", True),
        ("@daily", False),
    ],
)
def test_which_expressions_follow_the_wall_clock(expr: str, follows: bool) -> None:
    assert read_expression(expr).follows_wall_clock is follows


def test_spaces_do_not_matter() -> None:
    trigger = Cron("  0\t9  * *   mon-fri ")
    assert trigger.expr == "0 9 * * mon-fri"
    assert trigger == Cron("0 9 * * mon-fri")
    assert hash(trigger) == hash(Cron("0 9 * * mon-fri"))


def test_a_trigger_is_equal_by_what_was_written() -> None:
    assert Cron("0 9 * * *") == Cron("0 9 * * *")
    assert Cron("0 9 * * *") != Cron("0 9 * * *", "UTC")
    assert Cron("0 9 * * *", "UTC") != Cron("0 9 * * *", "Europe/Berlin")
    assert Cron("0 9 * * *", gap="skip") != Cron("0 9 * * *")
    assert Cron("0 9 * * *") != Cron("0 10 * * *")
