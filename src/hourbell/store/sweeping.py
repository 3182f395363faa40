"""Letting go whoever waits for nothing, schedule by schedule."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hourbell.store.scripts import overlap

if TYPE_CHECKING:
    from hourbell.store.driver import Database, Lane


async def sweep(database: Database, lane: Lane) -> int:
    """Look at every schedule whose runs wait for their turn, a part of them in a transaction of its own. Answers how
    many runs may go.

    All of them: who waits behind others that wait for good reason would else never be looked at.
    """
    released, after = 0, ""
    while True:
        here, last = await database.run(partial(overlap.sweep, after), lane)
        released += here
        if last is None:
            return released
        after = last
