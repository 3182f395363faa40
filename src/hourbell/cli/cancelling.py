"""``hourbell runs cancel``: runs that shall not begin, or shall end; by their ids, or all that are queued."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from hourbell import Conflict, HourbellError, NotFound, Run, Scheduler
from hourbell.cli.asking import Where, Yes, ask, confirm
from hourbell.cli.completing import schedule_ids
from hourbell.cli.exit_codes import code_of, give_up
from hourbell.cli.option_groups import spread
from hourbell.cli.progress import bar
from hourbell.cli.showing import AsJson, listed, show_json

_AT_ONCE = 4
"""So many are asked for at a time: as many as there are connections for the verbs."""


@spread
def cancel(
    where: Where,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The ids of the runs.")] = None,
    queued: Annotated[
        bool, typer.Option("--queued", help="All that are queued, as the options below narrow them.")
    ] = False,
    task: Annotated[str | None, typer.Option("--task", metavar="NAME", help="Only those of this task.")] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            "--schedule", metavar="ID", help="Only those of the schedule with this id.", autocompletion=schedule_ids
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="With --queued: how many at most.")] = 1_000,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """End queued runs: their bodies will not start. Ask running ones to end, whichever node runs them.

    With --queued, one that begins meanwhile is asked to end.
    """
    if queued == bool(ids):
        give_up("name runs by their ids, or say --queued for all that are queued (narrowed by --task and --schedule)")
    if queued:
        _cancel_queued(where, {"task": task, "schedule_id": schedule}, limit, yes=yes, as_json=as_json)
        return
    if task is not None or schedule is not None:
        give_up("--task and --schedule narrow --queued; runs named by ids need none")
    named = ids or []
    confirm(f"cancel {named[0] if len(named) == 1 else f'{len(named)} runs'}?", yes)
    runs, refused = ask(where, lambda scheduler: _each(scheduler, named))
    if as_json:
        from hourbell.fastapi.schemas import RunOut

        show_json([RunOut.of(one).model_dump(mode="json") for one in runs])
    else:
        for one in runs:
            print(f"{one.id} is {one.state}" if one.state.final else f"{one.id} is asked to end")
    for error in refused:
        typer.echo(f"hourbell: {error}", err=True)
    if refused:
        raise typer.Exit(max(code_of(error) for error in refused))


def _cancel_queued(where: Where, narrowed: Mapping[str, Any], limit: int, *, yes: bool, as_json: bool) -> None:
    async def some(scheduler: Scheduler) -> tuple[list[str], bool]:
        found = await listed(
            lambda cursor, count: scheduler.list_runs(state="queued", **narrowed, cursor=cursor, limit=count), limit
        )
        return [run.id for run in found.items], found.more

    ids, more = ask(where, some)
    if ids:
        confirm(f"cancel {len(ids)} runs that are queued{', of more' if more else ''}?", yes)
    with bar("runs", len(ids)) as done:
        cancelled = ask(where, lambda scheduler: _all(scheduler, ids, done)) if ids else 0
    if as_json:
        show_json({"cancelled": cancelled, "more": more})
    else:
        print(f"{cancelled} cancelled{'; there are more: ask again, or for more by --limit N' if more else ''}")


async def _all(scheduler: Scheduler, ids: list[str], done: Callable[[int], object]) -> int:
    """How many of these were cancelled. What has ended meanwhile has done so without us."""
    left, cancelled = iter(ids), 0

    async def some() -> None:
        nonlocal cancelled
        for run_id in left:
            runs, _ = await _each(scheduler, [run_id])
            cancelled += len(runs)
            done(cancelled)

    await asyncio.gather(*(some() for _ in range(_AT_ONCE)))
    return cancelled


async def _each(scheduler: Scheduler, ids: list[str]) -> tuple[list[Run], list[HourbellError]]:
    """Those that were cancelled, and why others were not: one that has ended already keeps no other from its end."""
    runs: list[Run] = []
    refused: list[HourbellError] = []
    for run_id in ids:
        try:
            runs.append(await scheduler.cancel_run(run_id))
        except (Conflict, NotFound) as error:
            refused.append(error)
    return runs, refused
