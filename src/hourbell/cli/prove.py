"""``hourbell prove``: put the promises to the proof."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hourbell.cli.exit_codes import ExitCode, give_up


def prove(
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="A database: in a schema of its own there, or in a file beside. Else a throw-away file.",
        ),
    ] = None,
    postgres: Annotated[bool, typer.Option("--postgres", help="On a throw-away PostgreSQL.")] = False,
    minutes: Annotated[float, typer.Option(min=0.1, max=24 * 60, metavar="N", help="How long schedules fire.")] = 2,
    nodes: Annotated[int, typer.Option(min=2, max=64, metavar="N", help="How many node processes.")] = 4,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="S", help="Do again what a proof with this seed did.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", dir_okay=False, help="Write the result as JSON into this file."),
    ] = None,
) -> None:
    """Kill, stop and replace real node processes, end their database sessions, and say which promise held.

    Bodies write down what they do in files beside the database; that is compared with what is recorded there.
    Nothing of yours is touched, and what is made is removed. The exit code is 0 when no promise was broken.
    """
    # Imported here, so that `--help` answers at once.
    from rich.console import Console

    from hourbell.prove.proof import Proof
    from hourbell.testing.postgres_server import PostgresUnavailable

    if sys.platform == "win32":
        give_up(
            "the proof stops and kills processes by signals that Windows does not have; run it on Linux or macOS",
            ExitCode.PROBLEM,
        )
    if database is not None and postgres:
        give_up("--database and --postgres exclude each other: choose one")
    if report is not None and not report.absolute().parent.is_dir():
        give_up(f"--report: there is no folder {report.absolute().parent}; make it, or name another file")
    proof = Proof(database=database, postgres=postgres, seconds=minutes * 60, nodes=nodes, seed=seed, report=report)
    try:
        result = proof.run(Console())
    except PostgresUnavailable as error:
        give_up(str(error), ExitCode.PROBLEM)
    except KeyboardInterrupt:
        give_up("stopped", ExitCode.PROBLEM)
    except OSError as error:  # the verdict has been told
        give_up(f"the report could not be written: {error}", ExitCode.PROBLEM)
    raise typer.Exit(result.exit_code)
