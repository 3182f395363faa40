"""``hourbell schedules pause``, `resume`, `trigger` and `remove`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from hourbell import Run, Schedule, Scheduler
from hourbell.cli.argument_options import ArgumentOptions, known_task
from hourbell.cli.asking import Where, Yes, ask, confirm
from hourbell.cli.completing import schedule_ids
from hourbell.cli.exit_codes import ExitCode, give_up
from hourbell.cli.nearest import or_the_nearest
from hourbell.cli.option_groups import spread
from hourbell.cli.periods import in_utc, read_moment
from hourbell.cli.showing import AsJson, show_json
from hourbell.cli.table import plain
from hourbell.model.run_state import RunState

ScheduleId = Annotated[str, typer.Argument(metavar="ID", help="The id of the schedule.", autocompletion=schedule_ids)]
Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why, for whoever looks later.")]
Key = Annotated[
    str | None, typer.Option("--key", metavar="TEXT", help="Names this request: asking again makes nothing twice.")
]


@spread
def pause(
    id: ScheduleId,  # noqa: A002 - as in REST
    where: Where,
    note: Note = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="TIME", help="When it is resumed by itself, or a period from now: 2h; else never."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Stop a schedule's fires until it is resumed, through restarts and deploys."""
    end = read_moment("--until", until, "future")
    what = "is paused" + (f" until {in_utc(end)}" if end is not None else "")
    _changed(id, where, lambda scheduler: scheduler.pause_schedule(id, note=note, until=end), what, as_json)


@spread
def resume(id: ScheduleId, where: Where, as_json: AsJson = False) -> None:  # noqa: A002 - as in REST
    """Fire again from now on. What the pause passed over is recorded, and never caught up."""
    _changed(id, where, lambda scheduler: scheduler.resume_schedule(id), "", as_json)


@spread
def trigger(
    id: ScheduleId,  # noqa: A002 - as in REST
    arguments: ArgumentOptions,
    where: Where,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Ask for one run now, besides the fires. Works while it is paused too.

    Arguments take the place of the schedule's, by name; to check them, --app says who knows the task. When its overlap
    policy skips the run at once, the exit code is 1.
    """

    arguments.refuse_without(where.app)

    async def asked(scheduler: Scheduler) -> Run:
        args: dict[str, Any] | None = None
        if arguments.given:
            schedule = await scheduler.get_schedule(id)
            args = arguments.read(known_task(scheduler, schedule.task, await scheduler.list_tasks()))
        return await scheduler.trigger_schedule(id, args=args, key=key)

    run = ask(where, lambda scheduler: or_the_nearest(scheduler, id, asked(scheduler)))
    if as_json:
        from hourbell.fastapi.schemas import RunOut

        show_json(RunOut.of(run).model_dump(mode="json"))
    else:
        why = f"{run.reason}: run {run.yielded_to} is unfinished" if run.yielded_to else run.reason
        print(f"run {run.id} is {run.state}{f' ({why})' if why else ''}")
    if run.state == RunState.SKIPPED:
        give_up("nothing runs for this: the policy of the schedule says no", ExitCode.PROBLEM)


@spread
def remove(id: ScheduleId, where: Where, yes: Yes = False, as_json: AsJson = False) -> None:  # noqa: A002 - as in REST
    """Delete a schedule. What it has queued ends as skipped; its runs stay in the history.

    One that is declared in code comes back with the next start: pause it, or take it out of the code.
    """
    schedule = ask(where, lambda scheduler: or_the_nearest(scheduler, id, scheduler.get_schedule(id)))
    told = ", which code declares: it comes back with the next start" if schedule.declared is not None else ""
    confirm(f"delete the schedule {plain(schedule.id)}{told}?", yes)
    _changed(id, where, lambda scheduler: scheduler.remove_schedule(id), "is deleted", as_json)


def tell(schedule: Schedule, what: str, as_json: bool) -> None:
    """What became of a schedule, in a line or as JSON. Without words: its state and its next fire."""
    if as_json:
        from hourbell.fastapi.schemas import ScheduleOut

        show_json(ScheduleOut.of(schedule).model_dump(mode="json"))
        return
    print(f"{plain(schedule.id)} {what or standing(schedule)}")


def standing(schedule: Schedule) -> str:
    """Its state and what comes next."""
    if schedule.state == "active" and schedule.next_fire_at is not None:
        return f"is active and fires next at {in_utc(schedule.next_fire_at)}"
    return f"is {schedule.state}"


def _changed(
    schedule_id: str,
    where: Where,
    change: Callable[[Scheduler], Awaitable[Schedule]],
    what: str,
    as_json: bool,
) -> None:
    changed = ask(where, lambda scheduler: or_the_nearest(scheduler, schedule_id, change(scheduler)))
    tell(changed, what, as_json)
