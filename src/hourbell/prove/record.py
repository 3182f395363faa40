"""What the database says happened, asked through the scheduler as any application may."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell import Run, Scheduler
    from hourbell.model.run import Attempt

_PAGE = 1_000
_AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Every run, oldest first; every attempt of those that took more than one; and whose process each node id was."""

    runs: Sequence[Run]
    attempts: Sequence[Attempt]
    pids: dict[str, int]

    @property
    def unfinished(self) -> int:
        """How many runs have not ended."""
        return sum(not run.state.final for run in self.runs)


async def read_record(scheduler: Scheduler) -> Record:
    """Read it all."""
    runs: list[Run] = []
    cursor = None
    while True:
        page = await scheduler.list_runs(cursor=cursor, limit=_PAGE)
        runs += page
        cursor = page.next_cursor
        if cursor is None:
            break
    again = [run.id for run in runs if run.attempt > 1]
    attempts: list[Attempt] = []
    for first in range(0, len(again), _AT_ONCE):
        some = again[first : first + _AT_ONCE]
        for found in await asyncio.gather(*(scheduler.list_attempts(one) for one in some)):
            attempts += found
    pids = {node.id: node.pid for node in await scheduler.list_nodes()}
    return Record(runs=runs[::-1], attempts=attempts, pids=pids)
