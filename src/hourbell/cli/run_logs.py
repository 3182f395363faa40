"""``hourbell runs logs``: what the body of a run logged, also while it runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from hourbell import Scheduler
from hourbell.cli.asking import Where, ask
from hourbell.cli.option_groups import spread
from hourbell.cli.run_details import RunId
from hourbell.cli.table import plain

if TYPE_CHECKING:
    from hourbell.model.log_line import LogLine, LogPage
    from hourbell.model.progress import Progress
    from hourbell.model.run import Run

PAUSE = 1.0
"""Seconds between two looks when following: nodes write what bodies log about as often."""

_PAGE = 1_000


@spread
def show_logs(
    run_id: RunId,
    where: Where,
    attempt: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only of this attempt.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """What the body of a run logged, oldest first."""
    printer = _as_json if as_json else _Printer().show
    ask(where, lambda scheduler: _follow(scheduler, run_id, attempt, until_end=follow, show=printer))


async def _follow(
    scheduler: Scheduler, run_id: str, attempt: int | None, *, until_end: bool, show: Callable[[Run, LogPage], None]
) -> None:
    cursor: str | None = None
    while True:
        # Asked for first: once the run is final, all that it said is there.
        run = await scheduler.get_run(run_id)
        page = await scheduler.list_logs(run_id, attempt=attempt, cursor=cursor, limit=_PAGE)
        show(run, page)
        cursor = page[-1].cursor if len(page) else cursor
        if page.next_cursor is None:
            if run.state.final or not until_end:
                return
            await asyncio.sleep(PAUSE)


def _as_json(_: Run, page: LogPage) -> None:
    from hourbell.fastapi.schemas import LogLineOut

    for line in page:
        print(json.dumps(LogLineOut.of(line).model_dump(mode="json")), flush=True)  # ASCII alone: whole in any locale


class _Printer:
    """Lines for people: the time, the level, the logger, the message; what follows it is set in, so that nothing that
    was logged can be taken for a line of ours."""

    def __init__(self) -> None:
        self._attempt = 0
        self._number = 0
        self._progress: Progress | None = None

    def show(self, run: Run, page: LogPage) -> None:
        for line in page:
            self._head(line)
            at = line.logged_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
            first, *rest = line.message.split("\n")
            print(plain(f"{at} {line.level_name:<7} {line.logger}: {first}"), flush=True)
            for more in rest:
                print("    " + plain(more.replace("\t", "    ")), flush=True)
        if run.progress is not None and run.progress != self._progress:
            self._progress = run.progress
            print(plain(f"-- attempt {run.progress.attempt} has come to {run.progress}"), flush=True)

    def _head(self, line: LogLine) -> None:
        if line.attempt != self._attempt:
            self._attempt, self._number = line.attempt, 0
            print(f"-- attempt {line.attempt}")
        missing = line.number - self._number - 1
        if missing:
            print(f"-- {missing} lines are not kept")
        self._number = line.number
