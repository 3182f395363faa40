"""What every command does: find the database, ask it, and say plainly what went wrong."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from hourbell import Scheduler
from hourbell.acting import LONGEST, acting
from hourbell.cli.addressed import addressed
from hourbell.cli.exit_codes import ExitCode, give_up
from hourbell.cli.loading import load_scheduler

T = TypeVar("T")
Database = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="URL", help="A database; else HOURBELL_DATABASE_URL, DATABASE_URL or ./hourbell.db."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The database that is meant: by its address, or as the application has it, with its settings."""

    database: Database = None
    app: Annotated[
        str | None,
        typer.Option(
            "--app", metavar="MODULE:SCHEDULER", help="The application, whose database and settings count then."
        ),
    ] = None

    def scheduler(self) -> Scheduler:
        """A scheduler there, not yet open. Raises InvalidArguments."""
        if self.app is None:
            return Scheduler(self.database)
        if self.database is not None:
            give_up("--app brings its own database along: leave out --database")
        return load_scheduler(self.app)


def ask(where: Where, question: Callable[[Scheduler], Awaitable[T]]) -> T:
    """The answer of a scheduler there; the schema is not touched. Raises what the verbs raise."""
    scheduler = where.scheduler()
    _refuse_what_is_not_there(scheduler)

    async def answer() -> T:
        await scheduler.open(migrate=False)
        try:
            return await question(scheduler)
        finally:
            await scheduler.close()

    with acting(_somebody()), addressed(scheduler):
        return asyncio.run(answer())


def confirm(question: str, yes: bool) -> None:
    """Go on only when somebody says yes, on the terminal or by ``--yes``. The question goes to stderr."""
    if yes:
        return
    # Not typer's own, which writes a space to stdout, where programs read.
    print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        print(file=sys.stderr)
        give_up("nothing was changed: nobody said yes; --yes says it beforehand", ExitCode.PROBLEM)
    if answer.strip().lower() not in ("y", "yes"):
        give_up("nothing was changed", ExitCode.PROBLEM)


def _somebody() -> str:
    """Who is at the command line, as the audit has it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have a number and no name
        user = str(os.getuid())
    named = f"cli:{user}@{socket.gethostname()}"
    return "".join(letter for letter in named if letter.isprintable())[:LONGEST]


def _refuse_what_is_not_there(scheduler: Scheduler) -> None:
    """To look at a database must not make one."""
    address = scheduler.settings.database
    if address.kind == "sqlite" and not Path(address.path).exists():
        give_up(
            f"there is no file {address.path}: go to the folder where the application runs, give --database, "
            "or set HOURBELL_DATABASE_URL",
            ExitCode.UNUSABLE,
        )
    if address.kind == "memory":
        give_up("memory:// is a database of one process, and another one cannot look into it: give --database")
