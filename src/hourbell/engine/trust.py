"""How long a node may count on its own lease without asking anybody."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hourbell.model.trusted import trusted

if TYPE_CHECKING:
    from hourbell.clock import Clock


class Trust:
    """One node id and the moment until which it may act, on the clock that only grows.

    The moment is a lease after the *start* of the last good renewal, minus a margin: the database counted from its
    receipt, which was later, so trust ends before the lease does. Once it has ended it never comes back; the node
    takes a new id. May be read from any thread.
    """

    def __init__(self, node_id: str, clock: Clock, lease: float, asked: float) -> None:
        self.node_id = node_id
        self._clock = clock
        self._span = trusted(lease)
        self._deadline = asked + self._span
        self._ended = False
        self._pid = os.getpid()

    def holds(self) -> bool:
        """True while this node may start bodies and report them."""
        return self.holds_at(self._clock.elapsed())

    def holds_at(self, moment: float) -> bool:
        """The same for who has just asked the clock."""
        return not self._ended and moment < self._deadline

    def is_ours(self) -> bool:
        """False in a forked child, which copied everything but is not this node. Asked before each statement."""
        return os.getpid() == self._pid

    def left(self) -> float:
        """Seconds until it ends unless it is renewed; never negative."""
        return 0.0 if self._ended else max(0.0, self._deadline - self._clock.elapsed())

    def renewed(self, asked: float) -> bool:
        """A renewal sent at ``asked`` succeeded. False when trust had ended in the meantime: it stays ended."""
        if not self.holds():
            self._ended = True
            return False
        self._deadline = max(self._deadline, asked + self._span)
        return True

    def end(self) -> None:
        """End it now, for good."""
        self._ended = True
