"""``hourbell schedules add`` and `edit`."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from hourbell import InvalidArguments, Schedule, Scheduler
from hourbell.cli.argument_options import ArgumentOptions, known_task
from hourbell.cli.asking import Where, ask
from hourbell.cli.exit_codes import give_up
from hourbell.cli.option_groups import spread
from hourbell.cli.policy_options import PolicyOptions
from hourbell.cli.schedule_switches import Note, ScheduleId, tell
from hourbell.cli.showing import AsJson
from hourbell.cli.trigger_options import TriggerOptions


@spread
def add(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The name of the task, as `hourbell tasks` has it.")],
    app: Annotated[
        str,
        typer.Option(
            "--app", metavar="MODULE:SCHEDULER", help="The scheduler that registers the task, as in main:scheduler."
        ),
    ],
    when: TriggerOptions,
    arguments: ArgumentOptions,
    policies: PolicyOptions,
    id: Annotated[str | None, typer.Option("--id", metavar="ID", help="Its id; else the task's name.")] = None,  # noqa: A002 - as in REST
    paused: Annotated[bool, typer.Option("--paused", help="Do not fire before it is resumed.")] = False,
    note: Note = None,
    on_conflict: Annotated[
        str, typer.Option("--on-conflict", metavar="HOW", help="When the id exists: error, update, keep.")
    ] = "error",
    as_json: AsJson = False,
) -> None:
    """Store a schedule for a task that the application registers.

    The application is needed: it alone knows what its task takes, and nothing is stored unchecked.
    """

    async def added(scheduler: Scheduler) -> Schedule:
        trigger = when.read()
        if trigger is None:
            raise InvalidArguments("say when: --cron '0 9 * * mon-fri', --every 15m, --at 2030-01-31T09:00:00Z, …")
        found = known_task(scheduler, task, await scheduler.list_tasks())
        return await scheduler.add_schedule(
            found.name,
            trigger,
            id=id,
            args=arguments.read(found),
            on_conflict=cast("Any", on_conflict),
            paused=paused,
            note=note,
            **policies.read(),
        )

    tell(ask(Where(app=app), added), "", as_json)


@spread
def edit(
    id: ScheduleId,  # noqa: A002 - as in REST
    when: TriggerOptions,
    arguments: ArgumentOptions,
    policies: PolicyOptions,
    inherit: Annotated[
        list[str] | None,
        typer.Option("--inherit", metavar="POLICY", help="A policy to take from the task again; may be repeated."),
    ] = None,
    *,
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Change what is given, and keep the rest; of the arguments too, unless --args gives them all.

    A change of when or of policies needs the database alone. To check arguments, --app says who knows the task. What
    code declares stays changed until the code changes that same field.
    """

    arguments.refuse_without(where.app)

    async def edited(scheduler: Scheduler) -> Schedule:
        schedule = await scheduler.get_schedule(id)
        given = policies.read()
        trigger = when.read(schedule.trigger_spec.get("timezone"))
        args: dict[str, Any] | None = None
        if arguments.given:
            kept = schedule.args if arguments.args is None else {}
            args = {**kept, **arguments.read(known_task(scheduler, schedule.task, await scheduler.list_tasks()))}
        if trigger is None and args is None and not given and not inherit:
            give_up("nothing is to be changed: say when, an argument or a policy (see --help)")
        # What was read above decides what is written: somebody else's edit in between would be lost in silence.
        return await scheduler.update_schedule(
            id,
            trigger=trigger,
            args=args,
            inherit=[name.replace("-", "_") for name in inherit or ()],
            revision=schedule.revision if args is not None or trigger is not None else None,
            **given,
        )

    tell(ask(where, edited), "", as_json)
