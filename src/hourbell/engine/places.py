"""How many runs a node has room for, and what of that it may offer a fire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.executors.choice import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from hourbell.engine.ahead import Ahead
    from hourbell.engine.kinds import Kinds
    from hourbell.engine.limiting import Limiting
    from hourbell.engine.parts import Parts

MOST_AT_ONCE = 1_000
"""Runs per claim: enough to be cheap each, few enough that the statement is short."""


class Places:
    """For an offer, sorts the tasks of one kind into those that are known to be short just now, and all others.

    Who fires records what it cannot take as queued, for everybody, and goes on with smaller batches. So an offer is as
    large as what will be done in a moment at the pace at which these bodies have just ended. A claim asks for no more
    than was done in a moment: what it leaves stays where others find it.
    """

    def __init__(self, parts: Parts, ahead: Ahead, kinds: Kinds, limiting: Limiting) -> None:
        settings = parts.settings
        bodies = {Kind.ASYNC: settings.max_runs, Kind.THREAD: settings.threads, Kind.PROCESS: settings.processes}
        self._bodies = {kind: min(settings.max_runs, most) for kind, most in bodies.items()}
        self._stuck = parts.stuck
        self._ahead = ahead
        self._kinds = kinds
        self._limiting = limiting

    def room(self, kind: Kind) -> int:
        """Runs of this kind that may be claimed at once just now."""
        return min(MOST_AT_ONCE, self._ahead.places(kind))

    def most(self, kind: Kind) -> int:
        """As many as that can be, were nothing held here."""
        return min(MOST_AT_ONCE, self._bodies[kind] + self._ahead.allowed(kind))

    def offered(self, most: int, *, but: Collection[Kind], spare: bool) -> list[tuple[list[str], int]]:
        """Tasks of all kinds but these, with the places that they share."""
        places: list[tuple[list[str], int]] = []
        for kind in Kind:
            if kind not in but and self._kinds.names(kind):
                room = self.room(kind) - (self.most(kind) // 2 if spare else 0)
                places += self._of(kind, room, most, spare=spare)
        return places

    def _of(self, kind: Kind, room: int, most: int, *, spare: bool) -> Iterator[tuple[list[str], int]]:
        """Tasks that share so many places, ``most`` at the most; ``room`` is how many any of them could have. Places
        that are only to ``spare`` are no more than those."""
        at_pace, short = (room, ()) if spare else self._ahead.places_at_pace(kind)
        limited = self._limiting.limited(kind)
        quick: list[str] = []
        others: list[str] = []
        for name in self._kinds.names(kind):
            places = min(most, at_pace if name in short else room)
            if name not in limited and self._stuck.room(name, places) >= places > 0:
                (quick if name in short else others).append(name)
        if quick:
            yield quick, min(most, at_pace)
        if others:
            yield others, min(most, room)
