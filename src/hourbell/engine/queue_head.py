"""Where the queue begins, as far as a node knows: what is before it was claimed and need not be read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hourbell.engine.past import PAINLESS, Past, Stretch
from hourbell.engine.whole_look import LATE, LONG, SELDOM, WholeLook, rest_after, took

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from hourbell.executors.choice import Kind
    from hourbell.model.run import Claim


class Look(NamedTuple):
    """One claim's: where, from which instant of the clock that only grows on, and with how many slots. One that is not
    ``even`` gives less of one task than of others, and leaves older runs of that behind."""

    stretch: Stretch
    asked: float
    slots: int
    even: bool


class QueueHead:
    """From which due time on claims of a kind look, where a look at the whole queue would read too much: `WholeLook`.

    While there is more than they take, a claim begins where the one before it ended; when everything was taken, a
    little before that moment. What comes in before that place (committed late, handed back, or put there on purpose) is
    found by the next claim that looks at everything, or by the question what there is to do. While there is more, that
    claim comes only now and then, however quick it is: ``longest`` is the time for which the last such one holds then.
    A claim without slots leaves behind what may not wait here, and one with fewer slots than it could have given: the
    next one with slots begins where the last one ended that left none.

    A look at everything that took `LONG`, or came to no end, is not made again: the past is looked through in parts
    then (`Past`), by claims of their own, until it is short again. Not where the store would leave nothing out. After
    each part comes what is due now, which may be more urgent than all that is left there.

    That it took long may have been no fault of the queue's: the database was away, the application's loop was blocked.
    Where much is queued, which would then be claimed out of its order, everything is looked at once more.
    """

    def __init__(self, longest: float, *, in_parts: bool) -> None:
        self._longest = longest
        self._in_parts = in_parts
        self._look = WholeLook()
        self._since: datetime | None = None
        self._since_with_slots: datetime | None = None
        self._more_until: float | None = None
        self._is_long = False
        self._heard: datetime | None = None
        self._past: Past | None = None
        self._is_present_next = False
        self._is_tried_again = False
        self._parts_until = 0.0
        self._not_before = 0.0

    def look(self, elapsed: float, slots: int, *, even: bool = True) -> Look:
        """Where the claim at ``elapsed`` looks; what comes of it is told to `claimed` or `failed`."""
        return Look(self._stretch(elapsed, slots, even=even), elapsed, slots, even)

    def rest(self, elapsed: float) -> float | None:
        """Seconds until a claim is to be made for nothing but the past; None when no such claim is needed."""
        if not self._is_long:
            return None
        due_in = self._past.due_in(elapsed) if self._past is not None else self._look.due_in(elapsed)
        return max(due_in, self._not_before - elapsed)

    def postpone(self, elapsed: float) -> None:
        """The past cannot be looked at just now. Nobody needs to be woken for it before a while; see `rest`."""
        self._not_before = elapsed + self._longest

    def doubted(self) -> None:
        """Something is due that may be before what is looked at: the next claim begins at the front. Where there is
        more than they take, that is so all the time, and they begin there now and then anyway."""
        if self._more_until is None or self._is_long:
            self._look.wanted()

    def claimed(self, look: Look, claim: Claim, answered: float, *, full: bool, left_urgent: bool) -> bool:
        """A claim that looked there brought this; ``full``: there may be more after it; ``left_urgent``: what may not
        wait here may have been left behind. True when it is to be followed by another at once, since something may be
        where it did not look."""
        stretch, asked, slots, even = look
        if stretch.until is not None:
            self._looked_at_past(asked, answered, left=full or left_urgent)
            return True
        if not slots:
            self.postpone(answered)
        else:
            self._is_present_next = False
        if stretch.since is None:
            self._look.done(asked, answered)
            self._looked_at_everything(answered, is_long=self._in_parts and took(asked, answered) > LONG)
        elif self._heard is not None and claim.now < self._heard - LATE:
            # The database's clock went back: what came in meanwhile is due before the place where claims begin.
            self._look.wanted()
            self._more_until = None
        self._heard = claim.now
        if not even:
            self._claimed_unevenly(claim, took(asked, answered))
            return False
        last = claim.runs[-1].run_at if full and claim.runs else None
        self._since = claim.now - LATE if last is None else last
        if slots and not left_urgent:
            self._since_with_slots = self._since
        if last is None:
            self._more_until = None
            return stretch.since is not None and not self._is_long and self._look.is_due(answered)
        if stretch.since is None:
            self._more_until = answered + self._longest
        return False

    def failed(self, look: Look, elapsed: float, now: datetime) -> None:
        """No answer came to a claim that looked there. Where it was a look at everything that took too long, the past
        is looked through in parts, from the ``now`` of the database on."""
        stretch, asked, _, _ = look
        if stretch.until is not None and self._past is not None:
            self._past.failed(asked, elapsed)
        elif self._in_parts and stretch.since is None and took(asked, elapsed) > LONG:
            self._looked_at_everything(elapsed, is_long=True)
            self._look.wanted()
            self._since = self._since or now - LATE
            self._since_with_slots = self._since_with_slots or self._since

    def _stretch(self, elapsed: float, slots: int, *, even: bool) -> Stretch:
        since = self._since_with_slots if slots else self._since
        if since is None or not self._is_long:
            if not even:
                return Stretch()
            is_due = self._look.is_due(elapsed) and (self._more_until is None or elapsed >= self._more_until)
            return Stretch(None if is_due else since)
        if not slots:
            return Stretch(since)
        if self._past is None and self._look.is_due(elapsed):
            self._past = Past(since, elapsed)
        if self._past is not None and not self._is_present_next and not self._past.due_in(elapsed):
            return self._past.stretch()
        return Stretch(since)

    def _claimed_unevenly(self, claim: Claim, seconds: float) -> None:
        """What was claimed says nothing of where the queue begins; so it stays, as long as that is quick enough."""
        if not self._is_long:
            self._since = self._since_with_slots = None
        elif seconds > LONG:
            self._since = self._since_with_slots = claim.now - LATE

    def _looked_at_everything(self, answered: float, *, is_long: bool) -> None:
        self._is_long = is_long
        if is_long and self._is_tried_again:
            self._parts_until = answered + SELDOM
        self._is_tried_again = False

    def _looked_at_past(self, asked: float, answered: float, *, left: bool) -> None:
        past = self._past
        if past is None:
            return
        self._is_present_next = True
        past.looked(asked, answered, left=left)
        if left and took(asked, answered) < PAINLESS / 2 and answered >= self._parts_until:
            self._past, self._is_long, self._is_tried_again = None, False, True
            self._more_until = None
            self._look.wanted()
        if past.is_over:
            self._look.done(answered, answered, rest=rest_after(past.took))
            self._is_long = past.took > LONG / 2
            self._past = None


def rests(heads: Mapping[Kind, QueueHead], elapsed: float, *, but: Collection[Kind]) -> dict[Kind, float]:
    """Seconds until the past is looked at, of each kind but these that has one to look at; see `QueueHead.rest`."""
    found = {kind: head.rest(elapsed) for kind, head in heads.items() if kind not in but}
    return {kind: rest for kind, rest in found.items() if rest is not None}
