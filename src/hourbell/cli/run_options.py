"""The options that narrow a list of runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from hourbell.cli.completing import schedule_ids
from hourbell.cli.periods import read_moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Which runs are meant, as it was typed."""

    schedule: Annotated[
        str | None,
        typer.Option(
            "--schedule", metavar="ID", help="Only those of the schedule with this id.", autocompletion=schedule_ids
        ),
    ] = None
    task: Annotated[str | None, typer.Option("--task", metavar="NAME", help="Only those of this task.")] = None
    error: Annotated[
        str | None, typer.Option("--error", metavar="TEXT", help="Only those whose error contains this text.")
    ] = None
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only those that ended from then on; or a period ago: 3h."),
    ] = None
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Only those that ended before then; as --since.")
    ] = None

    def read(self) -> dict[str, Any]:
        """What was typed, as the verbs take it. Raises InvalidArguments."""
        return {
            "schedule_id": self.schedule,
            "task": self.task,
            "error": self.error,
            "since": read_moment("--since", self.since, "past"),
            "until": read_moment("--until", self.until, "past"),
        }

    @property
    def given(self) -> bool:
        """Whether anything was typed."""
        return any((self.schedule, self.task, self.error, self.since, self.until))
