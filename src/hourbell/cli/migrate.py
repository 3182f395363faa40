"""`hourbell migrate`: bring the database's schema up to this version."""

from __future__ import annotations

from typing import Annotated

import typer

from hourbell import HourbellError, Scheduler
from hourbell.cli.asking import Database, give_up, run


def migrate(
    database: Database = None,
    sql: Annotated[bool, typer.Option("--sql", help="Only print the SQL, to be applied by hand.")] = False,
) -> None:
    """Bring the database's schema up to this version. Safe at any time: old versions run on the new schema."""
    try:
        scheduler = Scheduler(database)
        if sql:
            print(scheduler.migration_script(), end="")
            return
    except HourbellError as error:
        give_up(str(error))
    applied = run(scheduler.migrate)
    for name in applied:
        print(f"applied {name}")
    if not applied:
        print("the schema is up to date")
