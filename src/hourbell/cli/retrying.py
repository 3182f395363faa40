"""``hourbell runs retry``: runs that have ended are queued again, by their ids or all that failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hourbell import HourbellError, Run, Scheduler
from hourbell.cli.asking import Database, ask, give_up, run
from hourbell.cli.lists import ErrorText, OfSchedule, OfTask, Since, Until
from hourbell.cli.loading import load_scheduler

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAGE = 1_000


def retry(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The ids of the runs.")] = None,
    database: Database = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed, as the options below narrow it.")] = False,
    task: OfTask = None,
    schedule: OfSchedule = None,
    error: ErrorText = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="With --failed: how many at most.")] = 1_000,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --failed: do not ask.")] = False,
    args: Annotated[str | None, typer.Option(help="Other arguments for the one run, as a JSON object.")] = None,
    app: Annotated[
        str | None, typer.Option("--app", metavar="MODULE:SCHEDULER", help="Who knows the task, to check --args.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Queue runs that have ended again, with all their tries before them."""
    narrowed = {
        "task": task,
        "schedule_id": schedule,
        "error": error,
        "since": instant("--since", since),
        "until": instant("--until", until),
    }
    if failed == bool(ids):
        give_up("name runs by their ids, or say --failed for all that failed (narrowed by --task and others)")
    if failed:
        _retry_failed(database, narrowed, limit, yes=yes or as_json, as_json=as_json)
        return
    if any(value is not None for value in narrowed.values()):
        give_up("--task, --schedule, --error, --since and --until narrow --failed; runs named by ids need none")
    _tell(_retry_some(database, ids or [], args, app), as_json)


def instant(option: str, text: str | None) -> datetime | None:
    """An instant as it is typed; UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        give_up(f"{option} {text!r}: give an instant, as in 2030-01-31T09:00:00Z")
    return typed if typed.tzinfo is not None else typed.replace(tzinfo=UTC)


def _retry_failed(database: str | None, narrowed: Mapping[str, Any], limit: int, *, yes: bool, as_json: bool) -> None:
    if not yes:
        count = ask(database, lambda scheduler: _count(scheduler, narrowed, limit))
        if not count:
            print("no run that failed fits")
            return
        typer.confirm(f"retry {count} runs that failed?", abort=True)

    def told(so_far: int) -> None:
        if not as_json:
            print(f"\r{so_far} queued again", end="", flush=True)

    retried = ask(database, lambda scheduler: scheduler.retry_runs(**narrowed, limit=limit, progress=told))
    print(json.dumps({"retried": retried}) if as_json else "")


async def _count(scheduler: Scheduler, narrowed: Mapping[str, Any], limit: int) -> int:
    found, cursor = 0, None
    while found < limit:
        page = await scheduler.list_runs(state="failed", **narrowed, cursor=cursor, limit=min(_PAGE, limit - found))
        found, cursor = found + len(page), page.next_cursor
        if cursor is None:
            break
    return found


def _retry_some(database: str | None, ids: Sequence[str], args: str | None, app: str | None) -> list[Run]:
    if args is None:
        return ask(database, lambda scheduler: _each(scheduler, ids, None))
    if app is None or len(ids) != 1:
        give_up("--args changes the arguments of one run, and --app MODULE:SCHEDULER says who knows its task")
    try:
        given = json.loads(args)
    except ValueError as error:
        give_up(f"--args is no JSON: {error}")
    if not isinstance(given, dict):
        give_up('--args: give a JSON object with the arguments by name, as in {"to": "ada"}')
    try:
        scheduler = load_scheduler(app)
    except HourbellError as error:
        give_up(str(error))

    async def opened() -> list[Run]:
        await scheduler.open(migrate=False)
        try:
            return await _each(scheduler, ids, given)
        finally:
            await scheduler.close()

    return run(opened)


async def _each(scheduler: Scheduler, ids: Sequence[str], args: Mapping[str, Any] | None) -> list[Run]:
    return [await scheduler.retry_run(run_id, args=args) for run_id in ids]


def _tell(runs: Sequence[Run], as_json: bool) -> None:
    if as_json:
        from hourbell.fastapi.schemas import RunOut

        print(json.dumps([RunOut.of(one).model_dump(mode="json") for one in runs], indent=2))
        return
    for one in runs:
        print(f"{one.id} is queued again")
