"""``hourbell schedules backfill``: runs for due times that have passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from hourbell import Scheduler
from hourbell.cli.asking import Where, Yes, ask, confirm
from hourbell.cli.option_groups import spread
from hourbell.cli.periods import in_utc, read_instant
from hourbell.cli.progress import bar
from hourbell.cli.schedule_switches import ScheduleId
from hourbell.cli.showing import AsJson, show_json
from hourbell.cli.table import plain
from hourbell.model.backfill import Backfill


@spread
def backfill(
    id: ScheduleId,  # noqa: A002 - as in REST
    start: Annotated[str, typer.Option("--start", metavar="TIME", help="The first due time, or a time before it.")],
    end: Annotated[str, typer.Option("--end", metavar="TIME", help="The last due time, or a time behind it.")],
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="TEXT", help="Names this backfill: asking again makes only what is missing."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be made.")] = False,
    yes: Yes = False,
    *,
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Make a run for each due time from --start to --end, both included, whether or not it has run before.

    They run in order, behind the schedule's own fires. Without a key each call is a backfill of its own.
    """
    would = ask(where, lambda scheduler: _asked(scheduler, id, start, end, dry_run=True))
    if dry_run or not would.fires:
        _tell(would, as_json, dry_run=True)
        return
    many = len(would.fires)
    confirm(f"make {many} runs of {plain(id)}, for {in_utc(would.fires[0])} to {in_utc(would.fires[-1])}?", yes)
    with bar("due times", many) as done:
        found = ask(where, lambda scheduler: _asked(scheduler, id, start, end, key=key, done=done))
    _tell(found, as_json, dry_run=False)


async def _asked(
    scheduler: Scheduler,
    schedule_id: str,
    start: str,
    end: str,
    *,
    key: str | None = None,
    dry_run: bool = False,
    done: Callable[[int], object] | None = None,
) -> Backfill:
    first, last = read_instant("--start", start), read_instant("--end", end)
    return await scheduler.backfill_schedule(schedule_id, first, last, key=key, dry_run=dry_run, progress=done)


def _tell(found: Backfill, as_json: bool, *, dry_run: bool) -> None:
    if as_json:
        fires = [in_utc(fire) for fire in found.fires]
        shown = {
            "id": found.id,
            "schedule_id": found.schedule_id,
            "start": in_utc(found.start),
            "end": in_utc(found.end),
        }
        show_json({**shown, "fires": fires, "made": found.made, "dry_run": dry_run})
    elif not found.fires:
        print("no due time lies there: nothing to make")
    elif dry_run:
        print(f"{len(found.fires)} runs would be made:")
        for fire in found.fires:
            print(f"    {in_utc(fire)}")
    else:
        known = len(found.fires) - found.made
        print(f"{found.made} runs are queued as backfill {plain(found.id)}" + (f"; {known} were there" * bool(known)))
