"""``hourbell schedules``: the schedules, and everything that is done to them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from hourbell import Scheduler
from hourbell.cli.asking import Where, ask
from hourbell.cli.backfills import backfill
from hourbell.cli.option_groups import spread
from hourbell.cli.quoting import Quoted
from hourbell.cli.schedule_changes import add, edit
from hourbell.cli.schedule_details import show_schedule
from hourbell.cli.schedule_switches import pause, remove, resume, trigger
from hourbell.cli.showing import AsJson, Limit, Listed, listed, show_list
from hourbell.model.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOptions:
    """Which schedules are meant, and in which order, as it was typed."""

    state: Annotated[
        str | None,
        typer.Option(
            "--state", metavar="STATE", help="Only those in this state: active, paused, finished, undeclared."
        ),
    ] = None
    task: Annotated[str | None, typer.Option("--task", metavar="NAME", help="Only those of this task.")] = None
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="Only those with it in their id, task or note.")
    ] = None
    sort: Annotated[str, typer.Option("--sort", metavar="BY", help="In the order of id or next_fire_at.")] = "id"


def schedules_commands() -> typer.Typer:
    """``schedules`` alone lists; a word after it asks about one, or changes it."""
    app = typer.Typer(help="The schedules: list, show and change them.")
    app.callback(invoke_without_command=True)(_listed)
    app.command("list")(list_schedules)
    app.command("show")(show_schedule)
    app.command("add", cls=Quoted)(add)
    app.command("edit", cls=Quoted)(edit)
    app.command("pause")(pause)
    app.command("resume")(resume)
    app.command("trigger")(trigger)
    app.command("backfill")(backfill)
    app.command("remove")(remove)
    return app


@spread
def _listed(
    context: typer.Context,
    options: ScheduleOptions,
    where: Where,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """The schedules, by id. A word after it asks about one of them, or changes it."""
    if context.invoked_subcommand is None:
        _list(options, where, limit, as_json)


@spread
def list_schedules(options: ScheduleOptions, where: Where, limit: Limit = 50, as_json: AsJson = False) -> None:
    """The schedules that are stored, by id."""
    _list(options, where, limit, as_json)


def _list(options: ScheduleOptions, where: Where, limit: int, as_json: bool) -> None:
    from hourbell.fastapi.schemas import ScheduleOut

    wanted: dict[str, Any] = asdict(options)

    async def some(scheduler: Scheduler) -> Listed[Schedule]:
        return await listed(lambda cursor, count: scheduler.list_schedules(**wanted, cursor=cursor, limit=count), limit)

    found = ask(where, some)
    shown = [ScheduleOut.of(one) for one in found.items]
    if not as_json:  # what a pause passes over is not when it fires next
        shown = [one.model_copy(update={"next_fire_at": None}) if one.state == "paused" else one for one in shown]
    show_list(
        shown,
        ("id", "state", "next_fire_at", "explain", "note"),
        as_json,
        spared=("note",),
        whole=("state", "next_fire_at"),
        more=found.more,
    )
