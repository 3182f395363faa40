"""The other nodes on this machine, whose deaths need no lease to be certain."""

from __future__ import annotations

import random
from itertools import islice
from typing import TYPE_CHECKING

from hourbell.model.process_mark import Fate, ProcessMark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from hourbell.engine.process_table import ProcessTable
    from hourbell.model.node import Sibling

MOST_LOOKS = 100
"""At most so many neighbours are looked at at a time, in turn."""

TRIES = 2
"""So often a rescue is tried for one that is gone, until a renewal says again that it counts as live."""

AGAIN = 0.5
"""Seconds until the second try: its last claim may still be being carried out."""


class Neighbours:
    """Looks once per poll whether the processes of the live nodes near this one are still there.

    What it finds does not depend on anybody's renewals: a node that could not renew itself has seen as well as any
    other that a process is gone.
    """

    def __init__(self, table: ProcessTable, poll: float) -> None:
        self._table = table
        self._poll = poll
        self._own = table.own()
        self._near: dict[str, tuple[str, ProcessMark]] = {}
        self._tries: dict[str, int] = {}
        self._look_at = 0.0

    def saw(self, siblings: Iterable[Sibling]) -> None:
        """What a renewal told of the other live nodes."""
        if self._own is None:
            return
        found = {one.id: (one.process, ProcessMark.parse(one.process)) for one in siblings if one.process is not None}
        # In the order in which they are to be looked at next.
        order = [name for name in self._near if name in found] + [name for name in found if name not in self._near]
        self._near, self._tries = {}, {}
        for name in order:
            text, mark = found[name]
            if mark is not None and mark.is_near(self._own) and mark != self._own:
                self._near[name] = (text, mark)

    def gone(self, elapsed: float) -> dict[str, str]:
        """Whose process is gone for certain: id to process as it was told. Empty while it is not time to look."""
        own = self._own
        if own is None or elapsed < self._look_at:
            return {}
        looked = list(islice(self._near, MOST_LOOKS))
        for name in looked:
            self._near[name] = self._near.pop(name)  # to the end of the order
        found = {name: self._near[name] for name in looked}
        dead = {name: text for name, (text, mark) in found.items() if self._table.fate(mark, own) is Fate.GONE}
        # Not all at the same moment: the first that finds it out does it for all.
        self._look_at = elapsed + (AGAIN if dead else self._poll * random.uniform(0.9, 1.0))
        return dead

    def tried(self, gone: Mapping[str, str], dead: Collection[str]) -> None:
        """A rescue was asked to declare ``gone`` dead, and ``dead`` are those it did.

        Those that it did not have left by themselves, were found by others, or are locked for a moment.
        """
        for name in gone:
            self._tries[name] = self._tries.get(name, 0) + 1
            if name in dead or self._tries[name] >= TRIES:
                self._near.pop(name, None)

    def wait(self, elapsed: float) -> float | None:
        """Seconds until the next look; None when there is nobody to look at."""
        return max(0.0, self._look_at - elapsed) if self._near else None
