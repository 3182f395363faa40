"""An exception as text, for the run's row and the log."""

from __future__ import annotations

import traceback
from itertools import islice
from typing import TYPE_CHECKING

from hourbell.model.raised import RaisedElsewhere
from hourbell.model.retry import GaveUp, parts_of
from hourbell.redaction import redacted

if TYPE_CHECKING:
    from types import TracebackType

MOST_FRAMES = 40
"""Frames of one exception that are kept: the newest, which are nearest to what went wrong."""

MOST_MEMBERS = 15
"""Members of a group that are told, as `traceback` does."""

_LONGEST_PART = 1_500
"""Characters of a frame or a message that are kept, so that a huge message does not push out the frames."""

_OURS = "hourbell."


def summary(error: BaseException) -> str:
    """One line that can be printed: the type and the message, without the passwords of addresses in it."""
    if isinstance(error, RaisedElsewhere):
        return error.summary
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 - an exception of the user's may fail at this too, in whichever way
        message = "(its message cannot be read)"
    name = "gave up" if isinstance(error, GaveUp) else type(error).__qualname__
    line = _cut(redacted(printable(" ".join(message[: 2 * _LONGEST_PART].split()))))
    return f"{name}: {line}" if line else name


def printable(line: str) -> str:
    """On one line, with what a terminal would obey written out."""
    if line.isprintable():
        return line
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in line)


def describe(error: BaseException) -> str:
    """The summary, and below it where it happened: the newest frames, without our own."""
    if isinstance(error, RaisedElsewhere):
        return error.text
    try:
        shown = _with_few(error)
        told = traceback.TracebackException(
            type(shown), shown, _theirs(error.__traceback__), limit=-MOST_FRAMES, compact=True
        )
        parts = [_cut(part.rstrip("\n")) for part in told.format()]
    except BaseException:  # noqa: BLE001 - as above
        parts = []
    return "\n\n".join(filter(None, (summary(error), "\n".join(parts).rstrip())))


def _with_few(error: BaseException, left: int = MOST_MEMBERS) -> BaseException:
    """A group with the first of its members: each would be looked at, its frames and their source, before it shows that
    there are too many. How many there were says the summary."""
    if not isinstance(error, BaseExceptionGroup) or sum(1 for _ in islice(parts_of(error), left + 1)) <= left:
        return error
    most = max(1, min(left, len(error.exceptions)))
    few = BaseExceptionGroup(error.message, [_with_few(one, left // most) for one in error.exceptions[:most]])
    few.__traceback__, few.__context__ = error.__traceback__, error.__context__
    few.__cause__, few.__suppress_context__ = error.__cause__, error.__suppress_context__
    return few


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_PART:
        return text
    return f"{text[:_LONGEST_PART]}… ({len(text) - _LONGEST_PART:,} characters left out)"


def _theirs(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).startswith(_OURS):
        trace = trace.tb_next
    return trace
