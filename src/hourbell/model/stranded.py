"""Runs that wait although they are due, and that no live node may take."""

from __future__ import annotations

import shlex
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


def told_of_stranded(one: Stranded) -> str:
    """What waits in vain, and what to do about it."""
    many = f"{one.count} runs{' or more' if one.count == COUNTED else ''}" if one.count > 1 else "a run"
    what = f"{many} of task {one.task!r} in queue {one.queue!r}"
    since = f"since {one.since:%Y-%m-%d %H:%M:%S} UTC"
    if one.known:
        return f"{what} waiting {since}: no live node serves this queue; start one with it in its setting `queues`"
    told = (
        f"{what} waiting {since}: no live node knows this task; start one that does, or give the task "
        f"aliases=[{one.task!r}] if it has another name now, or cancel them: `hourbell runs cancel --queued "
        f"--task {shlex.quote(one.task)}`"
    )
    if not one.schedules:
        return told
    named = ", ".join(one.schedules[:3]) + (", …" if len(one.schedules) > 3 else "")
    return f"{told} (fires of their schedules are skipped meanwhile, unless these allow overlap: {named})"
