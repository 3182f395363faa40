"""Taking over from nodes that died."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hourbell.events import NodeLost
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from hourbell.engine.firing import Takers
    from hourbell.engine.neighbours import Neighbours
    from hourbell.engine.parts import Parts
    from hourbell.engine.witness import Witness
    from hourbell.model.node import Rescue
    from hourbell.store.protocol import Store

STATEMENTS = 3
"""What a rescue sends, about."""

_log = Telling(logging.getLogger("hourbell.engine"))


class Rescuing:
    """Declares dead whom both witnesses call dead, as soon as they do, and whose process this node sees to be gone; and
    hands on what they held.

    When told to it also sweeps up runs of nodes that ended or are absent.
    """

    def __init__(
        self,
        store: Store,
        parts: Parts,
        node_id: str,
        witness: Witness,
        neighbours: Neighbours,
        takers: Takers,
        *,
        spent: Callable[[int], None],
    ) -> None:
        self._store = store
        self._parts = parts
        self._node_id = node_id
        self._witness = witness
        self._neighbours = neighbours
        self._takers = takers
        self._spent = spent
        self._sweeping = False

    def sweep(self) -> None:
        """The next step hands on what belongs to nobody, whether or not somebody is suspect."""
        self._sweeping = True

    async def step(self) -> float:
        """Rescue whoever is suspect or gone, and answer when somebody could be next."""
        clock = self._parts.clock
        suspects = self._witness.suspects(clock.now(), clock.elapsed())
        gone = self._neighbours.gone(clock.elapsed())
        if suspects or gone or self._sweeping:
            rescue = await self._store.rescue(suspects, gone)
            self._neighbours.tried(gone, rescue.dead)
            self._sweeping = rescue.is_cut_short
            self._spent(STATEMENTS)
            self._tell(rescue, gone)
            self._parts.events.tell_ends(rescue.ended, self._node_id)
            if suspects or gone or rescue.requeued or rescue.released:
                # Also when another node was faster: its rescue queued the runs for whoever comes first.
                self._takers.take_now()
        return self._wait(tried=bool(suspects) or self._sweeping)

    def _wait(self, *, tried: bool) -> float:
        clock = self._parts.clock
        wait = self._parts.settings.lease / 3
        sooner = self._witness.wait(clock.now(), clock.elapsed())
        if sooner is not None:
            wait = min(wait, sooner + 0.005)
        look = self._neighbours.wait(clock.elapsed())
        if look is not None:
            wait = min(wait, look)
        if tried:
            # The store did not follow (its clock says otherwise, a lock), or not to the end: again after a moment.
            wait = min(wait, 0.5)
        return max(0.005, wait)

    def _tell(self, rescue: Rescue, gone: Collection[str]) -> None:
        if rescue.requeued or rescue.failed or rescue.cancelled:
            told = [f"{name}, whose process is gone" if name in gone else name for name in rescue.dead]
            dead = "; ".join(told) or "gone before"
            _log.warning(
                "took over from lost nodes (%s): %d runs queued again, %d failed, %d cancelled as was asked",
                dead,
                rescue.requeued,
                rescue.failed,
                rescue.cancelled,
            )
        for node_id in rescue.dead:
            lost = NodeLost(node_id=node_id, found_by=self._node_id, requeued=rescue.requeued, failed=rescue.failed)
            self._parts.events.emit(lost)
