"""``hourbell COMMAND``: the commands, put together."""

from __future__ import annotations

from importlib.metadata import version

import typer

from hourbell.cli.demo import demo
from hourbell.cli.lists import list_nodes, list_schedules, list_tasks
from hourbell.cli.migrate import migrate
from hourbell.cli.next import show_next
from hourbell.cli.runs import runs_commands
from hourbell.cli.worker import worker


def main() -> None:
    """Run the command that the arguments name."""
    commands()()


def commands() -> typer.Typer:
    """Every command under its name, in the order in which the help lists them."""
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.callback(invoke_without_command=True)(_options)
    app.command("demo")(demo)
    app.command("worker")(worker)
    app.command("migrate")(migrate)
    app.command("schedules")(list_schedules)
    app.add_typer(runs_commands(), name="runs")
    app.command("tasks")(list_tasks)
    app.command("nodes")(list_nodes)
    app.command("next")(show_next)
    return app


def _options(
    context: typer.Context,
    show_version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Scheduled and background jobs for FastAPI, on the database the application already has."""
    if show_version:
        print(f"hourbell {version('hourbell')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
