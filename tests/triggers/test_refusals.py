"""What is refused, with which words, and that no input costs much or raises anything else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourbell.errors import TriggerError
from hourbell.triggers import At, Cron, Every, Trigger
from triggers.strategies import fixed
from triggers.work import calls_made_by

# The expression, the place that the caret points at, and what the message says.
POINTED = [
    ("60 * * * *", (0, 2), "minute: 60 is out of range, 0 to 59; did you mean 0?"),
    ("* 24 * * *", (2, 4), "hour: 24 is out of range, 0 to 23; did you mean 0?"),
    ("* * 0 * *", (4, 5), "day of month: 0 is out of range, 1 to 31; did you mean 1?"),
    ("* * 32 * *", (4, 6), "day of month: 32 is out of range, 1 to 31; did you mean 31?"),
    ("* * * 13 *", (6, 8), "month: 13 is out of range, 1 to 12; did you mean 12?"),
    ("* * * * 8", (8, 9), "day of week: 8 is out of range, 0 to 7"),
    ("61 * * * * *", (0, 2), "second: 61 is out of range"),
    ("0 0 * * MOM", (8, 11), "day of week: 'MOM' is not a value of this field; did you mean MON?"),
    ("0 0 * * monday", (8, 14), "did you mean MON?"),
    ("0 0 * * mon-firday", (12, 18), "did you mean FRI?"),
    ("0 0 * * xyzzy", (8, 13), "known are SUN, MON"),
    ("0 0 * janu *", (6, 10), "did you mean JAN?"),
    ("mon * * * *", (0, 3), "minute: 'mon' is not a value of this field; it takes numbers from 0 to 59"),
    ("0 0 jan * *", (4, 7), "day of month: 'jan'"),
    ("1,,2 * * * *", (2, 3), "a comma with nothing beside it"),
    (",1 * * * *", (0, 1), "a comma with nothing beside it"),
    ("1, * * * *", (1, 2), "a comma with nothing beside it"),
    ("*/0 * * * *", (2, 3), "a step of 0 goes nowhere"),
    ("*/90 * * * *", (2, 4), "a step of 90 is more than the 60 values"),
    ("1-2-3 * * * *", (0, 5), "'1-2-3' is not understood"),
    ("1- * * * *", (0, 2), "'1-' is not understood"),
    ("-1 * * * *", (0, 2), "'-1' is not understood"),
    ("*/ * * * *", (0, 2), "'*/' is not understood"),
    ("*-5 * * * *", (0, 3), "'*-5' is not understood"),
    ("** * * * *", (0, 2), "'**' is not understood"),
    ("*/*/2 * * * *", (0, 5), "'*/*/2' is not understood"),
    ("1.5 * * * *", (0, 3), "'1.5' is not understood"),
    ("+1 * * * *", (0, 2), "'+1' is not understood"),
    ("5 3,61-70 * * *", (4, 6), "hour: 61 is out of range"),
    ("   0   99  * * *", (7, 9), "hour: 99 is out of range"),
    ("0\t99 * * *", (2, 4), "hour: 99 is out of range"),
    ("* * 99999999999999999999 * *", (4, 24), "day of month: 999999999999 is out of range"),
    ("*/99999999999999999999 * * * *", (2, 22), "minute: a step of 999999999999"),
    ("* * * * * * *", (12, 13), "7 fields, '*' is one too many"),
    ("0 0 0 ? * * 2026", (12, 16), "7 fields, '2026' is one too many"),
    ("* * *", (5, 6), "the month is missing"),
    ("", (0, 1), "the minute is missing"),
    ("   ", (0, 1), "the minute is missing"),
    ("@dayly", (0, 6), "'@dayly' is not an alias; did you mean '@daily'?"),
    ("@reboot", (0, 7), "'@reboot' is not an alias; what is to run once at the start belongs into the application"),
    ("@evry 5m", (0, 5), "did you mean '@every'?"),
    ("@every", (6, 7), "the period is missing"),
    ("@every 15", (7, 9), "'15' has no unit; did you mean 15m?"),
    ("@every 10min", (9, 12), "'min' is not a unit; did you mean 'm'?"),
    ("@every 5x", (8, 9), "known are w, d, h, m, s, ms"),
    ("@every 5 m", (9, 10), "the period is one word, found 'm' behind it"),
    ("@every -5m", (7, 10), "'-5m' is no period"),
    ("@every 5m5m", (9, 11), "the unit 'm' comes twice"),
    ("@every 1h-5m", (9, 12), "'-5m' is no period"),
    ("@every 0s", (7, 9), "more than zero"),
    ("@every 99ms", (7, 11), "the shortest is 0.1 seconds"),
    ("@every 999999999w", (7, 17), "100 years"),
    ("@every 5\N{MICRO SIGN}s", (8, 9), "cannot stand here"),
    # What other schedulers know, in the wrong place.
    (
        "15W * * * *",
        (0, 3),
        "minute: '15W' is not understood; W (15W, the weekday nearest to the 15th) stands in the day of month",
    ),
    ("0 0 * * 15W", (8, 11), "day of week: '15W' is not understood; W"),
    ("0 0 1-5W * *", (4, 8), "W stands behind one day"),
    ("0 0 W * *", (4, 5), "W stands behind one day"),
    ("0 0 W15 * *", (4, 7), "did you mean 15W?"),
    ("0 0 L-3W * *", (4, 8), "W stands behind one day"),
    ("0 0 32W * *", (4, 6), "32 is out of range, 1 to 31; did you mean 31?"),
    ("0 0 31W 4 *", (4, 11), "this date never comes"),
    ("0 0 L-31 * *", (6, 8), "no month has a day 31 days before its last"),
    ("0 0 L-30 2 *", (4, 12), "this date never comes"),
    ("0 0 L,31-L * *", (9, 10), "'L' is not a value of this field"),
    ("0 0 fril * *", (4, 8), "the last Friday is FRIL in day of week"),
    ("0 0 * * L", (8, 9), "L stands behind a weekday, as in FRIL"),
    ("0 0 * * L5", (8, 10), "did you mean 5L"),
    ("0 L * * *", (2, 3), "hour: 'L' is not a value of this field; L (the last day of the month"),
    ("0 0 * L *", (6, 7), "stands in the day fields only"),
    ("0 0 * jull *", (6, 10), "did you mean JUL?"),
    ("0 0 * * fri#6", (12, 13), "a weekday comes 1 to 5 times a month, not 6; for the last one write FRIL"),
    ("0 0 * * fri#0", (12, 13), "1 to 5 times a month, not 0"),
    ("0 0 * * fri#-1", (8, 14), "for the last one write FRIL"),
    ("0 0 * * fri#L", (8, 13), "for the last one write FRIL"),
    ("0 0 * * mon-fri#2", (8, 17), "# stands behind one weekday"),
    ("0 0 * * fry#2", (8, 11), "did you mean FRI?"),
    ("0 0 * * 8#2", (8, 9), "8 is out of range"),
    ("0 0 fri#2 * *", (4, 9), "stands in the day of week only"),
    ("? 0 * * *", (0, 1), "? stands alone, for every day"),
    ("0 0 ?,1 * *", (4, 5), "? stands alone, for every day"),
    ("0 0 ?/2 * *", (4, 7), "? stands alone, for every day"),
    ("0 0 +13 * fri", (4, 7), "+ stands before the day of week"),
    ("0 0 * * +", (8, 9), "+ stands before the day of week"),
    ("0 0 * * mon,+fri", (12, 16), "+ stands before the day of week"),
    ("0 0 30 2 +mon#1", (4, 15), "this date never comes"),
    ("H(0-70) * * * *", (4, 6), "minute: 70 is out of range"),
    ("H(5 * * * *", (0, 3), "a range for the hash is written H(0-29)"),
    ("H(5) * * * *", (0, 4), "a range for the hash is written H(0-29)"),
    ("H(0-9)/11 * * * *", (7, 9), "a step of 11 is more than the 10 values that H chooses from"),
    ("H/0 * * * *", (2, 3), "a step of 0 goes nowhere"),
    ("0 H-5 * * *", (2, 3), "hour: 'H' is not a value"),
    ("*/90 * * * *", (2, 4), "for other periods there is @every 90m"),
    ("@daily 5", (7, 8), "nothing may follow @daily, found '5'"),
    ("0 0 30 2 *", (4, 6), "day of month: this date never comes, the longest of its months has 29 days"),
    ("0 0 31 2,4,6 *", (4, 6), "this date never comes, the longest of its months has 30 days"),
    ("0 0 31 feb *", (4, 6), "never comes"),
    ("0 0 * * mon\0", (11, 12), r"the character '\x00' cannot stand here"),
    ("0 0 * * *\n", (9, 10), r"the character '\n' cannot stand here"),
    ("0 0 \N{ARABIC-INDIC DIGIT ONE} * *", (4, 5), r"the character '\u0661' cannot stand here"),
    ("\N{FULLWIDTH DIGIT ONE} 0 * * *", (0, 1), "cannot stand here"),
    ("0 0 * * \N{LATIN SMALL LETTER LONG S}un", (8, 9), "cannot stand here"),
    ("0 0 * *\N{NO-BREAK SPACE}*", (7, 8), "cannot stand here"),
    ("0 0 * * \ud800", (8, 9), "cannot stand here"),
]

HOSTILE: list[Any] = [
    "0" * 1_000_000,
    "*" * 1_000_000,
    "*," * 1_000_000 + "* * * * *",
    " " * 1_000_000,
    "9" * 257,
    "9" * 255,
    "*/" + "9" * 250 + " * * * *",
    "-" * 256,
    ",".join("*" * 128),
    "0-" * 100 + "0 * * * *",
    "/" * 200 + " * * * *",
    "((((((((((" * 20,
    "@" * 256,
    "mon" * 80 + " * * * *",
    "* * * * " + "m" * 240,
    "@every " + "9" * 249,
    "@every " + "9m" * 124,
    "@every " + "1" * 9 + "w" * 200,
    "H(" * 100 + " * * * *",
    "* * " + ",".join(f"{n}W" for n in range(1, 32)) + " 2 +sat#5",
    "* * " + "L-30," * 40 + "L-30 2 *",
    "* * * * " + "fri#9," * 40,
    "* * * * +" + "+" * 200,
    "* * * * " + "?" * 200,
    None,
    5,
    5.0,
    True,
    b"* * * * *",
    ["*"] * 5,
    {"expr": "* * * * *"},
    object(),
]


@pytest.mark.parametrize("expr,place,words", POINTED)
def test_the_message_points_at_the_place(expr: str, place: tuple[int, int], words: str) -> None:
    with pytest.raises(TriggerError) as caught:
        Cron(expr)
    message, shown, caret = str(caught.value).split("\n")
    assert words in message
    assert f"(column {place[0] + 1})" in message
    assert caret == "    " + " " * place[0] + "^" * (place[1] - place[0])
    assert len(shown) == len("    ") + len(expr)
    assert shown.isprintable()
    assert shown.isascii()


@pytest.mark.parametrize("expr", HOSTILE, ids=lambda value: f"{type(value).__name__}-{str(value)[:12]}")
def test_hostile_input_is_refused_with_little_work(expr: Any) -> None:
    with pytest.raises(TriggerError) as caught:
        Cron(expr)
    assert len(str(caught.value)) < 1_500
    assert calls_made_by(lambda: Cron(expr)) < 20_000


@pytest.mark.parametrize("expr", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "* * * 30 2 *", "0 0 31 */7,9,11 *"])
def test_a_date_that_never_comes_is_refused_with_little_work(expr: str) -> None:
    if expr.endswith("*/7,9,11 *"):
        # January and August are long enough.
        assert Cron(expr)
        return
    assert calls_made_by(lambda: Cron(expr)) < 2_000


@pytest.mark.parametrize("expr", ["0 0 29 2 */7", "0 0 29 2 *", "59 59 23 31 12 *", "0 0 1 1 *"])
def test_the_rarest_dates_are_found_with_little_work(expr: str) -> None:
    trigger = Cron(expr, "Europe/Berlin")
    for instant in (datetime(1881, 1, 1, tzinfo=UTC), datetime(2080, 3, 1, tzinfo=UTC)):
        assert calls_made_by(lambda at=instant: trigger.next_after(at)) < 1_000
        assert calls_made_by(lambda at=instant: trigger.prev_before(at)) < 1_000


@fixed(500)
@given(st.text(max_size=60) | st.text("0123456789*,-/@ LWH#?monfeb\t", max_size=60))
def test_any_text_is_a_trigger_or_a_trigger_error(text: str) -> None:
    try:
        trigger = Cron(text).bound("quay")  # an H is hashed from the id of its schedule
    except TriggerError:
        return
    assert Trigger.from_spec(trigger.to_spec()) == trigger
    assert trigger.explain()
    assert trigger.next_after(datetime(2026, 1, 1, tzinfo=UTC)) is not None


@pytest.mark.parametrize("name,value", [("gap", "later"), ("gap", "first"), ("gap", 1), ("fold", "skip"), ("fold", "")])
def test_policies(name: str, value: Any) -> None:
    with pytest.raises(TriggerError, match=f"^{name} must be one of"):
        Cron("0 0 * * *", **{name: value})


triggers = [
    Cron("0 9 * * *", "Europe/Berlin"),
    Every(hours=1, start="2026-01-01T00:00:00Z"),
    At("2026-01-01T09:00:00Z"),
]


@pytest.mark.parametrize("trigger", triggers, ids=repr)
@pytest.mark.parametrize("instant", [datetime(2026, 1, 1), "2026-01-01T00:00:00Z", None, 0, 1.5])  # noqa: DTZ001
def test_what_is_no_aware_instant_is_refused(trigger: Trigger, instant: Any) -> None:
    aware = datetime(2026, 1, 1, tzinfo=UTC)
    for question in (
        lambda: trigger.next_after(instant),
        lambda: trigger.prev_before(instant),
        lambda: trigger.count_between(instant, aware),
        lambda: trigger.count_between(aware, instant),
    ):
        with pytest.raises(TriggerError, match=r"naive|must be a datetime"):
            question()


@pytest.mark.parametrize("trigger", triggers, ids=repr)
@pytest.mark.parametrize("cap", [0, -1, True, 1.5, None])
def test_a_cap_counts_something(trigger: Trigger, cap: Any) -> None:
    aware = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(TriggerError, match="cap must be"):
        trigger.count_between(aware, aware + timedelta(days=1), cap)
