"""A report as tables, for the terminal and for the documentation."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks.frame.figures import Figure, Measurement, Reached
from benchmarks.frame.report import Report


def cell(figure: Figure, one: Measurement) -> str:
    """The median, and from where to where the runs went when there are several."""
    series = one.series(figure.key)
    if series is None:
        return ""
    middle = figure.written(series.median)
    if len(series.values) == 1:
        return middle
    return f"{middle} ({figure.written(series.low)} – {figure.written(series.high)})"


def verdict(reached: Reached) -> str:
    """A ratio with what was wanted of it."""
    wanted = f"{reached.goal.kind} {reached.goal.limit:.2g}"
    if reached.ratio is None:
        return f"not measured ({wanted} is wanted)"
    return f"{reached.ratio:.2f} × {reached.against}: {'reached' if reached.is_met else 'NOT reached'} ({wanted})"


def columns(report: Report) -> list[Figure]:
    """The figures that somebody has."""
    return [figure for figure in report.figures if any(one.values.get(figure.key) for one in report.measurements)]


def show(report: Report, console: Console) -> None:
    """Print everything that the report holds."""
    shown = columns(report)
    table = Table(title=f"{report.workload}: {report.title}", title_justify="left")
    table.add_column("variant")
    table.add_column("who")
    for figure in shown:
        table.add_column(f"{figure.title}\n{figure.unit}", justify="right")
    for variant in report.variants():
        for one in report.measurements:
            if one.variant == variant:
                table.add_row(variant, report.named(one.contender), *(cell(figure, one) for figure in shown))
    console.print(table)
    for reached in report.reached():
        console.print(f"  {reached.goal.text}: {verdict(reached)}", markup=False, highlight=False)
    for name, reason in report.not_run.items():
        console.print(f"  not run: {report.named(name)}: {reason}", markup=False, highlight=False)
    for note in report.notes:
        console.print(f"  {note}", markup=False, highlight=False)
    facts = ", ".join(f"{name} {value}" for name, value in report.facts.items())
    console.print(f"  {facts}", markup=False, highlight=False)


def markdown(report: Report) -> str:
    """The same for a page of the documentation."""
    shown = columns(report)
    heads = ["variant", "who", *(f"{figure.title}, {figure.unit}" for figure in shown)]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * 2}{'---:|' * len(shown)}"]
    for variant in report.variants():
        for one in report.measurements:
            if one.variant == variant:
                cells = [variant, report.named(one.contender), *(cell(figure, one) for figure in shown)]
                lines.append(f"| {' | '.join(cells)} |")
    if report.goals:
        lines += ["", *(f"- {reached.goal.text}: {verdict(reached)}" for reached in report.reached())]
    if report.not_run:
        lines += ["", *(f"- Not run: {report.named(name)}: {reason}" for name, reason in report.not_run.items())]
    lines += ["", *(f"- {note}" for note in report.notes)] if report.notes else []
    lines += ["", "Measured on: " + ", ".join(f"{name} {value}" for name, value in report.facts.items()) + "."]
    return "\n".join(lines) + "\n"
