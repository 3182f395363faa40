"""What the proof says in the terminal: what it is going to do, how far it is, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from hourbell.prove.course import DRAIN, LEASE, POLL
from hourbell.prove.judge import Word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from hourbell.prove.course import Course
    from hourbell.prove.mayhem import Deed
    from hourbell.prove.result import Result

_STYLES: Mapping[Word, str] = {Word.KEPT: "green", Word.BROKEN: "bold red", Word.NOT_TRIED: "yellow"}
_ON_PAPER_EVERY = 10.0


def introduce(console: Console, course: Course, place: str) -> None:
    """Say what is going to happen."""
    console.print(f"Hourbell is put to the proof on {place}", soft_wrap=True, highlight=False)
    console.print(
        f"  {course.nodes} node processes, {len(course.schedules)} schedules for {course.seconds:g} s, "
        f"{len(course.strokes)} blows",
        highlight=False,
    )
    console.print(f"  lease {LEASE:g} s, poll {POLL:g} s, drain {DRAIN:g} s; seed {course.seed}", highlight=False)


class Display:
    """How far it is: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console, seconds: float) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console, transient=True
        )
        self._task = self._progress.add_task("starting", total=seconds)
        self._line = Text("", overflow="ellipsis", no_wrap=True)
        self._live = Live(Group(self._progress, self._line), console=console, transient=True, refresh_per_second=4)
        self._told = -_ON_PAPER_EVERY
        self._shown = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, stage: str, elapsed: float, deeds: list[Deed], begun: int) -> None:
        """Where it stands: seconds since the first fire, what was done so far, how many bodies have begun."""
        for deed in deeds[self._shown :]:
            self._console.print(f"  {deed.began:%H:%M:%S} UTC  {deed.blow}{_whom(deed)}", highlight=False)
        self._shown = len(deeds)
        text = f"{begun} bodies begun, {len(deeds)} blow{'' if len(deeds) == 1 else 's'} dealt"
        self._progress.update(self._task, description=stage, completed=max(0.0, elapsed))
        self._line.plain = text
        if not self._console.is_terminal and elapsed - self._told >= _ON_PAPER_EVERY:
            self._told = elapsed
            self._console.print(f"  {stage}: {elapsed:.0f} s, {text}", highlight=False)


def _whom(deed: Deed) -> str:
    if deed.count:
        return f": {deed.count}"
    return f": process {', '.join(map(str, deed.pids))}" if deed.pids else ""


def conclude(console: Console, result: Result) -> None:
    """Say what came of it: a line for each promise, and one for all."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for verdict in result.verdicts:
        table.add_row(Text(str(verdict.word), style=_STYLES[verdict.word]), Text(verdict.promise, style="bold"))
        table.add_row("", verdict.seen)
    console.print()
    console.print(table, highlight=False)
    console.print()
    kept = sum(one.word is Word.KEPT for one in result.verdicts)
    untried = sum(one.word is Word.NOT_TRIED for one in result.verdicts)
    said = f"{kept} promises kept, {result.broken} broken, {untried} not tried."
    console.print(Text(said, style="bold red" if result.broken else "bold green"))
    if untried:
        console.print("Not tried: nothing happened here that could have broken it.", highlight=False)
