"""Triggers in plain English."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given

from hourbell.triggers import At, Cron, Every
from hourbell.triggers.words import duration, joined, ordinal, runs, step_of
from triggers.strategies import expressions, fixed

CRON = [
    ("* * * * *", "every minute"),
    ("*/5 * * * *", "every 5 minutes"),
    ("0/5 * * * *", "every 5 minutes"),
    ("5/15 * * * *", "every 15 minutes (from minute 5)"),
    ("*/7 9 * * *", "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 from 09:00 to 09:59"),
    ("10-20 * * * *", "at minutes 10 to 20 of every hour"),
    ("0 * * * *", "every hour"),
    ("@hourly", "every hour"),
    ("30 * * * *", "at minute 30 of every hour"),
    ("0,30 * * * *", "at minutes 0 and 30 of every hour"),
    ("0 */2 * * *", "every 2 hours"),
    ("30 */6 * * *", "every 6 hours from 00:30"),
    ("15 3-23/4 * * *", "every 4 hours from 03:15"),
    ("0 */5 * * *", "at 00:00, 05:00, 10:00, 15:00 and 20:00 every day"),
    ("0 9-17 * * *", "every hour from 09:00 to 17:00"),
    ("0 22-4 * * *", "every hour from 22:00 to 04:00"),
    ("* 9 * * *", "every minute from 09:00 to 09:59"),
    ("*/15 9-17 * * 1-5", "every 15 minutes from 09:00 to 17:59 on Monday to Friday"),
    ("*/5 0-5,12 * * *", "every 5 minutes in the hours 0 to 5 and 12"),
    ("0 9 * * *", "at 09:00 every day"),
    ("@daily", "at 00:00 every day"),
    ("0 9,17 * * *", "at 09:00 and 17:00 every day"),
    ("0,30 9 * * *", "at 09:00 and 09:30 every day"),
    ("0 9 * * mon-fri", "at 09:00 on Monday to Friday"),
    ("0 9 * * 1,2,3,4,5", "at 09:00 on Monday to Friday"),
    ("0 0 * * 0,6", "at 00:00 on Saturday and Sunday"),
    ("0 0 * * fri-mon", "at 00:00 on Friday to Monday"),
    ("@weekly", "at 00:00 on Sunday"),
    ("@monthly", "at 00:00 on the 1st of every month"),
    ("@yearly", "at 00:00 on the 1st of January"),
    ("0 0 1,15 * *", "at 00:00 on the 1st and 15th of every month"),
    ("0 0 1-7 * *", "at 00:00 on the 1st to 7th of every month"),
    ("5 4 29 2 *", "at 04:05 on the 29th of February"),
    ("0 12 * jan,jun mon", "at 12:00 on Monday in January and June"),
    ("0 0 * dec-feb *", "at 00:00 every day in December to February"),
    ("0 0 13 * 5", "at 00:00 on the 13th of every month or on Friday"),
    ("0 0 13 6 5", "at 00:00 on the 13th of June or on Friday in June"),
    ("0 0 1-7 * */7", "at 00:00 on the 1st to 7th of every month if that is Sunday"),
    ("0 0 1-31 * mon", "at 00:00 every day"),
    ("0 0 L * *", "at 00:00 on the last day of every month"),
    ("0 0 L 2 *", "at 00:00 on the last day of February"),
    ("0 0 L-1 * *", "at 00:00 on the 2nd-to-last day of every month"),
    ("0 0 1,15,L * *", "at 00:00 on the 1st, 15th and the last day of every month"),
    ("0 9 LW * *", "at 09:00 on the last weekday (Monday to Friday) of every month"),
    ("0 9 15W * *", "at 09:00 on the weekday (Monday to Friday) nearest to the 15th of every month"),
    ("0 9 * * fri#2", "at 09:00 on the 2nd Friday of every month"),
    ("0 9 * jun fri#1,fri#3", "at 09:00 on the 1st Friday and the 3rd Friday of June"),
    ("0 9 * * 5L", "at 09:00 on the last Friday of every month"),
    ("0 9 * * mon,fri#2", "at 09:00 on Monday and on the 2nd Friday of every month"),
    ("0 9 13 * +fri", "at 09:00 on the 13th of every month if that is Friday"),
    ("0 9 L * +fril", "at 09:00 on the last day of every month if that is the last Friday"),
    ("0 9 L 6 fri#2", "at 09:00 on the last day of June or on the 2nd Friday of June"),
    ("0 9 ? * mon", "at 09:00 on Monday"),
    ("0 9 ? * ?", "at 09:00 every day"),
    ("H * * * *", "at times that the id of the schedule decides (minute H, any hour) every day"),
    ("H/10 9,17 H * *", "at times that the id of the schedule decides (minute H/10, hour 9 and 17, day of month H)"),
    ("H 0 3 * * mon", "at times that the id of the schedule decides (second H, minute 0, hour 3) on Monday"),
    ("@every 90s", "every 1 minute and 30 seconds"),
    ("* * * * * *", "every second"),
    ("*/10 * * * * *", "every 10 seconds"),
    ("30 * * * * *", "at second 30 of every minute"),
    ("30 0 9 * * *", "at 09:00:30 every day"),
    ("*/20 30 9 * * *", "every 20 seconds in minute 30 from 09:00 to 09:59"),
    ("*/20 30 * * * *", "every 20 seconds in minute 30 of every hour"),
    ("7 */5 * * * *", "every 5 minutes, at second 7"),
]


@pytest.mark.parametrize("expr,words", CRON)
def test_cron(expr: str, words: str) -> None:
    assert Cron(expr).explain() == words


def test_the_zone_and_what_was_chosen_for_changes_of_the_clock() -> None:
    assert Cron("0 9 * * mon-fri", "Europe/Berlin").explain() == "at 09:00 on Monday to Friday, Europe/Berlin"
    assert Cron("0 2 * * *", "Europe/Berlin", gap="skip", fold="both").explain() == (
        "at 02:00 every day, Europe/Berlin; a time that the clock skips is left out;"
        " a time that comes twice runs at both"
    )
    assert Cron("0 2 * * *", gap="next_valid").explain().endswith("skips runs at the end of the gap")
    assert Cron("0 2 * * *", fold="second").explain().endswith("comes twice runs at its second")


def test_every() -> None:
    assert Every(minutes=10).explain() == "every 10 minutes"
    assert Every(hours=1).explain() == "every hour"
    assert Every(days=1, start="2026-01-01T00:00:00Z").explain() == "every day, counted from 2026-01-01T00:00:00Z"
    anchored = Every(weeks=2, end="2027-01-01T00:00:00Z").anchored(At("2026-01-01T00:00:00Z").instant)
    assert anchored.explain() == "every 2 weeks, counted from 2026-01-01T00:00:00Z, until 2027-01-01T00:00:00Z"


def test_at() -> None:
    assert At("2026-01-01T09:00", "Europe/Berlin").explain() == "once, on 1 January 2026 at 09:00, Europe/Berlin"
    assert At("2026-01-01T09:00:30Z").explain() == "once, on 1 January 2026 at 09:00:30, UTC"
    assert At("2026-01-01T09:00").explain() == "once, on 1 January 2026 at 09:00"


@fixed(200)
@given(expressions(with_seconds=True))
def test_there_are_always_words(expr: str) -> None:
    words = Cron(expr, "UTC").explain()
    assert words.endswith(", UTC")
    assert "  " not in words
    assert words.isascii()


@pytest.mark.parametrize(
    "length,words",
    [
        (timedelta(seconds=1), "second"),
        (timedelta(seconds=0.5), "0.5 seconds"),
        (timedelta(minutes=90), "1 hour and 30 minutes"),
        (timedelta(days=7), "week"),
        (timedelta(days=10), "10 days"),
        (timedelta(days=1, hours=1, seconds=1.25), "1 day, 1 hour and 1.25 seconds"),
    ],
)
def test_durations(length: timedelta, words: str) -> None:
    assert duration(length) == words


def test_pieces() -> None:
    assert [joined([]), joined(["a"]), joined(["a", "b"], "or")] == ["", "a", "a or b"]
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "31st"]
    )
    assert runs((1, 2, 3, 7, 8)) == [(1, 3), (7, 7), (8, 8)]
    assert runs((0, 1, 5, 6), 7) == [(5, 1)]
    assert runs((0, 6), 7) == [(6, 6), (0, 0)]
    assert runs((1, 2, 11, 12), 12) == [(11, 2)]
    assert step_of((0, 15, 30, 45), 60) == 15
    assert step_of((0, 7, 14), 60) is None
    assert step_of((0, 10, 30), 60) is None
    assert step_of((5,), 60) is None
