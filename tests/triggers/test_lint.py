"""Advice about triggers that are right and perhaps not meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from hourbell.errors import TriggerError
from hourbell.triggers import At, CalendarEvery, Cron, Every, Trigger, lint, lint_all
from triggers.strategies import Case, cases, fixed, policies
from triggers.work import calls_made_by

AFTER = datetime(2026, 1, 1, tzinfo=UTC)
BERLIN = "Europe/Berlin"

ADVISED = [
    (Cron("0 9 * * *", BERLIN), ""),
    (Cron("* * * * *", BERLIN), ""),
    (Cron("*/15 * * * *", BERLIN), ""),
    (Cron("30 2 * * *"), ""),
    (Cron("30 2 * * *", BERLIN), "dst-gap dst-fold"),
    (Cron("*/5 2 * * *", BERLIN), "dst-gap dst-fold"),
    # The clock changes on the last Sunday of March and October.
    (Cron("30 2 * * mon", BERLIN), ""),
    (Cron("30 2 1-20 * *", BERLIN), ""),
    (Cron("30 2 * 3 *", BERLIN), "dst-gap"),
    (Cron("30 2 * 10 *", BERLIN), "dst-fold"),
    (Cron("30 2 25 10 *", BERLIN), "dst-fold"),
    (Cron("0 3 * * *", BERLIN), ""),
    (Cron("0 2 * * *", BERLIN), "dst-gap dst-fold"),
    (Cron("0 0 * * *", "Europe/Berlin"), "midnight"),
    (Cron("@daily"), "midnight"),
    (Cron("@hourly"), ""),
    (Cron("H 0 * * *"), ""),
    (Cron("0 9 31 * *"), "short-months"),
    (Cron("0 9 30 1,3 *"), ""),
    (Cron("0 9 30 * *"), "short-months"),
    (Cron("0 9 29 2 *"), "short-months"),
    (Cron("0 9 L * *"), ""),
    (Cron("0 9 25-31 * +fri"), ""),
    (Cron("0 9 13 * fri"), "either-day"),
    (Cron("0 9 13 * +fri"), ""),
    (Cron("*/7 * * * *"), "uneven-step"),
    (Cron("0 */5 * * *"), "uneven-step"),
    (Cron("0 */6 * * *"), ""),
    (Cron("* 9 * * *"), "every-minute"),
    (Every(days=1), "elapsed-days"),
    (Every(hours=5), ""),
    (CalendarEvery(days=1, time="02:30", timezone=BERLIN), "dst-gap dst-fold"),
    (At(AFTER), ""),
    (Cron("@every 7m"), ""),
]


@pytest.mark.parametrize("trigger,expected", ADVISED, ids=lambda value: str(value)[:60])
def test_what_is_said(trigger: Trigger, expected: str) -> None:
    found = lint(trigger, after=AFTER)
    assert [one.about for one in found] == expected.split()
    assert all(one.text and "\n" not in one.text for one in found)


def test_the_words_tell_what_happens_and_when_next() -> None:
    gap, fold = lint(Cron("30 2 * * *", BERLIN), after=AFTER)
    assert gap.text == (
        "Europe/Berlin skips 02:00 to 03:00, next on 29 March 2026: 02:30 runs at 03:00; gap='skip' says otherwise"
    )
    assert fold.text == (
        "Europe/Berlin repeats 02:00 to 03:00, next on 25 October 2026: 02:30 runs only at the first occurrence; "
        "fold='both' says otherwise"
    )
    gap, fold = lint(Cron("*/15 2 * * *", BERLIN), after=AFTER)
    assert "02:00, 02:15, 02:30 and so on do not run; gap='next_valid'" in gap.text
    assert "and so on run twice; fold='first'" in fold.text
    gap, _ = lint(Cron("30 2 * * *", BERLIN, gap="skip"), after=AFTER)
    assert gap.text.endswith("02:30 does not run; gap='next_valid' says otherwise")
    gap, _ = lint(Cron("0,30 2 * * *", BERLIN), after=AFTER)
    assert "02:00 and 02:30 run once, at 03:00" in gap.text
    (short,) = lint(Cron("0 9 31 * *"), after=AFTER)
    assert short.text.startswith("there is no 31st of February, April, June, September or November, which are")


def test_schedules_that_all_run_at_one_time() -> None:
    triggers: dict[str, Trigger] = {name: Cron("0 0 * * *") for name in "abcd"}
    triggers |= {"e": Cron("0 0 * * *", BERLIN), "f": Cron("30 0 * * *"), "g": Every(minutes=5), "h": Cron("H 0 * * *")}
    (one,) = lint_all(triggers)
    assert one.about == "same-time"
    assert one.text.startswith("4 of 8 schedules run at 00:00 UTC: a, b, c and others;")
    assert lint_all({"a": Cron("0 0 * * *"), "b": Cron("0 0 * * *")}) == ()


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(TriggerError, match="after is naive"):
        lint(Cron("* * * * *"), after=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@fixed(150)
@given(cases(timedelta(days=3)), policies)
def test_it_never_fails_and_never_works_long(case: Case, policy: tuple[str | None, str | None]) -> None:
    trigger = Cron(case.expr, case.zone.key, *policy)
    for one in lint(trigger, after=case.start):
        assert one.text.isprintable()
    assert calls_made_by(lambda: lint(trigger, after=case.start)) < 60_000


@pytest.mark.parametrize("after", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_the_calendar(after: datetime) -> None:
    lint(Cron("30 2 * * *", BERLIN), after=after)
