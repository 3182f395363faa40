"""Each workload is known to the command line, and asks for figures that it gives."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.frame.report import Report
from benchmarks.frame.run import Wanted

FOLDER = Path(command.__file__).parent / "workloads"


def report(name: str) -> Report:
    made: Report = importlib.import_module(f"benchmarks.workloads.{name}").report()
    return made


def test_every_workload_can_be_asked_for() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - {"__init__"} == set(command.WORKLOADS)


@pytest.mark.parametrize("name", command.WORKLOADS)
def test_its_goals_are_about_its_figures(name: str) -> None:
    made = report(name)
    assert made.workload == name
    assert {goal.figure for goal in made.goals} <= {figure.key for figure in made.figures}
    # More of what is better is wanted, and less of what is worse.
    better = {figure.key: figure.more_is_better for figure in made.figures}
    assert all((goal.kind == "at least") == better[goal.figure] for goal in made.goals)


@pytest.mark.parametrize("name", command.WORKLOADS)
def test_the_page_has_a_place_for_it(name: str) -> None:
    page = (FOLDER.parents[1] / "docs" / "reference" / "benchmarks.md").read_text(encoding="utf-8")
    assert page.count(f"<!-- figures: {name} -->\n") == 1


@pytest.mark.parametrize(
    "arguments,reason",
    [
        (["no-such"], "no workload 'no-such'"),
        (["drain", "fire", "--json", "x"], "one NAME"),
        (["--size", "huge"], "huge"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.parsed(arguments)
    assert reason in capsys.readouterr().err


def test_variants_are_chosen_by_a_part_of_their_names() -> None:
    assert Wanted().chosen(["one process", "two processes"]) == ["one process", "two processes"]
    assert Wanted(variants=("two", "three")).chosen(["one process", "two processes"]) == ["two processes"]
