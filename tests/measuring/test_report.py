"""What a workload gave comes back from its file as it was, and is shown whole."""

from __future__ import annotations

import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from benchmarks.frame import charts, page, tables
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
SVG = "{http://www.w3.org/2000/svg}"


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


def test_a_picture_has_a_bar_for_each_and_its_length_is_its_share(report: Report) -> None:
    picture = charts.drawn(report, report.figures[0])
    drawing = ElementTree.fromstring(picture)
    bars = [(bar.get("class"), float(bar.get("width", "nan"))) for bar in drawing.iter(f"{SVG}rect")]
    # The scale goes to the highest run, 3,000.
    assert bars == [("ours", round(charts.BARS * 2 / 3, 1)), ("other", round(charts.BARS / 6, 1))]
    words = [text.text for text in drawing.iter(f"{SVG}text")]
    assert words == ["drained, runs/s (more is better)", "one", "Hourbell 1", "2,000", "Slow 2", "500"]


def test_there_is_no_picture_of_nothing(report: Report) -> None:
    with pytest.raises(ValueError, match="unused"):
        charts.drawn(report, _UNUSED)


def test_what_others_call_themselves_does_not_break_a_picture(report: Report) -> None:
    report.contenders["slow"] = '<Slow & "2">'
    words = [text.text for text in ElementTree.fromstring(charts.drawn(report, report.figures[0])).iter(f"{SVG}text")]
    assert '<Slow & "2">' in words


def test_a_page_is_filled_where_it_says_so(report: Report) -> None:
    places = "a\n<!-- figures: drain -->\nold\n<!-- end -->\nb\n<!-- figures: soak -->\n<!-- end -->\nc\n"
    told = page.filled(places, {"drain": report})
    assert "old" not in told
    assert "](benchmarks/drain.svg)" in told
    assert "| one | Slow 2 | 500 | 2.0 |" in told
    assert "Nothing is published yet." in told
    assert page.filled(told, {"drain": report}) == told


def test_what_is_published_is_what_the_documentation_shows() -> None:
    """`python3 dev.py bench publish` writes both."""
    for path, content in page.pages().items():
        assert path.read_text(encoding="utf-8") == content, path
