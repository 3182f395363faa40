"""What a claim brought whose answer is lost: read back by its name, while there is hope of an answer to that."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hourbell.engine.troubles import QUIET
from hourbell.engine.whole_look import LONG
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.clock import Clock
    from hourbell.model.run import Run
    from hourbell.store.protocol import Store

TRIES = 2
"""So many times a database that answers other questions may leave this one without an answer."""

_log = Telling(logging.getLogger("hourbell.engine"))


class ReadingBack:
    """Nothing is claimed, or fired, before what was lost is known. A database that is away is waited for, however long.

    Where it is there, and only this question is too much for it, that would be for ever: all that ran under the node's
    name is read for it, also what is dead, while an old snapshot keeps that. Then it is given up. What the claim may
    have brought is left to the comparison of what the store counts with what is held here (`comparing`), or to who
    takes over from this node, and the node goes on.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._claim_id: str | None = None
        self._tries = 0
        self._said = -QUIET

    async def read(self, node_id: str, claim_id: str) -> Sequence[Run]:
        """The runs that this claim brought; none as well where that is not to be learnt. Raises as the store does."""
        if claim_id != self._claim_id:
            self._claim_id, self._tries = claim_id, 0
        asked = self._clock.elapsed()
        try:
            return await self._store.claimed(node_id, claim_id)
        except Exception:
            if self._clock.elapsed() - asked <= LONG:
                raise
            await self._store.ping()
            self._tries += 1
            if self._tries < TRIES:
                raise
        self._tell(self._clock.elapsed())
        return ()

    def _tell(self, now: float) -> None:
        """Once a minute: beside a locked table this is so with each claim."""
        if now - self._said < QUIET:
            return
        self._said = now
        _log.warning(
            "what a claim brought whose answer was lost could not be read back, although the database answers; the "
            "node goes on without it. Somebody may have locked a table, or an old snapshot keeps what is dead: "
            "`hourbell doctor` says who"
        )
