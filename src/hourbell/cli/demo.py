"""``hourbell demo``: see it run."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer


def demo(
    postgres: Annotated[
        bool, typer.Option("--postgres", help="On a throw-away PostgreSQL instead of an SQLite file.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(min=1, metavar="N", help="End by itself after so many seconds.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, metavar="P", help="Where it listens on 127.0.0.1: 8000, or any free port."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="How many processes uvicorn starts.")] = 4,
) -> None:
    """Run an application under several uvicorn processes, and show live what fires where.

    What the bodies themselves write down is counted: fires, runs, duplicates, missed.
    The exit code is 0 when something ran and every fire had one run. Ctrl-C ends it.
    """
    # Imported here, so that `--help` answers at once.
    from hourbell.demo.demo import Demo
    from hourbell.demo.screen import Screen

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows no "·" shows something else
    screen = Screen(sys.stdout)
    code = Demo(postgres=postgres, seconds=seconds, port=port, processes=workers).run(screen)
    if screen.gone:
        # Nobody reads any more; the interpreter would complain of that when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(code)
