"""What every command does: find the database, ask it, and say plainly what went wrong."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from hourbell import HourbellError, Scheduler

T = TypeVar("T")
Database = Annotated[
    str | None,
    typer.Option("--database", help="A database URL; else HOURBELL_DATABASE_URL, DATABASE_URL or ./hourbell.db."),
]


def ask(database: str | None, question: Callable[[Scheduler], Awaitable[T]]) -> T:
    """The answer of a scheduler on this database; its schema is not touched. Exits with 1 when there is none."""

    async def answer() -> T:
        scheduler = Scheduler(database)
        _refuse_missing_file(scheduler)
        await scheduler.open(migrate=False)
        try:
            return await question(scheduler)
        finally:
            await scheduler.close()

    return run(answer)


def run(main: Callable[[], Awaitable[T]]) -> T:
    """Run it to its end. Errors of ours become one line on stderr and exit code 1."""

    async def awaited() -> T:
        return await main()

    try:
        return asyncio.run(awaited())
    except HourbellError as error:
        give_up(str(error))


def give_up(message: str) -> NoReturn:
    """Say why, and exit with 1."""
    print(f"hourbell: {message}", file=sys.stderr)
    raise typer.Exit(1)


def _refuse_missing_file(scheduler: Scheduler) -> None:
    """To look at a database must not make one."""
    address = scheduler.settings.database
    if address.kind == "sqlite" and not Path(address.path).exists():
        give_up(f"there is no file {address.path}: give --database, or set HOURBELL_DATABASE_URL")
