"""`hourbell migrate`: bring the database's schema up to this version."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hourbell import Scheduler
from hourbell.cli.addressed import addressed
from hourbell.cli.asking import Where
from hourbell.cli.exit_codes import ExitCode, give_up
from hourbell.cli.option_groups import spread
from hourbell.cli.progress import bar
from hourbell.cli.showing import show_json


@spread
def migrate(
    where: Where,
    sql: Annotated[bool, typer.Option("--sql", help="Only print the SQL, to be applied by hand.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what would be applied; exit with 1 when that is anything.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring the database's schema up to this version. Safe at any time: old versions run on the new schema."""
    if sql and (check or as_json):
        give_up("--sql prints a script and nothing else: leave out --check and --json")
    scheduler = where.scheduler()
    if sql:
        print(scheduler.migration_script(), end="")
    elif check:
        with addressed(scheduler):
            pending = _pending(scheduler)
        _tell(pending, "pending", as_json)
        raise typer.Exit(ExitCode.PROBLEM if pending else ExitCode.OK)
    else:
        with bar("migrating"), addressed(scheduler):
            applied = asyncio.run(scheduler.migrate())
        _tell(applied, "applied", as_json)


def _pending(scheduler: Scheduler) -> Sequence[str]:
    """What would be applied. To look at a file that is not there must not make it."""
    address = scheduler.settings.database
    if address.kind == "sqlite" and not Path(address.path).exists():
        give_up(f"there is no file {address.path} yet: `hourbell migrate` makes it", ExitCode.PROBLEM)
    return asyncio.run(scheduler.pending_migrations())


def _tell(names: Sequence[str], what: str, as_json: bool) -> None:
    if as_json:
        show_json({what: list(names)})
        return
    for name in names:
        print(f"{what} {name}")
    if not names:
        print("the schema is up to date")
