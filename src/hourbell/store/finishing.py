"""Ending what is queued of schedules that were paused or removed, a transaction after the other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hourbell.errors import StoreUnavailable
from hourbell.store.scripts import endings

if TYPE_CHECKING:
    from hourbell.model.run import Run
    from hourbell.store.driver import Database, Lane
    from hourbell.store.protocol import Ended

MOST_STEPS = 10
"""Transactions spent at once on what verbs have left: others wait meanwhile, and the verb itself may be at it."""


async def finish(database: Database, schedule_id: str, begun: endings.Ending, ended: Ended) -> None:
    """What a verb has begun. ``ended`` hears of each part after its commit, so that none is held longer than that."""
    ended(begun.runs)
    left = begun.left
    while left is not None:
        further = await database.run(partial(endings.go_on, schedule_id, left), "verbs")
        ended(further.runs)
        left = further.left


async def finish_left(database: Database, lane: Lane) -> tuple[list[Run], bool]:
    """Some of what verbs have left behind. Answers the runs that have ended, and whether there may be more."""
    runs: list[Run] = []
    places: list[tuple[str, str]] = []
    for _ in range(MOST_STEPS):
        try:
            if not places:
                places = list(await database.run(endings.pending, lane, atomic=False))
            if not places:
                return runs, False
            further = await database.run(partial(endings.go_on, *places[0]), lane)
        except StoreUnavailable:
            break
        runs += further.runs
        if further.left is None:
            del places[0]
    return runs, True
