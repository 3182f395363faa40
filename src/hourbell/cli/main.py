"""``hourbell COMMAND``: the commands, put together."""

from __future__ import annotations

import sys
from importlib.metadata import version
from io import TextIOWrapper

import typer

from hourbell.cli.audit import list_audit
from hourbell.cli.calendars import calendars_commands
from hourbell.cli.demo import demo
from hourbell.cli.doctor import doctor
from hourbell.cli.exit_codes import Commands
from hourbell.cli.migrate import migrate
from hourbell.cli.next import show_next
from hourbell.cli.nodes import list_nodes
from hourbell.cli.prove import prove
from hourbell.cli.quoting import Quoted
from hourbell.cli.runs import runs_commands
from hourbell.cli.schedules import schedules_commands
from hourbell.cli.tasks import list_tasks
from hourbell.cli.worker import worker


def main() -> None:
    """Run the command that the arguments name."""
    # A terminal of an old locale shows a question mark for what it has no letter for: no reason to end.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    commands()()


def commands() -> typer.Typer:
    """Every command under its name, in the order in which the help lists them."""
    app = typer.Typer(cls=Commands, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(_options)
    app.command("demo")(demo)
    app.command("worker")(worker)
    app.command("migrate")(migrate)
    app.add_typer(schedules_commands(), name="schedules")
    app.add_typer(runs_commands(), name="runs")
    app.add_typer(calendars_commands(), name="calendars")
    app.command("tasks")(list_tasks)
    app.command("nodes")(list_nodes)
    app.command("audit")(list_audit)
    app.command("next", cls=Quoted)(show_next)
    app.command("doctor")(doctor)
    app.command("prove")(prove)
    return app


def _options(
    context: typer.Context,
    show_version: bool = typer.Option(False, "--version", help="Show the version and exit."),
    show_traceback: bool = typer.Option(False, "--traceback", help="For a fault of Hourbell's own: show where it is."),
) -> None:
    """Scheduled and background jobs for FastAPI, on the database the application already has.

    Exit codes: 0 done; 1 a problem found, or in the way; 2 what was typed has no meaning; 3 nothing has this id or
    name; 4 the database does not answer just now; 5 the database cannot be used as it is.
    """
    if show_version:
        print(f"hourbell {version('hourbell')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
