"""Taking runs: one statement for as many as there is room for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hourbell.engine.arriving import Arriving
from hourbell.engine.crowding import Crowding
from hourbell.engine.kinds import Kinds
from hourbell.engine.limiting import Limiting
from hourbell.engine.named_run import NamedRun
from hourbell.engine.places import Places
from hourbell.engine.queue_head import QueueHead, rests
from hourbell.engine.reading_back import ReadingBack
from hourbell.events import FireMissed, RunSkipped
from hourbell.executors.choice import Kind
from hourbell.model.ids import new_claim_id
from hourbell.model.offer import Offer
from hourbell.model.run import ROOM_FOR_SUSPECTS
from hourbell.model.run_state import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hourbell.engine.executing import Executing
    from hourbell.engine.holding import Holdings
    from hourbell.engine.parts import Parts
    from hourbell.engine.settling import Settling
    from hourbell.engine.trust import Trust
    from hourbell.events import Events
    from hourbell.model.hint import Hint
    from hourbell.model.run import Run
    from hourbell.store.protocol import Store

REGROUP = 0.005
"""Seconds after which a few free slots are filled although waiting for more would make a fuller batch."""

KEPT = 0.2
"""Seconds for which the places of an offer are kept free: a fire that is held up longer holds up no claim."""

MOST_UNSETTLED = 5_000
"""Reports on their way to the database beyond which nothing more is claimed."""


class Claiming:
    """Claims for one kind of executor per step, whenever it is woken and there is room.

    A kind whose claim came back full is hungry: it claims again as soon as enough of its slots are free, without
    waiting for a hint.
    """

    def __init__(
        self,
        store: Store,
        parts: Parts,
        trust: Trust,
        holdings: Holdings,
        *,
        settling: Settling,
        executing: Executing,
        lost: Callable[[str], object],
        crowded: Callable[[], object],
    ) -> None:
        self._store = store
        self._parts = parts
        self._trust = trust
        self._holdings = holdings
        self._settling = settling
        self._executing = executing
        self._ahead = executing.ahead
        self._arriving = Arriving(holdings, settling, executing)
        self._lost = lost
        self._crowded = crowded
        self._crowding = Crowding(parts.clock, crowded)
        self._pending: set[Kind] = set()
        self._hungry: set[Kind] = set()
        self._withheld: set[Kind] = set()
        self._heads = {kind: QueueHead(parts.settings.poll, in_parts=store.leaves_out) for kind in Kind}
        self._limiting = Limiting(parts, again=self._take, elsewhere=crowded)
        self._kinds = Kinds(parts.tasks, self._limiting.learn)
        self._places = Places(parts, self._ahead, self._kinds, self._limiting)
        self._named = NamedRun(parts, self._kinds, self._limiting, self._ahead)
        self._claimed_at: dict[Kind, float] = {}
        self._doubt: tuple[str, Kind] | None = None
        self._reading_back = ReadingBack(store, parts.clock)
        self._regrouping = False
        self._suspects_left = ROOM_FOR_SUSPECTS
        self.closed = False
        self.wake: Callable[[], None] = lambda: None

    def take_now(self) -> None:
        """Something may be due: claim for every kind."""
        self._pending.update(Kind)
        self.wake()

    def take_named(self, hint: Hint) -> None:
        """This run may be due, and whatever else there is has hints of its own."""
        kind = self._named.kind(hint)
        if kind is not None:
            self._pending.update(self._named.keep(kind, hint))
            self.wake()

    def take_due(self, asked: float, *, whole: bool) -> None:
        """A question sent at ``asked`` found a run due: claim for every kind that has not claimed since.

        A claim sent later saw whatever the question saw; what it left it could not take.
        """
        since = {kind for kind in Kind if self._claimed_at.get(kind, asked) <= asked}
        if since:
            for head in self._heads.values() if whole else ():
                head.doubted()
            self._pending |= since
            self.wake()

    def settled(self, runs: Iterable[Run]) -> None:
        """These have ended in the database too: what their limits held back may be claimed now."""
        for kind in self._limiting.released(runs):
            if self.closed or self._places.room(kind) <= 0:
                self._hungry.add(kind)
                self._crowded()
            else:
                self._take(kind)
        # Those that waited for the reports before theirs to be written.
        self._fill()

    def freed(self) -> None:
        """A body has ended or a thread returned: fill the slots of whoever is hungry, in groups. When it was a suspect,
        for which others may have been left behind, these need not wait for a poll."""
        if self._holdings.room_for_suspects() > self._suspects_left:
            self._suspects_left = self._holdings.room_for_suspects()
            self.take_now()
        self._fill()

    def _fill(self) -> None:
        self._hungry.update(kind for kind in self._withheld if self._ahead.slots(kind))
        for kind in self._hungry:
            room = 0 if kind in self._pending else self._places.room(kind)
            if room <= 0:
                continue
            if room * 2 >= self._places.most(kind) or not (self._holdings.running or self._holdings.waiting()):
                self._pending.add(kind)
                self.wake()
            elif not self._regrouping:
                self._regrouping = True
                asyncio.get_running_loop().call_later(REGROUP, self._regroup)

    def offer(self, most: int, *, spare: bool = False) -> Offer | None:
        """Keep free what could start here at once, for what is about to be fired; see `offering.Starters`.

        Where the fire takes long, others are claimed meanwhile, and what it then brings waits for its slots or goes
        back. What is fired of a kind of which more is queued already waits behind that."""
        if self._is_over() or self._is_behind() or self._doubt is not None:
            return None
        places = self._places.offered(most, but=self._hungry, spare=spare)
        if not places:
            return None
        # All kinds share the slots: each could have so many of them, and together they have no more than one could.
        most = max(room for _, room in places)
        claim_id = new_claim_id()
        self._holdings.claims[claim_id] = most
        asyncio.get_running_loop().call_later(KEPT, self._lapse, claim_id)
        return Offer(self._trust.node_id, claim_id, places, self._parts.settings.queues, most)

    def adopt(self, claim_id: str, runs: Sequence[Run], *, in_burst: bool = False) -> None:
        """Start what was taken under an offer, and go on claiming for what the places were not needed for."""
        if not self._arriving.lets_in(claim_id, runs, closed=self.closed):
            return
        if in_burst:
            self._settling.make_way(runs)
        for kind in Kind if runs else ():
            self._holdings.add(kind, self._kinds.own(kind, runs))
        self._executing.pump()
        self._fill()

    async def step(self) -> float | None:
        """One claim; 0 while another kind waits for its own, None when nothing is to be claimed, or seconds where there
        is a past to look through."""
        if self._doubt is not None:
            await self._read_back(*self._doubt)
        named = self._named.take()
        if named is not None and await self._claim_named(*named):
            return 0
        due_in = self._rests()
        self._pending.update(kind for kind, rest in due_in.items() if not rest)
        kind = self._next_kind()
        if kind is None:
            return min(filter(None, due_in.values()), default=None)
        # Asked anew, and the look-ahead shrinks as time goes by: what there was room for may be nothing by now.
        room = self._places.room(kind)
        if room > 0:
            await self._claim(kind, room)
        else:
            self._hungry.add(kind)
        # Places that became free meanwhile were counted as taken by this claim.
        self._fill()
        return 0 if self._pending else min(self._rests().values(), default=None)

    def _rests(self) -> dict[Kind, float]:
        """Seconds until the next look at the past, of the kinds that have one and wait for nothing else."""
        return {} if self._is_over() else rests(self._heads, self._parts.clock.elapsed(), but=self._hungry)

    def _next_kind(self) -> Kind | None:
        if self._is_over():
            self._pending.clear()
            return None
        if self._is_behind():
            # The next flush looks again.
            self._hungry.update(self._pending)
            self._pending.clear()
            return None
        for kind in self._kinds.in_turn(self._pending):
            self._pending.discard(kind)
            if not self._kinds.names(kind):
                continue
            if self._places.room(kind) > 0:
                self._kinds.had_its_turn(kind)
                return kind
            self._hungry.add(kind)
        return None

    def _is_over(self) -> bool:
        """Nothing may be claimed under this lease any more."""
        return self.closed or not self._trust.holds() or not self._trust.is_ours()

    def _is_behind(self) -> bool:
        """What is claimed now would wait too long for its report to be written."""
        return self._settling.backlog() >= MOST_UNSETTLED

    async def _claim_named(self, kind: Kind, hint: Hint) -> bool:
        """Claim this run alone, unless there is a reason to look at the queue instead: then that is to be done. What it
        answers says nothing of the queue, which is asked about a moment later."""
        busy = self._pending | self._hungry | self._withheld
        if self._is_over() or self._is_behind() or not self._named.may_start(kind, hint, busy):
            self._pending.add(kind)
            return False
        claim_id = new_claim_id()
        self._holdings.claims[claim_id] = 1
        asked = self._parts.timekeeper.ask()
        try:
            claim = await self._store.claim_named(self._trust.node_id, claim_id, hint)
        except BaseException:
            self._in_doubt(claim_id, kind)
            raise
        if claim is None:
            self._refused(claim_id)
        else:
            self._parts.timekeeper.heard(claim.now, asked)
            self._adopt(claim_id, kind, claim.runs)
        return True

    async def _claim(self, kind: Kind, limit: int) -> None:
        slots = self._ahead.slots(kind)
        tasks = self._limiting.rooms(kind, self._kinds.names(kind), limit, slots)
        head = self._heads[kind]
        if not tasks:
            head.postpone(self._parts.clock.elapsed())
            # Not hungry either: that would have it asked for again at once.
            self._hungry.discard(kind)
            if not slots:
                self._withheld.add(kind)
            return
        claim_id = new_claim_id()
        self._holdings.claims[claim_id] = limit
        limits = self._limiting.of(kind)
        asked = self._claimed_at[kind] = self._parts.timekeeper.ask()
        # Where a task gets fewer than there are places, older runs of it stay behind the last that is claimed.
        is_even = not limits and all(room == limit for room in tasks.values())
        look = head.look(asked, slots, even=is_even)
        stretch = look.stretch
        try:
            claim = await self._store.claim(
                self._trust.node_id,
                claim_id,
                limit=limit,
                tasks=tasks,
                queues=self._parts.settings.queues,
                suspects=self._holdings.room_for_suspects() if slots else 0,
                limits=limits,
                slots=slots,
                since=stretch.since,
                until=stretch.until,
            )
        except BaseException:
            head.failed(look, self._parts.clock.elapsed(), self._parts.clock.now())
            self._in_doubt(claim_id, kind)
            raise
        if claim is None:
            self._refused(claim_id)
            return
        self._parts.timekeeper.heard(claim.now, asked)
        for run in claim.missed:
            _tell_missed(self._parts.events, self._trust.node_id, run)
        self._limiting.claimed(kind, claim)
        full = len(claim.runs) + len(claim.missed) >= limit
        left_urgent = _may_have_left_urgent(claim.runs, slots)
        if head.claimed(look, claim, self._parts.clock.elapsed(), full=full, left_urgent=left_urgent):
            self._pending.add(kind)
        if full or left_urgent:
            self._hungry.add(kind)
            self._crowding.call()
        elif stretch.until is None:
            self._hungry.discard(kind)
        if not slots:
            # What may not wait was not asked for.
            self._withheld.add(kind)
        elif stretch.until is None:
            self._withheld.discard(kind)
        self._adopt(claim_id, kind, claim.runs)

    def _in_doubt(self, claim_id: str, kind: Kind) -> None:
        """Perhaps it was carried out and only the answer is lost: to be read back before anything else is claimed."""
        self._doubt = (claim_id, kind)
        self._holdings.uncompared = True
        self._pending.add(kind)

    def _refused(self, claim_id: str) -> None:
        self._holdings.claims.pop(claim_id, None)
        self._lost("a claim was refused to it")

    async def _read_back(self, claim_id: str, kind: Kind) -> None:
        runs = await self._reading_back.read(self._trust.node_id, claim_id)
        self._doubt = None
        self._adopt(claim_id, kind, sorted(runs, key=_order))

    def _adopt(self, claim_id: str, kind: Kind, runs: Sequence[Run]) -> None:
        if not self._arriving.lets_in(claim_id, runs, closed=self.closed):
            return
        self._arriving.take_in(kind, runs, self._limiting.limited(kind))
        # Only ever less here: that there is more again is for `freed` to find out.
        self._suspects_left = min(self._suspects_left, self._holdings.room_for_suspects())
        self._executing.pump()

    def _lapse(self, claim_id: str) -> None:
        if self._holdings.lapse(claim_id):
            self._fill()

    def _take(self, kind: Kind) -> None:
        self._pending.add(kind)
        self.wake()

    def _regroup(self) -> None:
        self._regrouping = False
        self._pending.update(kind for kind in self._hungry if self._places.room(kind) > 0)
        self.wake()


def _tell_missed(events: Events, node_id: str, run: Run) -> None:
    events.emit(RunSkipped(run=run, node_id=node_id))
    if run.schedule_id is not None and (due := run.fire_at) is not None:
        missed = FireMissed(
            schedule_id=run.schedule_id, reason=Reason.MISSED, fire_at=due, covers_until=due, covers_count=1
        )
        events.emit(missed)


def _may_have_left_urgent(runs: Sequence[Run], slots: int) -> bool:
    """Of runs that may not wait here a claim is given no more than there are slots. After a node's death they are many,
    and the rest of them need not wait for a poll."""
    return 0 < slots <= len(runs) and sum(not run.may_wait for run in runs) >= slots


def _order(run: Run) -> tuple[int, float, str]:
    return run.priority, run.run_at.timestamp() if run.run_at is not None else 0.0, run.id
