"""What a workload gave comes back from its file as it was, and is shown whole."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.frame import tables
from benchmarks.frame.figures import Figure, Goal
from benchmarks.frame.report import Report


@pytest.fixture
def report() -> Report:
    goals = (
        Goal("faster than slow", "one", "rate", ("slow",), 2.0, "at least"),
        Goal("soon", "one", "late", ("slow",), 1.0, "at most"),
        Goal("as fast as absent", "one", "rate", ("absent",), 1.0, "at least"),
    )
    figures = (Figure("rate", "drained", "runs/s", True), Figure("late", "late", "ms", False, 1), _UNUSED)
    made = Report("drain", "what it is", figures, goals)
    made.contenders = {"hourbell": "Hourbell 1", "slow": "Slow 2", "absent": "Absent"}
    for rate in (1000, 3000, 2000):
        made.measurement("hourbell", "one").add({"rate": rate, "late": 2.5})
    made.measurement("slow", "one").add({"rate": 500, "late": 2.0})
    made.not_run["absent"] = "it is not there"
    made.notes.append("20 runs")
    made.facts["cores"] = "2"
    return made


_UNUSED = Figure("unused", "never measured", "s", True)


def test_it_comes_back_from_its_file(report: Report, tmp_path: Path) -> None:
    file = tmp_path / "folder" / "drain.json"
    report.write(file)
    assert Report.read(file) == report


def test_a_file_of_another_version_is_refused(report: Report, tmp_path: Path) -> None:
    file = tmp_path / "drain.json"
    report.write(file)
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": 0}))
    with pytest.raises(ValueError, match="measure again"):
        Report.read(file)


def test_the_table_shows_figures_ratios_and_who_is_missing(report: Report) -> None:
    console = Console(file=io.StringIO(), width=200)
    tables.show(report, console)
    said = console.file.getvalue()  # type: ignore[attr-defined]
    for text in (
        "2,000 (1,000 – 3,000)",
        "│ one     │ Slow 2     │                   500 │",
        "faster than slow: 4.00 × slow: reached (at least 2)",
        "soon: 1.25 × slow: NOT reached (at most 1)",
        "as fast as absent: not measured",
        "not run: Absent: it is not there",
        "20 runs",
        "cores 2",
    ):
        assert text in said, said
    assert "never measured" not in said


def test_the_page_shows_the_same(report: Report) -> None:
    page = tables.markdown(report)
    assert "| one | Hourbell 1 | 2,000 (1,000 – 3,000) | 2.5 (2.5 – 2.5) |" in page
    assert "- soon: 1.25 × slow: NOT reached (at most 1)" in page
    assert "- Not run: Absent: it is not there" in page
    assert "never measured" not in page
