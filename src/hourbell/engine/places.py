"""What a node has to offer a fire: its places, and which tasks may have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hourbell.engine.ahead import Ahead
    from hourbell.engine.kinds import Kinds
    from hourbell.engine.limiting import Limiting
    from hourbell.engine.stuck import Stuck
    from hourbell.executors.choice import Kind


class Places:
    """Sorts the tasks of one kind into those that are known to be short just now, and all others.

    Who fires records what it cannot take as queued, for everybody, and goes on with smaller batches. So an offer is as
    large as what will be done in a moment at the pace at which these bodies have just ended. A claim asks for no more
    than was done in a moment: what it leaves stays where others find it.
    """

    def __init__(self, ahead: Ahead, kinds: Kinds, limiting: Limiting, stuck: Stuck) -> None:
        self._ahead = ahead
        self._kinds = kinds
        self._limiting = limiting
        self._stuck = stuck

    def of(self, kind: Kind, room: int, most: int, *, spare: bool) -> Iterator[tuple[list[str], int]]:
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
