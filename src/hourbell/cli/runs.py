"""``hourbell runs``: the runs, and everything that is done to them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hourbell import Run, Scheduler
from hourbell.cli.asking import Where, ask
from hourbell.cli.cancelling import cancel
from hourbell.cli.nearest import or_the_nearest
from hourbell.cli.option_groups import spread
from hourbell.cli.retrying import retry
from hourbell.cli.run_details import show_run
from hourbell.cli.run_logs import show_logs
from hourbell.cli.run_options import RunOptions
from hourbell.cli.showing import AsJson, Limit, Listed, listed, show_rows

State = Annotated[
    str | None,
    typer.Option(
        metavar="STATE", help="Only those in this state: queued, running, succeeded, failed, cancelled, skipped."
    ),
]
Reason = Annotated[str | None, typer.Option("--reason", metavar="WORD", help="Only those with this reason.")]
TrackingId = Annotated[str | None, typer.Option("--tracking-id", metavar="ID", help="Only those of this chain.")]


def runs_commands() -> typer.Typer:
    """``runs`` alone lists; a word after it asks about one run, or changes some."""
    app = typer.Typer(help="The runs: list, show, follow, cancel and retry them.")
    app.callback(invoke_without_command=True)(_listed)
    app.command("list")(list_runs)
    app.command("show")(show_run)
    app.command("logs")(show_logs)
    app.command("cancel")(cancel)
    app.command("retry")(retry)
    return app


@spread
def _listed(
    context: typer.Context,
    options: RunOptions,
    where: Where,
    state: State = None,
    reason: Reason = None,
    tracking_id: TrackingId = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """The runs, newest first. A word after it asks about one of them, or changes some."""
    if context.invoked_subcommand is None:
        _list(options, where, state, reason, tracking_id, limit, as_json)


@spread
def list_runs(
    options: RunOptions,
    where: Where,
    state: State = None,
    reason: Reason = None,
    tracking_id: TrackingId = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """The runs, newest first."""
    _list(options, where, state, reason, tracking_id, limit, as_json)


def _list(
    options: RunOptions,
    where: Where,
    state: str | None,
    reason: str | None,
    tracking_id: str | None,
    limit: int,
    as_json: bool,
) -> None:
    from hourbell.fastapi.schemas import RunOut

    wanted = {**options.read(), "state": state, "reason": reason, "tracking_id": tracking_id}

    async def some(scheduler: Scheduler) -> Listed[Run]:
        found = await listed(lambda cursor, count: scheduler.list_runs(**wanted, cursor=cursor, limit=count), limit)
        if not found.items and options.schedule is not None:  # none of it, or a name that nothing has?
            await or_the_nearest(scheduler, options.schedule, scheduler.get_schedule(options.schedule))
        return found

    found = ask(where, some)
    shown = [RunOut.of(one).model_dump(mode="json") for one in found.items]
    if not as_json:
        shown = [{**one, "why": _why(one)} for one in shown]
    times = ("fire_at", "run_at", "started_at", "finished_at")
    of = () if options.schedule is not None else ("schedule_id",)  # of one alone it says nothing
    show_rows(
        shown,
        ("id", "task", "state", *times, "attempt", "node_id", *of, "why"),
        as_json,
        spared=("node_id", "run_at", "started_at", "finished_at", "attempt", "fire_at", *of),
        whole=("id", "state"),
        more=found.more,
    )


def _why(shown: dict[str, Any]) -> str | None:
    """Why a run did not run, or did not succeed, in a few words."""
    error, reason = shown["error"], shown["reason"]
    if error is not None:
        return str(error)
    return f"{reason} with {shown['yielded_to']}" if shown["yielded_to"] else reason
