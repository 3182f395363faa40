"""``hourbell runs show``: everything that is known of one run, each attempt with its error."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hourbell.cli.asking import Where, ask
from hourbell.cli.option_groups import spread
from hourbell.cli.showing import AsJson, show_fields, show_json, show_paragraph
from hourbell.cli.table import plain
from hourbell.model.run_state import RunState

if TYPE_CHECKING:
    from hourbell import Run, Scheduler
    from hourbell.fastapi.schemas import RunDetailsOut
    from hourbell.model.held_up import HeldUp

RunId = Annotated[str, typer.Argument(metavar="ID", help="The id of the run.")]


@spread
def show_run(
    run_id: RunId,
    where: Where,
    as_json: AsJson = False,
) -> None:
    """One run with all its attempts and their errors; of a queued one, what it waits for; of a skipped one, why."""
    run, details, held = ask(where, lambda scheduler: _details(scheduler, run_id))
    shown = details.model_dump(mode="json")
    if as_json:
        show_json({**shown, "held_up": None if held is None else {"why": held.why, "do": held.do}})
        return
    if run.progress is not None:
        shown["progress"] = f"{run.progress}, said by attempt {run.progress.attempt}"
    attempts = shown.pop("attempts")
    # The last attempt tells it too.
    error = None if attempts and attempts[-1]["error"] == shown["error"] else shown.pop("error")
    shown.pop("error", None)
    show_fields(shown)
    _print_error(error)
    for attempt in attempts:
        error = attempt.pop("error")
        print(f"\n-- attempt {attempt.pop('attempt')}: {attempt.pop('outcome') or 'under way'}")
        show_fields({**attempt, "took": _took(attempt)})
        _print_error(error)
    if held is not None:
        print()
        show_paragraph(f"{'skipped' if run.state == RunState.SKIPPED else 'not begun yet'}: {held.why}")
        if held.do is not None:
            show_paragraph(f"do: {held.do}", "    ")


async def _details(scheduler: Scheduler, run_id: str) -> tuple[Run, RunDetailsOut, HeldUp | None]:
    from hourbell.fastapi.schemas import RunDetailsOut

    run = await scheduler.get_run(run_id)
    return run, RunDetailsOut.told(run, await scheduler.list_attempts(run_id)), await scheduler.held_up(run)


def _took(attempt: dict[str, Any]) -> str | None:
    """How long the body of an attempt ran."""
    begun, ended = attempt.get("started_at"), attempt.get("finished_at")
    if begun is None or ended is None:
        return None
    seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()
    return f"{seconds:.3f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def _print_error(error: str | None) -> None:
    if error is not None:
        for line in error.splitlines():
            print("    " + plain(line.replace("\t", "    ")) if line else "")
