"""The commands that list: schedules, runs, tasks, nodes.

The shapes are those of the REST API, imported where they are used: they bring FastAPI along, and `hourbell worker` and
the help need none of it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hourbell import HourbellError
from hourbell.cli.asking import Database, ask, give_up, run
from hourbell.cli.loading import load_scheduler
from hourbell.cli.table import table

if TYPE_CHECKING:
    from pydantic import BaseModel

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shapes of the REST API.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")]
OfSchedule = Annotated[str | None, typer.Option("--schedule", help="Only those of the schedule with this id.")]
OfTask = Annotated[str | None, typer.Option("--task", help="Only those of the task with this name.")]
OfTracking = Annotated[str | None, typer.Option("--tracking-id", help="Only those of the chain with this id.")]
ErrorText = Annotated[str | None, typer.Option("--error", help="Only those whose error contains this text.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Only those that ended from then on.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only those that ended before then.")]
State = Annotated[str | None, typer.Option(help="Only those in this state.")]
_FINE = re.compile(r"(?<=T\d\d:\d\d:\d\d)(\.\d{3})\d+Z$")


def list_schedules(database: Database = None, state: State = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """The schedules that are stored, by id."""
    from hourbell.fastapi import schemas as shapes

    page = ask(database, lambda scheduler: scheduler.list_schedules(state=state, limit=limit))
    _show([shapes.ScheduleOut.of(one) for one in page], ("id", "state", "next_fire_at", "explain", "note"), as_json)


def list_runs(database: str | None, wanted: Mapping[str, Any], limit: int, as_json: bool) -> None:
    """The runs, newest first."""
    from hourbell.fastapi import schemas as shapes

    page = ask(database, lambda scheduler: scheduler.list_runs(**wanted, limit=limit))
    times = ("fire_at", "run_at", "started_at", "finished_at")
    columns = ("id", "task", "state", "reason", *times, "attempt", "node_id", "error")
    _show([shapes.RunOut.of(one) for one in page], columns, as_json, spared=("node_id", *times, "reason", "attempt"))


def list_tasks(
    address: Annotated[str, typer.Argument(metavar="MODULE:SCHEDULER", help="As in myapp.main:scheduler.")],
    as_json: AsJson = False,
) -> None:
    """The tasks that a scheduler registers when its module is imported."""
    from hourbell.fastapi import schemas as shapes

    try:
        scheduler = load_scheduler(address)
    except HourbellError as error:
        give_up(str(error))
    _show([shapes.TaskOut.of(one) for one in run(scheduler.list_tasks)], ("name", "aliases", "policies"), as_json)


def list_nodes(database: Database = None, as_json: AsJson = False) -> None:
    """The nodes that are known, live ones first."""
    from hourbell.fastapi import schemas as shapes

    nodes = ask(database, lambda scheduler: scheduler.list_nodes())
    columns = ("id", "state", "host", "pid", "running", "started_at", "lease_until")
    _show([shapes.NodeOut.of(one) for one in nodes], columns, as_json)


def _show(items: Sequence[BaseModel], columns: Sequence[str], as_json: bool, spared: Sequence[str] = ()) -> None:
    plain = [item.model_dump(mode="json") for item in items]
    if as_json:
        print(json.dumps(plain, indent=2))
    else:
        rows = [{name: _short(value) for name, value in item.items()} for item in plain]
        width = shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() or "COLUMNS" in os.environ else None
        print(table(columns, rows, width=width, spared=spared))


def _short(value: object) -> object:
    """The first line of a text, as an error's; and an instant to the millisecond."""
    return _FINE.sub(r"\1Z", value.partition("\n")[0]) if isinstance(value, str) else value
