"""``hourbell audit``: who changed what."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hourbell import InvalidArguments, Scheduler
from hourbell.cli.asking import Where, ask
from hourbell.cli.completing import schedule_ids
from hourbell.cli.option_groups import spread
from hourbell.cli.showing import AsJson, Limit, Listed, listed, show_rows
from hourbell.model.audit import AuditEntry


@spread
def list_audit(
    schedule: Annotated[
        str | None,
        typer.Option("--schedule", metavar="ID", help="What was done to this schedule.", autocompletion=schedule_ids),
    ] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="ID", help="What was done to this run.")] = None,
    calendar: Annotated[
        str | None, typer.Option("--calendar", metavar="NAME", help="What was done to this calendar.")
    ] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="WORD", help="As in add, update, pause, resume, remove, cancel.")
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Only what this one did.")] = None,
    *,
    where: Where,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """What was done to schedules, runs and calendars, and by whom; newest first."""
    from hourbell.fastapi.audit import AuditEntryOut

    wanted = {**_subject(schedule, run, calendar), "action": action, "actor": actor}

    async def some(scheduler: Scheduler) -> Listed[AuditEntry]:
        return await listed(lambda cursor, count: scheduler.list_audit(**wanted, cursor=cursor, limit=count), limit)

    found = ask(where, some)
    shown = [AuditEntryOut.of(one).model_dump(mode="json") for one in found.items]
    if not as_json:
        shown = [{**one, "changed": ", ".join(one["after"] or one["before"] or ())} for one in shown]
    show_rows(
        shown,
        ("done_at", "action", "subject", "subject_id", "actor", "changed"),
        as_json,
        spared=("changed",),
        whole=("done_at", "action", "subject"),
        more=found.more,
    )


def _subject(schedule: str | None, run: str | None, calendar: str | None) -> dict[str, Any]:
    """What the list is about. Raises InvalidArguments where that is more than one thing."""
    named = [("schedule", schedule), ("run", run), ("calendar", calendar)]
    given = [(subject, subject_id) for subject, subject_id in named if subject_id is not None]
    if len(given) > 1:
        raise InvalidArguments("ask for one of --schedule, --run and --calendar at a time")
    return {"subject": given[0][0], "subject_id": given[0][1]} if given else {}
