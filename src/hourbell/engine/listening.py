"""Hearing the hints of other nodes for as long as they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourbell.engine.troubles import Troubles
    from hourbell.engine.watching import Watching
    from hourbell.model.hint import Hint
    from hourbell.store.protocol import Store

LOOP = "listen"
"""The name of the loop whose step this is."""

AGAIN = 15.0
"""Seconds before another try at listening after hints stopped arriving."""


class Listening:
    """Listens; its one step lasts as long as hints arrive."""

    def __init__(self, store: Store, watching: Watching, troubles: Troubles) -> None:
        self._store = store
        self._watching = watching
        self._troubles = troubles

    async def step(self) -> float:
        """Listen until hints cannot arrive any more, and answer when to try again."""
        try:
            await self._store.listen(self._heard)
        finally:
            self._watching.deaf()
        return AGAIN

    def _heard(self, hint: Hint | None) -> None:
        self._watching.heard(hint)
        # The step goes on for as long as all is well, so its loop cannot tell that the trouble is over.
        self._troubles.over(LOOP)
