"""A picture of a report: one bar a contender, in groups by variant, as SVG that reads on light and on dark pages."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from benchmarks.frame.figures import OURS, Figure, Measurement
from benchmarks.frame.report import Report

WIDTH, LABELS, VALUES = 860, 300, 190
BAR, GAP, HEAD = 18, 6, 30
BARS = WIDTH - LABELS - VALUES
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#555}.head{font-weight:600}.ours{fill:#b3541e}.other{fill:#8a9bb0}"
    ".spread{stroke:#555;stroke-width:1.5}@media(prefers-color-scheme:dark){text{fill:#ccc}.spread{stroke:#ccc}}"
)


@dataclass(frozen=True, slots=True)
class Group:
    """What is drawn together, on one scale: a variant's bars, or all of ours where nobody else has any."""

    head: str
    bars: tuple[tuple[str, Measurement], ...]


def drawn(report: Report, figure: Figure) -> str:
    """The picture of one figure of a report. Raises ValueError when nobody has that figure."""
    groups = grouped(report, figure)
    if not groups:
        raise ValueError(f"nobody has a figure {figure.key!r} in {report.workload}")
    better = "more is better" if figure.more_is_better else "less is better"
    parts, y = [text(0, 18, f"{figure.title}, {figure.unit} ({better})", "head")], HEAD
    for group in groups:
        parts.append(text(0, y + 14, group.head))
        y += HEAD - GAP
        most = max(series.high for _, one in group.bars if (series := one.series(figure.key)))
        for label, one in group.bars:
            parts.append(bar(y, label, figure, one, most))
            y += BAR + GAP
        y += GAP
    title = escape(f"{report.workload}: {figure.title}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img">'
        f"<title>{title}</title><style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def grouped(report: Report, figure: Figure) -> list[Group]:
    """By variant where there is somebody to stand beside; else all variants on one scale."""
    rows = [one for one in report.measurements if one.values.get(figure.key)]
    if {one.contender for one in rows} <= {OURS}:
        return [Group("Hourbell", tuple((one.variant, one) for one in rows))] if rows else []
    groups = []
    for variant in report.variants():
        bars = tuple((report.named(one.contender), one) for one in rows if one.variant == variant)
        if bars:
            groups.append(Group(variant, bars))
    return groups


def bar(y: int, label: str, figure: Figure, one: Measurement, most: float) -> str:
    """A bar as long as the median, with a line from the lowest to the highest run."""
    series = one.series(figure.key)
    assert series is not None

    def length(value: float) -> float:
        return round(BARS * value / most, 1) if most else 0.0

    kind = "ours" if one.contender == OURS else "other"
    parts = [
        text(LABELS - 8, y + 13, label if len(label) <= 44 else label[:43] + "…", anchor="end"),
        f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{length(series.median)}" height="{BAR}"/>',
    ]
    if len(series.values) > 1:
        x1, x2, middle = LABELS + length(series.low), LABELS + length(series.high), y + BAR / 2
        parts.append(f'<line class="spread" x1="{x1}" x2="{x2}" y1="{middle}" y2="{middle}"/>')
    parts.append(
        text(LABELS + max(length(series.median), length(series.high)) + 6, y + 13, figure.written(series.median))
    )
    return "".join(parts)


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'
