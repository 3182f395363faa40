"""``hourbell runs cancel``: runs that shall not begin, or shall end."""

from __future__ import annotations

from typing import Annotated

import typer

from hourbell import Conflict, HourbellError, NotFound, Run, Scheduler
from hourbell.cli.asking import Where, Yes, ask, confirm
from hourbell.cli.exit_codes import code_of
from hourbell.cli.option_groups import spread
from hourbell.cli.showing import AsJson, show_json


@spread
def cancel(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="The ids of the runs.")],
    where: Where,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """End queued runs: their bodies will not start. Ask running ones to end, whichever node runs them."""
    confirm(f"cancel {ids[0] if len(ids) == 1 else f'{len(ids)} runs'}?", yes)
    runs, refused = ask(where, lambda scheduler: _each(scheduler, ids))
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
