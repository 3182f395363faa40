"""Where a queue begins, as far as a node has claimed it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from hourbell.engine.whole_look import LATE, WholeLook

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.executors.choice import Kind
    from hourbell.model.run import Claim


class QueueHead:
    """From which due time on claims look, where a look at the whole queue would read too much; see `WholeLook`.

    While there is more than they take, a claim begins where the one before it ended; when everything was taken, a
    little before that moment. What comes in before that place (committed late, handed back, or put there on purpose) is
    found by a look at the whole. While there is more, one comes every ``longest`` seconds. Besides, it comes when less
    than asked for came back, and whenever claims are wanted and nothing is known to follow; but where such looks are
    slow, not before the next is due. A claim without ``slots`` leaves behind what may not wait here: the next one with
    slots begins where the last one with slots ended.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._since: dict[Kind, datetime] = {}
        self._since_with_slots: dict[Kind, datetime] = {}
        self._more_until: dict[Kind, float] = {}
        self._look: dict[Kind, WholeLook] = defaultdict(WholeLook)

    def since(self, kind: Kind, elapsed: float, slots: int) -> datetime | None:
        """Where the claim at ``elapsed`` may begin; None: at the front."""
        if self._look[kind].is_due(elapsed) and elapsed >= self._more_until.get(kind, elapsed):
            return None
        return (self._since_with_slots if slots else self._since).get(kind)

    def doubted(self) -> None:
        """Something is due that may be before what is looked at: the next claims begin at the front. Where there is
        more than they take, that is so all the time, and they begin there now and then anyway."""
        for kind, look in self._look.items():
            if kind not in self._more_until:
                look.wanted()

    def claimed(
        self,
        kind: Kind,
        claim: Claim,
        since: datetime | None,
        asked: float,
        answered: float,
        *,
        slots: int,
        full: bool,
    ) -> bool:
        """A claim that began at ``since`` brought this; ``full``: there may be more after it. True when it is to be
        followed by a whole one at once, since something may be before it."""
        look = self._look[kind]
        if since is None:
            look.done(asked, answered)
        last = claim.runs[-1].run_at if full and claim.runs else None
        self._since[kind] = claim.now - LATE if last is None else last
        if slots and (look.is_due(answered) or sum(not run.may_wait for run in claim.runs) < slots):
            self._since_with_slots[kind] = self._since[kind]
        if last is None:
            self._more_until.pop(kind, None)
            return since is not None and look.is_due(answered)
        if since is None:
            self._more_until[kind] = answered + self._longest
        return False

    def forget(self, kind: Kind) -> None:
        """What was claimed says nothing of where the queue begins."""
        self._since.pop(kind, None)
        self._since_with_slots.pop(kind, None)
