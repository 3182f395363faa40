"""``hourbell runs``: the runs, and what is known of one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from hourbell import Scheduler
from hourbell.cli.asking import Database, ask
from hourbell.cli.lists import AsJson, ErrorText, Limit, OfSchedule, OfTask, OfTracking, Since, State, Until, list_runs
from hourbell.cli.retrying import instant, retry
from hourbell.cli.run_details import show_run
from hourbell.cli.table import plain

if TYPE_CHECKING:
    from hourbell.model.log_line import LogLine, LogPage
    from hourbell.model.progress import Progress
    from hourbell.model.run import Run

PAUSE = 1.0
"""Seconds between two looks when following: nodes write what bodies log about as often."""

_PAGE = 1_000


def runs_commands() -> typer.Typer:
    """``runs`` alone lists; a word after it asks about one run."""
    app = typer.Typer()
    app.callback(invoke_without_command=True)(_listed)
    app.command("show")(show_run)
    app.command("logs")(show_logs)
    app.command("retry")(retry)
    return app


def _listed(
    context: typer.Context,
    database: Database = None,
    schedule: OfSchedule = None,
    task: OfTask = None,
    state: State = None,
    error: ErrorText = None,
    since: Since = None,
    until: Until = None,
    tracking_id: OfTracking = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """The runs, newest first."""
    if context.invoked_subcommand is None:
        wanted = {
            "schedule_id": schedule,
            "task": task,
            "state": state,
            "error": error,
            "since": instant("--since", since),
            "until": instant("--until", until),
            "tracking_id": tracking_id,
        }
        list_runs(database, wanted, limit, as_json)


def show_logs(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the run.")],
    database: Database = None,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only of this attempt.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """What the body of a run logged, oldest first."""
    printer = _as_json if as_json else _Printer().show
    ask(database, lambda scheduler: _follow(scheduler, run_id, attempt, until_end=follow, show=printer))


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
        print(LogLineOut.of(line).model_dump_json(), flush=True)


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
