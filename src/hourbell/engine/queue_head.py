"""Where a queue begins, as far as a node has claimed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hourbell.executors.choice import Kind
    from hourbell.model.run import Run

RARELY = 20.0
"""A look at the whole queue comes no sooner than so many times what the one before it took."""

SELDOM = 5.0
"""Seconds after which it comes all the same, however long it takes: what it alone finds waits no longer."""


class QueueHead:
    """From which due time on claims look, while there is always more than they take.

    PostgreSQL keeps what was claimed in the index until nobody's snapshot can see it as it was. With an old snapshot
    about, a claim that begins at the front reads all of that again, more each time. So it begins where the one before
    it ended. What comes in before that place (committed late, handed back, or put there on purpose) is found by a look
    at the whole: at once when less than asked for came back, else after ``longest`` seconds, or where such looks have
    become slow after at most `SELDOM`.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._since: dict[Kind, datetime] = {}
        self._whole_at: dict[Kind, float] = {}

    def since(self, kind: Kind, elapsed: float) -> datetime | None:
        """Where the claim at ``elapsed`` may begin; None: at the front."""
        if elapsed >= self._whole_at.get(kind, elapsed):
            return None
        return self._since.get(kind)

    def claimed(
        self, kind: Kind, runs: Sequence[Run], since: datetime | None, asked: float, answered: float, *, full: bool
    ) -> bool:
        """A claim that began at ``since`` brought these, in their order. True when it is to be followed by a whole one
        at once: there may be something before it."""
        last = runs[-1].run_at if full and runs else None
        if last is None:
            self._since.pop(kind, None)
            return since is not None
        self._since[kind] = last
        if since is None:
            slow = min(RARELY * (answered - asked), SELDOM)
            self._whole_at[kind] = answered + max(self._longest, slow)
        return False
