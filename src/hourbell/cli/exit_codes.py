"""How a command ends: one number for programs, one line for people."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from hourbell import (
    Conflict,
    HourbellError,
    InvalidArguments,
    NotFound,
    StoreUnavailable,
    TriggerError,
    UnknownTask,
)
from hourbell.errors import StoreMisconfigured


class ExitCode(IntEnum):
    """The exit codes of every command. Those that retry by themselves should do so on ``AWAY`` alone.

    ``PROBLEM``  it answered, and the answer is no: something is wrong, in the way, or was not confirmed.
    ``USAGE``  what was typed has no meaning. ``NOT_FOUND``  nothing has this id or name.
    ``AWAY``  the database does not answer just now. ``UNUSABLE``  it cannot be used as it is, and waiting does not mend
    that: no such file, a wrong password, a right that is missing, a schema that is not there or too old.
    ``FAULT``  a fault of Hourbell's own.
    """

    OK = 0
    PROBLEM = 1
    USAGE = 2
    NOT_FOUND = 3
    AWAY = 4
    UNUSABLE = 5
    FAULT = 70


_BY_ERROR: tuple[tuple[type[HourbellError], ExitCode], ...] = (
    (NotFound, ExitCode.NOT_FOUND),
    (UnknownTask, ExitCode.USAGE),
    (InvalidArguments, ExitCode.USAGE),
    (TriggerError, ExitCode.USAGE),
    (StoreUnavailable, ExitCode.AWAY),
    (StoreMisconfigured, ExitCode.UNUSABLE),
    (Conflict, ExitCode.PROBLEM),
)


def code_of(error: HourbellError) -> ExitCode:
    """The code with which a command ends that met this error."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.PROBLEM)


def give_up(message: str | HourbellError, code: ExitCode | None = None) -> NoReturn:
    """Say why on stderr, and exit: with the error's own code, else with ``code``, else as for what has no meaning."""
    if code is None:
        code = code_of(message) if isinstance(message, HourbellError) else ExitCode.USAGE
    print(f"hourbell: {message}", file=sys.stderr)
    raise typer.Exit(code)


class Commands(TyperGroup):
    """The commands, none of which ends with a traceback."""

    def invoke(self, context: Any) -> Any:
        """Do what was typed. Whatever our verbs raise becomes one line and an exit code."""
        try:
            return super().invoke(context)
        except HourbellError as error:
            give_up(error)
        except (typer.Exit, typer.Abort, OSError):
            raise
        except Exception as error:
            # What typer raises for what was typed knows its own code.
            if hasattr(error, "exit_code") or context.params.get("show_traceback"):
                raise
            give_up(
                f"{type(error).__name__}: {error}. This is a fault of Hourbell's own; `hourbell --traceback …` shows "
                "where it is, for a report",
                ExitCode.FAULT,
            )
