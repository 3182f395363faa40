"""The page of the documentation, whose tables and pictures are made from the reports that are published."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.frame.charts import drawn
from benchmarks.frame.figures import Figure
from benchmarks.frame.report import Report
from benchmarks.frame.tables import columns, markdown

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
PICTURES = "benchmarks"
"""The folder beside the page."""
_PLACE = re.compile(r"(<!-- figures: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str, reports: dict[str, Report]) -> str:
    """The page with the figures of each report in its place; a place without a report says that there are none."""
    return _PLACE.sub(lambda place: place[1] + body(place[2], reports.get(place[2])) + place[3], page)


def body(workload: str, report: Report | None) -> str:
    if report is None:
        return "\nNothing is published yet.\n\n"
    title = f"{report.title} ({pictured(report).title}, {pictured(report).unit})"
    return f"\n![{title}]({PICTURES}/{workload}.svg)\n\n{markdown(report)}\n"


def pictured(report: Report) -> Figure:
    """The figure of a report's picture: its first that anybody has."""
    return columns(report)[0]


def published() -> dict[str, Report]:
    """Every report that is kept in `benchmarks/results`."""
    return {path.stem: Report.read(path) for path in sorted(RESULTS.glob("*.json"))}


def pages() -> dict[Path, str]:
    """The page and its pictures, as they are to stand in the documentation."""
    reports = published()
    made = {PAGE: filled(PAGE.read_text(encoding="utf-8"), reports)}
    for name, report in reports.items():
        made[PAGE.parent / PICTURES / f"{name}.svg"] = drawn(report, pictured(report))
    return made


def publish(last: Path) -> list[str]:
    """Keep what was measured last as what is published, and write the page anew; answers which workloads it was."""
    RESULTS.mkdir(exist_ok=True)
    names = []
    for path in sorted(last.glob("*.json")):
        report = Report.read(path)
        if "full" in report.facts.get("size", ""):
            report.write(RESULTS / path.name)
            names.append(path.stem)
    for path, content in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return names
