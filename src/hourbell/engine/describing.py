"""An exception as text, for the run's row and the log."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_OURS = "hourbell."


def summary(error: BaseException) -> str:
    """One line: the type and the message."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - an exception of the user's may fail at this too
        message = "(its message cannot be read)"
    name = type(error).__qualname__
    line = " ".join(message.split())
    return f"{name}: {line}" if line else name


def describe(error: BaseException) -> str:
    """The summary, and below it where it happened, without our own frames."""
    try:
        frames = traceback.format_exception(type(error), error, _theirs(error.__traceback__))
    except Exception:  # noqa: BLE001 - as above
        frames = []
    return "\n\n".join(filter(None, (summary(error), "".join(frames).rstrip())))


def _theirs(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).startswith(_OURS):
        trace = trace.tb_next
    return trace
