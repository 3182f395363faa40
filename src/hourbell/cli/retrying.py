"""``hourbell runs retry``: runs that have ended are queued again, by their ids or all that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from hourbell import Run, Scheduler
from hourbell.cli.argument_options import ArgumentOptions, known_task
from hourbell.cli.asking import Where, Yes, ask, confirm
from hourbell.cli.exit_codes import give_up
from hourbell.cli.option_groups import spread
from hourbell.cli.progress import bar
from hourbell.cli.run_options import RunOptions
from hourbell.cli.showing import AsJson, show_json

_PAGE = 1_000


@spread
def retry(
    options: RunOptions,
    arguments: ArgumentOptions,
    where: Where,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The ids of the runs.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed, as the options below narrow it.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="With --failed: how many at most.")] = 1_000,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Queue runs that have ended again, with all their tries before them.

    Other arguments are for one run, in place of all that it had; --app says who knows its task.
    """
    if failed == bool(ids):
        give_up("name runs by their ids, or say --failed for all that failed (narrowed by --task and others)")
    if failed:
        _retry_failed(where, options.read(), limit, yes=yes, as_json=as_json)
        return
    if options.given:
        give_up("--task, --schedule, --error, --since and --until narrow --failed; runs named by ids need none")
    if arguments.given and len(ids or ()) != 1:
        give_up("--arg and --args change the arguments of one run: name one")
    arguments.refuse_without(where.app)
    _tell(ask(where, lambda scheduler: _each(scheduler, ids or [], arguments)), as_json)


def _retry_failed(where: Where, narrowed: Mapping[str, Any], limit: int, *, yes: bool, as_json: bool) -> None:
    count = ask(where, lambda scheduler: _count(scheduler, narrowed, limit))
    if not count and not as_json:
        print("no run that failed fits")
        return
    if count:
        confirm(f"retry {count} runs that failed?", yes)
    with bar("runs", count) as done:
        retried = ask(where, lambda scheduler: scheduler.retry_runs(**narrowed, limit=limit, progress=done))
    show_json({"retried": retried}) if as_json else print(f"{retried} queued again")


async def _count(scheduler: Scheduler, narrowed: Mapping[str, Any], limit: int) -> int:
    found, cursor = 0, None
    while found < limit:
        page = await scheduler.list_runs(state="failed", **narrowed, cursor=cursor, limit=min(_PAGE, limit - found))
        found, cursor = found + len(page), page.next_cursor
        if cursor is None:
            break
    return found


async def _each(scheduler: Scheduler, ids: Sequence[str], arguments: ArgumentOptions) -> list[Run]:
    if not arguments.given:
        return [await scheduler.retry_run(run_id) for run_id in ids]
    run = await scheduler.get_run(ids[0])
    args = arguments.read(known_task(scheduler, run.task, await scheduler.list_tasks()))
    return [await scheduler.retry_run(run.id, args=args)]


def _tell(runs: Sequence[Run], as_json: bool) -> None:
    if as_json:
        from hourbell.fastapi.schemas import RunOut

        show_json([RunOut.of(one).model_dump(mode="json") for one in runs])
        return
    for one in runs:
        print(f"{one.id} is queued again")
