"""What a body logged: lines kept with the attempt that they belong to."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hourbell.model.page import Page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

Place = tuple[int, int]
"""Attempt and number of a line: its place in the log of its run."""

START: Place = (0, 0)
"""Before the first line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One record. ``number`` counts from 1 within the attempt, dropped lines included, so a gap tells of them.

    ``logged_at`` is an aware UTC instant by the node's own estimate; ``level`` is `logging`'s number; ``message`` may
    have several lines, the exception's among them.
    """

    run_id: str
    attempt: int
    number: int
    logged_at: datetime
    level: int
    logger: str
    message: str

    @property
    def level_name(self) -> str:
        """The level in words, as `logging` has them here."""
        return logging.getLevelName(self.level)

    @property
    def cursor(self) -> str:
        """What to ask `list_logs` for to see what came after this line."""
        return f"{self.attempt}.{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBound:
    """What a store is to forget of a run's log: lines of ``attempt`` before ``first_number``, and whole attempts before
    ``first_attempt``."""

    run_id: str
    attempt: int
    first_number: int
    first_attempt: int


@dataclass(frozen=True, slots=True)
class LogPage(Page[LogLine]):
    """A page of a run's log; ``dropped`` counts the lines that once stood between these and are kept no more."""

    dropped: int = 0


def log_page(lines: Sequence[LogLine], after: Place, limit: int) -> LogPage:
    """The page of at most ``limit`` of these lines, which follow ``after``; one line more says that it is not the last.

    Pure. Lines are in the order of their places.
    """
    shown = tuple(lines[:limit])
    dropped, place = 0, after
    for line in shown:
        before = place[1] if line.attempt == place[0] else 0
        dropped += line.number - before - 1
        place = (line.attempt, line.number)
    return LogPage(shown, shown[-1].cursor if len(lines) > limit else None, dropped)
