"""The count from the bodies' own words: it must be able to find what it looks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hourbell import Cron, Every
from hourbell.demo.entry import Entry, Phase
from hourbell.demo.tally import Counts, Tally

START = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
TRIGGERS = {"seconds": Every(seconds=1).anchored(START), "minutes": Cron("* * * * *", timezone="Europe/Berlin")}


def entry(
    second: float | None, run: str, *, attempt: int = 1, schedule: str = "seconds", phase: str = "started"
) -> Entry:
    fire_at = None if second is None else START + timedelta(seconds=second)
    return Entry(
        task="m:f",
        schedule=schedule,
        fire_at=fire_at,
        run=run,
        attempt=attempt,
        pid=7,
        phase=Phase(phase),
        at=fire_at or START,
    )


@pytest.fixture
def tally() -> Tally:
    return Tally(TRIGGERS)


def counted(tally: Tally, *entries: Entry) -> Counts:
    for elapsed, one in enumerate(entries):
        tally.note(one, float(elapsed))
    return tally.counts()


def test_each_fire_with_its_run_is_right(tally: Tally) -> None:
    counts = counted(tally, *(entry(second, f"run{second}") for second in range(1, 6)))
    assert counts == Counts(fires=5, runs=5, attempts=5, duplicates=0, missed=0, strays=0)
    assert counts.right
    assert str(counts) == "fires 5 · runs 5 · duplicates 0 · missed 0"


def test_nothing_is_right_too_and_counts_nothing(tally: Tally) -> None:
    assert tally.counts() == Counts(fires=0, runs=0, attempts=0, duplicates=0, missed=0, strays=0)


def test_two_runs_of_one_fire_are_a_duplicate(tally: Tally) -> None:
    counts = counted(tally, entry(1, "a"), entry(2, "b"), entry(1, "c"))
    assert (counts.fires, counts.runs, counts.duplicates, counts.missed) == (2, 3, 1, 0)
    assert not counts.right


def test_one_attempt_that_started_twice_is_a_duplicate(tally: Tally) -> None:
    counts = counted(tally, entry(1, "a"), entry(1, "a"))
    assert (counts.fires, counts.runs, counts.attempts, counts.duplicates) == (1, 1, 1, 1)


def test_another_attempt_of_the_same_run_is_none(tally: Tally) -> None:
    """As after a failure, or after the death of the node that had the first one."""
    counts = counted(tally, entry(1, "a"), entry(1, "a", phase="failed"), entry(1, "a", attempt=2))
    assert (counts.fires, counts.runs, counts.attempts, counts.duplicates) == (1, 1, 2, 0)


def test_the_same_instant_of_two_schedules_is_two_fires(tally: Tally) -> None:
    counts = counted(tally, entry(60, "a"), entry(60, "b", schedule="minutes"))
    assert (counts.fires, counts.duplicates) == (2, 0)


def test_what_lies_between_and_was_not_seen_is_missed(tally: Tally) -> None:
    counts = counted(tally, entry(1, "a"), entry(5, "b"))
    assert (counts.fires, counts.missed) == (2, 3)
    assert not counts.right


def test_what_was_missed_by_a_cron_in_its_zone(tally: Tally) -> None:
    assert counted(tally, entry(0, "a", schedule="minutes"), entry(180, "b", schedule="minutes")).missed == 2


def test_fires_may_be_seen_in_any_order(tally: Tally) -> None:
    counts = counted(tally, *(entry(second, f"run{second}") for second in (4, 6, 1, 3, 2, 5)))
    assert (counts.fires, counts.missed, counts.strays) == (6, 0, 0)


def test_nothing_is_expected_before_the_first_or_after_the_last(tally: Tally) -> None:
    assert counted(tally, entry(100, "a"), entry(101, "b")).missed == 0


def test_a_fire_off_the_trigger_is_a_stray(tally: Tally) -> None:
    counts = counted(tally, entry(1, "a"), entry(1.5, "b"), entry(2, "c"))
    assert (counts.strays, counts.missed) == (1, 0)
    assert not counts.right
    assert "strays 1" in str(counts)


def test_a_run_by_hand_is_no_fire(tally: Tally) -> None:
    counts = counted(tally, entry(None, "a", schedule="minutes"), entry(None, "b", schedule="minutes"))
    assert (counts.fires, counts.runs, counts.missed, counts.duplicates) == (0, 2, 0, 0)


def test_while_it_runs_a_fire_is_missed_only_after_some_patience(tally: Tally) -> None:
    tally.note(entry(1, "a"), 10.0)
    tally.note(entry(3, "b"), 12.0)
    assert tally.counts(elapsed=13.0, patience=5.0).missed == 0
    assert tally.counts(elapsed=17.0, patience=5.0).missed == 1
    assert tally.counts().missed == 1
    tally.note(entry(2, "late"), 18.0)
    assert tally.counts().missed == 0
