"""``hourbell calendars``: the calendars that schedules name in their policy blackout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from hourbell import Calendar, HourbellError, InvalidArguments, Scheduler
from hourbell.cli.asking import Where, Yes, ask, confirm
from hourbell.cli.option_groups import spread
from hourbell.cli.periods import in_utc
from hourbell.cli.showing import AsJson, Limit, Listed, listed, show_fields, show_json, show_rows
from hourbell.cli.table import plain
from hourbell.model.named_calendar import NamedCalendar

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the calendar.")]


def calendars_commands() -> typer.Typer:
    """``calendars`` alone lists."""
    app = typer.Typer(help="The calendars: list, show and change them.")
    app.callback(invoke_without_command=True)(_listed)
    app.command("list")(list_calendars)
    app.command("show")(show_calendar)
    app.command("add")(add)
    app.command("remove")(remove)
    return app


@spread
def _listed(context: typer.Context, where: Where, limit: Limit = 50, as_json: AsJson = False) -> None:
    """The calendars, by name. A word after it asks about one of them, or changes it."""
    if context.invoked_subcommand is None:
        _list(where, limit, as_json)


@spread
def list_calendars(where: Where, limit: Limit = 50, as_json: AsJson = False) -> None:
    """The calendars that are stored, by name."""
    _list(where, limit, as_json)


def _list(where: Where, limit: int, as_json: bool) -> None:

    async def some(scheduler: Scheduler) -> Listed[NamedCalendar]:
        return await listed(lambda cursor, count: scheduler.list_calendars(cursor=cursor, limit=count), limit)

    found = ask(where, some)
    columns = ("name", "updated_at", "explain")
    show_rows([_shape(one) for one in found.items], columns, as_json, whole=("updated_at",), more=found.more)


@spread
def show_calendar(name: Name, where: Where, as_json: AsJson = False) -> None:
    """One calendar, as it is stored."""
    shown = _shape(ask(where, lambda scheduler: scheduler.get_calendar(name)))
    show_json(shown) if as_json else show_fields(shown)


@spread
def add(
    name: Name,
    day: Annotated[list[str] | None, typer.Option("--day", metavar="DAY", help="A day; may be repeated.")] = None,
    weekday: Annotated[
        list[str] | None, typer.Option("--weekday", metavar="NAME", help="As in sat; may be repeated.")
    ] = None,
    between: Annotated[
        list[str] | None,
        typer.Option("--range", metavar="FIRST/LAST", help="Two days or two instants; may be repeated."),
    ] = None,
    ics: Annotated[Path | None, typer.Option("--ics", metavar="FILE", help="The events of a calendar file.")] = None,
    tz: Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="The IANA zone of its days.")] = None,
    on_conflict: Annotated[
        str, typer.Option("--on-conflict", metavar="HOW", help="When the name exists: update, keep, error.")
    ] = "update",
    *,
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Store a calendar under a name. Schedules that name it follow at once.

    What is given here is the whole calendar: it takes the place of one that was stored under the name.
    """
    calendar = _calendar(day or (), between or (), weekday or (), ics, tz)
    stored = ask(where, lambda scheduler: scheduler.add_calendar(name, calendar, on_conflict=cast("Any", on_conflict)))
    show_json(_shape(stored)) if as_json else print(f"calendar {plain(name)}: {plain(_explained(stored))}")


@spread
def remove(
    name: Name,
    where: Where,
    force: Annotated[
        bool, typer.Option("--force", help="Also while schedules name it: they do not fire until it is there again.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a calendar that no schedule names."""
    ask(where, lambda scheduler: scheduler.get_calendar(name))
    confirm(f"delete the calendar {plain(name)}?", yes)
    removed = ask(where, lambda scheduler: scheduler.remove_calendar(name, force=force))
    show_json(_shape(removed)) if as_json else print(f"calendar {plain(name)} is deleted")


def _calendar(days: Any, ranges: Any, weekdays: Any, ics: Path | None, tz: str | None) -> Calendar:
    pairs = [text.partition("/")[::2] for text in ranges]
    if ics is None:
        if not (days or pairs or weekdays):
            raise InvalidArguments("say what it covers: --day 2030-12-25, --weekday sat, --range FIRST/LAST or --ics")
        return Calendar(days=days, ranges=pairs, weekdays=weekdays, timezone=tz)
    if days or pairs or weekdays:
        raise InvalidArguments("--ics is the whole calendar: leave out --day, --range and --weekday")
    try:
        text = ics.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidArguments(f"--ics {ics}: {error}") from None
    return Calendar.from_ics(text, tz)


def _shape(named: NamedCalendar) -> dict[str, Any]:
    return {
        "name": named.name,
        "explain": _explained(named),
        "calendar": json.loads(named.spec),
        "created_at": in_utc(named.created_at),
        "updated_at": in_utc(named.updated_at),
    }


def _explained(named: NamedCalendar) -> str:
    try:
        return named.calendar.explain()
    except HourbellError:
        return "this version cannot read it"
