"""What the node's thread does when the application's event loop does not move."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hourbell.engine import verdict
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.engine.crossing import Crossing
    from hourbell.engine.parts import Parts
    from hourbell.engine.pulse import Pulse
    from hourbell.engine.shift import Shift
    from hourbell.store.protocol import Store

GIVE_UP = 300.0
"""Seconds of silence after which the node stops counting as live."""

_log = Telling(logging.getLogger("hourbell.engine"))


class PulseWatch:
    """A dead loop is not hidden by the heartbeat of this thread.

    Silent for a lease: what has not begun is handed back, for others to run. Silent for five minutes: the log gets the
    stack that blocks it, and the lease is given up.
    """

    def __init__(
        self,
        store: Store,
        parts: Parts,
        pulse: Pulse,
        shift: Shift,
        app: Crossing,
        *,
        lost: Callable[[str], None],
        deserted: Callable[[], None],
    ) -> None:
        self._store = store
        self._lease = parts.settings.lease
        self._pulse = pulse
        self._shift = shift
        self._app = app
        self._lost = lost
        self._deserted = deserted
        self._told = False

    async def step(self) -> float | None:
        """Look once, and answer when to look again; None when the lease was given up."""
        if not self._app.call(_nothing):
            _log.warning("the application's event loop was closed and the node not stopped; the node ends by itself")
            self._deserted()
            return None
        silence = self._pulse.silence()
        if silence <= self._lease:
            self._told = False
            return self._lease / 3
        if not self._told:
            self._told = True
            _log.warning(
                "the application's event loop has been blocked for %.0f s; its runs that have not begun are handed "
                "back. It is here:\n%s",
                silence,
                self._pulse.stack(),
            )
        await self._hand_back()
        if silence > GIVE_UP:
            _log.error("the event loop has been blocked for %.0f s, here:\n%s", silence, self._pulse.stack())
            self._shift.trust.end()  # by its own will: nobody has taken this node for dead
            self._lost("the application's event loop is blocked")
            return None
        return self._lease / 3

    async def _hand_back(self) -> None:
        node_id = self._shift.trust.node_id
        runs, claims = self._shift.holdings.forfeit()
        for claim_id in claims:
            runs += await self._store.claimed(node_id, claim_id)
        if runs:
            await self._store.settle(node_id, [verdict.handed_back(run) for run in runs])


def _nothing() -> None:
    """Something to call on a loop, to learn whether it is there."""
