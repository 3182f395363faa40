"""Runs that wait although they are due, and that no live node may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

COUNTED = 1_000
"""How many of them are counted at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranded:
    """``count`` runs (`COUNTED`: at least) of a task wait in a queue, the first due ``since``.

    ``known``: some live node can run the task, but none of these serves the queue. Otherwise no live node knows the
    task. ``schedules`` are the ids of those that the runs belong to; under ``overlap="skip"`` they rest meanwhile.
    """

    queue: str
    task: str
    since: datetime
    count: int
    known: bool
    schedules: tuple[str, ...] = ()
