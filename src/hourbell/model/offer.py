"""What a node could start at this moment of what it is about to fire: such runs are recorded as claimed by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hourbell.model.plan import PlannedRun
    from hourbell.model.policies import Policies


@dataclass(frozen=True, slots=True)
class Offer:
    """A node's offer to take runs as they are recorded, as one claim that is named ``claim_id``.

    ``places``: tasks that share so many places, none of them limited and each in one group only. ``queues``: those that
    the node serves; None: all of them. ``most``: how many runs of all groups together; None: as many as have a place.
    """

    node_id: str
    claim_id: str
    places: Sequence[tuple[Sequence[str], int]]
    queues: Sequence[str] | None = None
    most: int | None = None

    @property
    def room(self) -> int:
        """How many runs may be taken."""
        places = sum(room for _, room in self.places)
        return places if self.most is None else min(self.most, places)


class Taker:
    """Decides, one after the other, which of the runs that a firing records are taken by who made the offer."""

    def __init__(self, offer: Offer) -> None:
        self._queues = offer.queues
        self._room = offer.room
        self._left = [room for _, room in offer.places]
        self._group = {task: group for group, (tasks, _) in enumerate(offer.places) for task in tasks}

    def takes(self, task: str, policies: Policies, run: PlannedRun, now: datetime, alike: int = 1) -> int:
        """How many of so many runs that differ in nothing of this are taken; each uses up a place.

        Only what a claim at this instant would give: a run that may start now. One that starts at most once is left to
        a claim, which gives it a free slot and no place behind the slots.
        """
        group = self._group.get(task)
        if group is None or policies.on_lost == "fail":
            return 0
        if run.run_at is None or run.run_at > now or (run.start_by is not None and run.start_by < now):
            return 0
        if self._queues is not None and policies.queue not in self._queues:
            return 0
        taken = max(0, min(alike, self._left[group], self._room))
        self._left[group] -= taken
        self._room -= taken
        return taken
