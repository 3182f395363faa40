"""The demo's last word and its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from hourbell.demo.tally import Counts
from hourbell.demo.verdict import Verdict

FOLDER = Path("/somewhere")


def counts(*, runs: int = 3, duplicates: int = 0, missed: int = 0, strays: int = 0) -> Counts:
    return Counts(fires=runs, runs=runs, attempts=runs, duplicates=duplicates, missed=missed, strays=strays)


def test_all_is_well() -> None:
    verdict = Verdict(counts=counts(), processes=4)
    assert verdict.exit_code == 0
    assert not verdict.worth_a_look
    assert verdict.lines(FOLDER)[-1] == "Every fire was run, and none was run twice."


@pytest.mark.parametrize("wrong", [counts(duplicates=1), counts(missed=1), counts(strays=1)], ids=str)
def test_a_wrong_count_fails_and_is_kept(wrong: Counts) -> None:
    verdict = Verdict(counts=wrong, processes=1)
    assert verdict.exit_code == 1
    assert verdict.worth_a_look
    assert str(FOLDER) in verdict.lines(FOLDER)[-1]


def test_nothing_is_not_enough() -> None:
    verdict = Verdict()
    assert verdict.exit_code == 1
    assert verdict.lines(FOLDER) == ["Nothing has run."]


def test_a_problem_fails_whatever_was_counted() -> None:
    verdict = Verdict(counts=counts(), processes=4, problem="A process had to be killed.")
    assert verdict.exit_code == 1
    assert verdict.lines(FOLDER)[0] == "A process had to be killed."
    assert Verdict(problem="Stopped.").lines(FOLDER) == ["Stopped."]
