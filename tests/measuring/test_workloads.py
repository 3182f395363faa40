"""Each workload is known to the command line, and asks for figures that it gives."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.frame import interpreters
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
    assert Wanted(variants=("one process",)).chosen(["one process", "one process, busy"]) == ["one process"]


def test_only_what_goals_are_about_may_be_chosen() -> None:
    made = report("fire")
    about = Wanted(goals=True).chosen([*(goal.variant for goal in made.goals), "something else"], made.goals)
    assert "something else" not in about
    assert {goal.variant for goal in made.goals} == set(about)
    per = next(goal.per for goal in made.goals if goal.per)
    assert Wanted(goals=True).chosen([per], made.goals) == [per], "what a goal compares with is measured too"
    assert Wanted(goals=True, variants=("step",)).chosen([per, made.goals[0].variant], made.goals) == [per]


def test_the_newest_python_that_starts_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, said in (("python3.14", "exit 1"), ("python3.13", "echo 3 13"), ("python3.12", "echo 3 12")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{said}\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(interpreters.sys, "base_prefix", str(tmp_path / "nowhere" / "3"))
    found, version = interpreters.python.__wrapped__()
    if sys.version_info < (3, 13):
        assert (found, version) == (str(tmp_path / "python3.13"), (3, 13))
    else:
        assert version == sys.version_info[:2]
