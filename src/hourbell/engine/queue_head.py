"""Where a queue begins, as far as a node has claimed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.engine.whole_look import LATE, WholeLook

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.run import Claim


class QueueHead:
    """From which due time on claims of a kind look, where a look at the whole queue would read too much: `WholeLook`.

    While there is more than they take, a claim begins where the one before it ended; when everything was taken, a
    little before that moment. What comes in before that place (committed late, handed back, or put there on purpose) is
    found by a look at the whole. While there is more, one comes every ``longest`` seconds. Besides, it comes when less
    than asked for came back, and whenever claims are wanted and nothing is known to follow; but where such looks are
    slow, not before the next is due. A claim without ``slots`` leaves behind what may not wait here: the next one with
    slots begins where the last one with slots ended.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._look = WholeLook()
        self._since: datetime | None = None
        self._since_with_slots: datetime | None = None
        self._more_until: float | None = None

    def since(self, elapsed: float, slots: int) -> datetime | None:
        """Where the claim at ``elapsed`` may begin; None: at the front."""
        if self._look.is_due(elapsed) and (self._more_until is None or elapsed >= self._more_until):
            return None
        return self._since_with_slots if slots else self._since

    def doubted(self) -> None:
        """Something is due that may be before what is looked at: the next claim begins at the front. Where there is
        more than they take, that is so all the time, and they begin there now and then anyway."""
        if self._more_until is None:
            self._look.wanted()

    def claimed(
        self,
        claim: Claim,
        since: datetime | None,
        asked: float,
        answered: float,
        *,
        slots: int,
        full: bool,
        left_urgent: bool,
    ) -> bool:
        """A claim that began at ``since`` brought this; ``full``: there may be more after it; ``left_urgent``: what may
        not wait here may have been left behind. True when it is to be followed by a whole one at once, since something
        may be before it."""
        if since is None:
            self._look.done(asked, answered)
        last = claim.runs[-1].run_at if full and claim.runs else None
        self._since = claim.now - LATE if last is None else last
        if slots and (self._look.is_due(answered) or not left_urgent):
            self._since_with_slots = self._since
        if last is None:
            self._more_until = None
            return since is not None and self._look.is_due(answered)
        if since is None:
            self._more_until = answered + self._longest
        return False

    def forget(self) -> None:
        """What was claimed says nothing of where the queue begins."""
        self._since = self._since_with_slots = None
