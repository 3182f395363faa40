"""Deciding how long everybody sleeps: asks when there will be work, and wakes who does it."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from hourbell.engine.crowd import Crowd
from hourbell.engine.whole_look import LATE, LONG, SELDOM, WholeLook, took
from hourbell.model.plan import NextWork, Question

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from hourbell.engine.parts import Parts
    from hourbell.model.hint import Hint
    from hourbell.model.run import CancelRequest
    from hourbell.store.protocol import Store

SECOND_LOOK = 0.2
"""Seconds after which a node that others beat to the due schedules looks once more, now that they have committed."""

LEADS = (0.008, 0.014)
"""Seconds before a due time at which the firing is woken, where it can hold what it has locked until then: enough to be
ready in time, and not the same for all nodes, so that not all of them are busy when one is about to fire."""

AFTERWARDS = (0.02, 0.04)
"""Seconds after a due time for which another node was faster until the question what there is to do."""

DEBOUNCE = 0.1
"""Hints are answered by one question per this many seconds, however many arrive."""


class Wakers(Protocol):
    """Whom the watch wakes."""

    def fire(self, due: datetime | None = None) -> None:
        """Something is due to be fired, or will be in a moment: at the instant ``due``."""

    def expect_crowd(self) -> None:
        """Many schedules will be due at one instant in a moment."""

    def take_now(self) -> None:
        """A run is due that this node may claim."""

    def take_named(self, hint: Hint) -> None:
        """This run is due, and perhaps this node may claim it."""

    def take_due(self, asked: float, *, whole: bool) -> None:
        """The database said, to a question sent at ``asked``, that a run is due: anywhere in the queue, where the
        question was about the ``whole``."""

    def cancel(self, requests: Sequence[CancelRequest]) -> None:
        """Somebody asked these attempts, which run here, to end."""


class Watching:
    """Asks `next_work` at most once per poll while nothing happens, and sleeps until what it said. The renewal of the
    lease takes the question along whenever it would be asked before the next one.

    At a known due time the firing is woken without asking; the question comes after it, for the following due time.
    Where it has become slow to look at the whole queue, most questions look only at what is due since the last one that
    did; see `WholeLook`.
    What could not be taken (locked by another node, unreadable here) waits for the next poll and never makes it spin.
    """

    def __init__(self, store: Store, parts: Parts, node_id: str, wakers: Wakers, again: Callable[[], None]) -> None:
        self._store = store
        self._parts = parts
        self._node_id = node_id
        self._wakers = wakers
        self._again = again
        self._ask_at = parts.clock.elapsed()
        self._asked_at = self._answered_at = self._ask_at - DEBOUNCE
        self._leads = LEADS if store.can_hold else (0.0, 0.0)
        self._lead = timedelta(0)
        self._crowd = Crowd(counts=store.can_hold and parts.settings.max_runs > 0)
        self._whole = WholeLook()
        self._seen: datetime | None = None
        self._missed = 0
        self._next_fire: datetime | None = None
        self._next_run: datetime | None = None
        self._awaited = False
        self._fresh = False
        self._empty_handed = False
        self._debt = 0.0
        self.hints = False

    async def step(self) -> float | None:
        """Wake who is due, ask when it is time to, and answer how long nothing will happen."""
        self._wake_known()
        if self._parts.clock.elapsed() >= self._ask_at:
            await self._ask()
        return self._sleep()

    def hinted(self) -> None:
        """A hint: there may be new work. The question comes soon, not at once, so that many hints make one."""
        self._ask_soon(max(0.0, self._asked_at + DEBOUNCE - self._parts.clock.elapsed()))

    def heard(self, hint: Hint | None = None) -> None:
        """A hint from another node, which also proves that hints arrive. When it names a run, what else there may be is
        asked a moment later: to be quick at that run is all that matters now."""
        self.hints = True
        if hint is None:
            self._wakers.take_now()
            self.hinted()
        else:
            self._wakers.take_named(hint)
            self._ask_soon(DEBOUNCE)

    def deaf(self) -> None:
        """Hints do not arrive (any more): back to the shorter poll."""
        self.hints = False
        self._ask_soon(self._parts.settings.poll)

    def fired(self, locked: int) -> None:
        """The firing is through, having locked so many schedules: ask for the following due time."""
        if locked or self._awaited:
            self._fresh = True
            self._empty_handed = not locked
            self._ask_soon(0)
        elif self._fresh:
            self._look_again()
        else:
            # Due, and not to be had: whoever has it under lock may be frozen, and no hint will come of that.
            self._ask_soon(self._parts.settings.poll)
        self._awaited = False

    def beaten(self, due: datetime) -> None:
        """What is due then is under lock already: another node is about to fire it. What comes after that is asked for
        when it has, and if it has not, it is fired here."""
        self._fresh = True
        self._awaited = False
        left = (due - self._parts.clock.now()).total_seconds()
        self._ask_soon(max(0.0, left) + random.uniform(*AFTERWARDS))

    def spent(self, statements: int) -> None:
        """Upkeep sent statements of its own: the polls make up for them, so that an idle node stays at one a second."""
        self._debt += statements

    def _wake_known(self) -> None:
        now = self._parts.clock.now()
        if self._next_fire is not None and self._next_fire - self._lead <= now:
            due, self._next_fire = self._next_fire, None
            self._awaited = True
            self._wakers.fire(due)
        if self._crowd.comes(now):
            self._wakers.expect_crowd()
        if self._next_run is not None and self._next_run <= now:
            self._next_run = None
            self._wakers.take_now()
            # The run after this one has an instant too, which only the database knows.
            self._ask_soon(DEBOUNCE)

    async def _ask(self) -> None:
        asked = self._parts.timekeeper.ask()
        question = self._question(asked)
        self._asking(asked)
        try:
            work = await self._store.next_work(self._node_id, question)
        except BaseException:
            self._ask_at = asked
            if question.since is None:
                self._missed_all(asked)
            raise
        self._parts.timekeeper.heard(work.now, asked)
        self._note(work, asked)

    def _question(self, asked: float) -> Question:
        tasks = self._parts.tasks.names() if self._parts.settings.max_runs else ()
        since = None if self._whole.is_due(asked) else self._seen
        return Question(tuple(tasks), self._parts.settings.queues, since, self._crowd.counted)

    def _asking(self, asked: float) -> None:
        self._asked_at = asked
        # Set before the answer comes, so that a hint in the meantime asks once more.
        self._ask_at = asked + self._poll()

    def question(self, asked: float, within: float) -> Question | None:
        """What to ask at this moment with something that is sent anyway, and is not sent again for ``within`` seconds;
        None when there is nothing to be asked before that. Who takes it says `answered` or `unanswered`."""
        if self._ask_at - asked > within:
            return None
        self._asking(asked)
        if self.hints:
            # The next one goes with the next renewal; that it comes a moment late is no reason to ask besides.
            self._ask_at += (self._ask_at - asked) / 10
        return self._question(asked)

    def unanswered(self) -> None:
        """No answer came to what was asked, and nobody waits for it any more."""
        self._ask_soon(0)

    def answered(self, work: NextWork, asked: float) -> None:
        """What the database said to the question sent at ``asked``."""
        self._note(work, asked)
        self._again()

    def _note(self, work: NextWork, asked: float) -> None:
        if asked < self._answered_at:
            return  # overtaken by the answer to a later question
        self._answered_at = asked
        self._looked(work, asked)
        if self._seen is not None and work.now < self._seen:
            # The database's clock went back: what came in meanwhile was due before the place from which was asked.
            self._whole.wanted()
            self._ask_soon(DEBOUNCE)
        self._seen = work.now - LATE
        self._next_fire, self._next_run = work.next_fire_at, work.next_run_at
        self._lead = timedelta(seconds=random.uniform(*self._leads))
        self._crowd.answered(work)
        if work.fire_due and self._empty_handed:
            # Others have these under lock and will have committed in a moment; their next due times count here too.
            self._look_again()
        elif work.fire_due:
            self._wakers.fire()
        self._empty_handed = False
        if work.run_due:
            self._wakers.take_due(asked, whole=work.since is None)
        if work.cancelling:
            self._wakers.cancel(work.cancelling)

    def _looked(self, work: NextWork, asked: float) -> None:
        elapsed = self._parts.clock.elapsed()
        if work.since is not None:
            if self._missed == 1:
                # The database answers again: it may just have been away when everything was asked for.
                self._whole.wanted()
                self._ask_soon(DEBOUNCE)
            return
        self._missed = 0
        is_long = took(asked, elapsed) > LONG
        self._whole.done(asked, elapsed, rest=SELDOM if is_long else 0.0)
        if is_long:
            # It holds up the fires; claims look through what is too much in parts.
            self._wakers.take_due(asked, whole=True)

    def _missed_all(self, asked: float) -> None:
        """No answer came to a question about everything: perhaps that is too much, and something less is answered."""
        elapsed = self._parts.clock.elapsed()
        if took(asked, elapsed) <= LONG:
            return
        self._missed += 1
        self._whole.done(asked, elapsed, rest=SELDOM)
        self._seen = self._seen or self._parts.clock.now() - LATE
        self._wakers.take_due(asked, whole=True)

    def _look_again(self) -> None:
        self._fresh = False
        self._ask_soon(SECOND_LOOK)

    def _poll(self) -> float:
        settings = self._parts.settings
        if self.hints:
            self._debt = 0
            return settings.poll_with_hints
        if not self._debt:
            return settings.poll
        self._debt -= 0.5
        return settings.poll * 1.5

    def _ask_soon(self, delay: float) -> None:
        self._ask_at = min(self._ask_at, self._parts.clock.elapsed() + delay)
        self._again()

    def _sleep(self) -> float:
        now = self._parts.clock.now()
        waits = [self._ask_at - self._parts.clock.elapsed()]
        if self._next_fire is not None:
            waits.append((self._next_fire - self._lead - now).total_seconds())
        if (wait := self._crowd.wait(now)) is not None:
            waits.append(wait)
        if self._next_run is not None:
            waits.append((self._next_run - now).total_seconds())
        return max(0.0, min(waits))
