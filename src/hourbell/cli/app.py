"""All commands of `hourbell`, registered in one place."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import version

import typer

from hourbell.cli.lists import list_nodes, list_runs, list_schedules, list_tasks
from hourbell.cli.migrate import migrate
from hourbell.cli.worker import worker

_ROOMS = (("demo", "hourbell.demo.command"),)
"""Commands that stand in rooms of their own, each a function of its name."""


def build_app() -> typer.Typer:
    """The command line, with every command that is installed."""
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.callback(invoke_without_command=True)(_options)
    for name, module in _ROOMS:
        command = _command(module, name)
        if command is not None:
            app.command(name)(command)
    app.command("worker")(worker)
    app.command("migrate")(migrate)
    app.command("schedules")(list_schedules)
    app.command("runs")(list_runs)
    app.command("tasks")(list_tasks)
    app.command("nodes")(list_nodes)
    return app


def _options(
    context: typer.Context,
    show_version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Scheduled and background jobs on the database that your application already has."""
    if show_version:
        print(f"hourbell {version('hourbell')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def _command(module: str, name: str) -> Callable[..., None] | None:
    """The command of a room that may not be there."""
    try:
        command: Callable[..., None] = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        return None
    return command
