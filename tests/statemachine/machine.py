"""The state machine: Hypothesis invents what nodes and operators do, and each step is judged on the store's own rows.

Every writing verb is at times carried out twice, as by a caller whose first answer was lost.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from hourbell.errors import Conflict
from hourbell.model.editing import pausing, resuming
from hourbell.model.retention import Retention
from hourbell.model.run import Settlement
from hourbell.model.run_state import Outcome, RunState

from .doing import LEASE, SCHEDULES, Doing

_ENDS = {
    "succeeded": (RunState.SUCCEEDED, Outcome.SUCCEEDED, False),
    "failed": (RunState.FAILED, Outcome.FAILED, True),
    "timed out": (RunState.FAILED, Outcome.TIMED_OUT, True),
    "tried again": (RunState.QUEUED, Outcome.FAILED, True),
    "handed back": (RunState.QUEUED, Outcome.HANDED_BACK, False),
    "cancelled": (RunState.CANCELLED, Outcome.CANCELLED, False),
}
_PLACES = st.integers(0, 99)
_TWICE = st.sampled_from((False, False, True))


class StoreMachine(Doing):
    """One history, step by step."""

    @initialize()
    def begin(self) -> None:
        for _ in range(2):
            self._register(None)
        for name in ("allowing", "one waits"):
            self._add(name, 1)
        self._judge()

    @rule(halves=st.integers(1, 8))
    def time_passes(self, halves: int) -> None:
        self.clock.advance(halves / 2)

    @rule(halves=st.integers(1, 4), place=_PLACES, most=st.integers(1, 6))
    def an_ordinary_moment_passes(self, halves: int, place: int, most: int) -> None:
        """So that most histories come to where something can go wrong."""
        self.clock.advance(halves / 2)
        self._fire(9, dark=False)
        live = [name for name, node in self.reference.nodes.items() if node.state == "live"]
        if live:
            self._claim(live[place % len(live)], most, 3)
        self._judge()

    @rule(seconds=st.integers(1, 5))
    def the_clock_goes_back(self, seconds: int) -> None:
        self.clock.bend(-seconds)

    @rule(place=_PLACES, twice=_TWICE)
    def a_process_comes_again(self, place: int, twice: bool) -> None:
        """A node whose lease is over, or is believed to be, registers under a new id."""
        self._register(self._node(place), twice=twice)
        self._judge()

    @rule(place=_PLACES, twice=_TWICE)
    def a_node_renews(self, place: int, twice: bool) -> None:
        node = self._node(place)
        for _ in range(1 + twice):
            renewal = self.do(self.store.renew(node, LEASE, 0))
            assert (renewal is not None) == self.reference.renew(node, LEASE, self.now)
            if renewal is not None:
                self._seen.update({sibling.id: sibling.renewals for sibling in renewal.siblings})
        self._judge()

    @rule(twice=_TWICE)
    def what_is_lost_is_rescued(self, twice: bool) -> None:
        for _ in range(1 + twice):
            rescue = self.do(self.store.rescue(dict(self._seen)))
            assert list(rescue.dead) == self.reference.rescue(self._seen, self.now)
        self._judge()

    @rule(place=_PLACES, twice=_TWICE)
    def a_node_leaves(self, place: int, twice: bool) -> None:
        node = self._node(place)
        for _ in range(1 + twice):
            self.do(self.store.retire_node(node))
            self.reference.retire(node, self.now)
        self._register(None)
        self._judge()

    @rule(limit=st.integers(1, 9), dark=st.sampled_from((False, False, False, True)), twice=_TWICE)
    def what_is_due_fires(self, limit: int, dark: bool, twice: bool) -> None:
        for _ in range(1 + twice):
            self._fire(limit, dark=dark)
        self._judge()

    @rule(place=_PLACES, room=st.integers(1, 4), twice=_TWICE)
    def what_is_due_fires_and_is_taken(self, place: int, room: int, twice: bool) -> None:
        offer = self._offer(self._node(place), room)
        for _ in range(1 + twice):
            self._fire(9, dark=False, offer=offer)
        self._judge()

    @rule(
        place=_PLACES,
        most=st.integers(1, 6),
        slots=st.integers(0, 3),
        lost=_TWICE,
        queues=st.sampled_from((None, None, ("other",), ("default", "other"))),
        ago=st.sampled_from((None, None, 0, 1)),
    )
    def a_node_claims(
        self, place: int, most: int, slots: int, lost: bool, queues: tuple[str, ...] | None, ago: int | None
    ) -> None:
        """``ago``: what was due earlier than so many seconds ago may be left out."""
        self._claim(self._node(place), most, slots, lost=lost, queues=queues, ago=ago)

    @precondition(lambda self: self.reference.runs)
    @rule(place=_PLACES, which=_PLACES, wrong=st.sampled_from((None, None, None, "id", "queue", "task")), lost=_TWICE)
    def a_node_claims_by_name(self, place: int, which: int, wrong: str | None, lost: bool) -> None:
        """A run that a hint named, rightly or not; one that is queued two times of three."""
        self._claim_named(self._node(place), which, wrong, lost=lost)

    @precondition(lambda self: self.reference.runs)
    @rule(places=st.lists(_PLACES, min_size=2, max_size=3), which=_PLACES)
    def nodes_hear_the_same_hint(self, places: list[int], which: int) -> None:
        for place in places:
            self._claim_named(self._node(place), which, None, lost=False)

    @rule(place=_PLACES, right=st.booleans(), twice=_TWICE)
    def a_process_is_seen_gone(self, place: int, right: bool, twice: bool) -> None:
        """Whether it is or not; or it is another process that was looked for."""
        node = self._node(place)
        process = self.reference.nodes[node].process if right else "boot 1 0 1 1"
        for _ in range(1 + twice):
            rescue = self.do(self.store.rescue({}, {node: process}))
            assert list(rescue.dead) == self.reference.rescue({}, self.now, {node: process})
        self._judge()

    @precondition(lambda self: self._given)
    @rule(
        places=st.lists(st.tuples(_PLACES, st.sampled_from(sorted(_ENDS)), st.integers(0, 2)), min_size=1, max_size=3),
        old=_TWICE,
        twice=_TWICE,
    )
    def attempts_are_reported(self, places: list[tuple[int, str, int]], old: bool, twice: bool) -> None:
        """By the node that was given them, whether they are still its own or not; the newest first unless ``old``."""
        node = self._given[places[0][0] % len(self._given) if old else -1][0]
        mine = [given for given in self._given if given[0] == node]
        reports = {}
        for place, end, delay in places:
            _, run_id, attempt = mine[place % len(mine)]
            state, outcome, failed = _ENDS[end]
            reports[run_id] = Settlement(
                run_id=run_id,
                attempt=attempt,
                state=state,
                outcome=outcome,
                failed=failed,
                delay=timedelta(seconds=delay if end == "tried again" else 0),
            )
        for _ in range(1 + twice):
            accepted = self.do(self.store.settle(node, list(reports.values())))
            expected = self.reference.settle(node, list(reports.values()), self.now)
            assert dict(accepted) == expected, f"accepted {accepted}, and should have been {expected}"
        self._judge()

    @rule(
        task=st.sampled_from(("plain", "limited")),
        key=st.sampled_from((None, None, "a", "b")),
        delay=st.integers(0, 2),
        priority=st.integers(0, 1),
        queue=st.sampled_from(("default", "other")),
        once=st.booleans(),
        twice=_TWICE,
    )
    def a_run_is_asked_for(
        self, task: str, key: str | None, delay: int, priority: int, queue: str, once: bool, twice: bool
    ) -> None:
        later = timedelta(seconds=delay)
        new = self._request(task, "enqueue", key=key, delay=later, priority=priority, queue=queue, once=once)
        for _ in range(1 + twice):
            (stored,) = self.do(self.store.enqueue([new]))
            (run,) = self.reference.enqueue([new], self.now)
            assert stored.id == run.id
        self._judge()

    @precondition(lambda self: self.reference.schedules)
    @rule(place=_PLACES, twice=_TWICE)
    def a_schedule_is_triggered(self, place: int, twice: bool) -> None:
        schedule = self._schedule(place)
        new = self._request(schedule.task, "trigger", schedule_id=schedule.id)
        for _ in range(1 + twice):
            stored = self.do(self.store.trigger_schedule(schedule.id, lambda _: new))
            assert stored.id == self.reference.trigger(new, self.now).id
        self._judge()

    @precondition(lambda self: self.reference.schedules)
    @rule(place=_PLACES, name=st.sampled_from(("x", "y")), back=st.integers(0, 3), twice=_TWICE)
    def a_schedule_is_backfilled(self, place: int, name: str, back: int, twice: bool) -> None:
        schedule = self._schedule(place)
        fires = [schedule.next - timedelta(seconds=60 + second) for second in range(back)]
        for _ in range(1 + twice):
            try:
                made = self.do(self.store.backfill(schedule.id, f"backfill:{name}", fires))
            except Conflict:
                assert schedule.state == "paused"
                return
            assert schedule.state == "active"
            assert made == self.reference.backfill(schedule, f"backfill:{name}", fires, self.now)
        self._judge()

    @precondition(lambda self: self.reference.runs)
    @rule(place=_PLACES, twice=_TWICE)
    def a_run_is_cancelled(self, place: int, twice: bool) -> None:
        for _ in range(1 + twice):
            self._by_hand(place, self.store.cancel_run, self.reference.cancel, ended=False)
        self._judge()

    @precondition(lambda self: self.reference.runs)
    @rule(place=_PLACES, twice=_TWICE)
    def a_run_is_retried(self, place: int, twice: bool) -> None:
        for _ in range(1 + twice):
            self._by_hand(place, self.store.retry_run, self.reference.retry, ended=True)
        self._judge(retried=True)

    @rule(name=st.sampled_from(sorted(SCHEDULES)), period=st.integers(1, 3), twice=_TWICE)
    def a_schedule_is_added(self, name: str, period: int, twice: bool) -> None:
        for _ in range(1 + twice):
            self._add(name, period)
        self._judge()

    @precondition(lambda self: self.reference.schedules)
    @rule(place=_PLACES, seconds=st.sampled_from((None, 2, 4)), twice=_TWICE)
    def a_schedule_is_paused(self, place: int, seconds: int | None, twice: bool) -> None:
        schedule = self._schedule(place)
        until = self.now + timedelta(seconds=seconds) if seconds is not None else None
        for _ in range(1 + twice):
            self.do(self.store.edit_schedule(schedule.id, pausing(None, until)))
            self.reference.pause(schedule, self.now, until)
        self._judge()

    @precondition(lambda self: self.reference.schedules)
    @rule(place=_PLACES, twice=_TWICE)
    def a_schedule_is_resumed(self, place: int, twice: bool) -> None:
        schedule = self._schedule(place)
        for _ in range(1 + twice):
            self.do(self.store.edit_schedule(schedule.id, resuming()))
            self.reference.resume(schedule, self.now)
        self._judge()

    @rule(twice=_TWICE)
    def pauses_end(self, twice: bool) -> None:
        for _ in range(1 + twice):
            resumption = self.do(self.store.resume_due(100))
            assert sorted(one.id for one in resumption.resumed) == self.reference.resume_due(self.now)
        self._judge()

    @precondition(lambda self: self.reference.schedules)
    @rule(place=_PLACES)
    def a_schedule_is_removed(self, place: int) -> None:
        schedule = self._schedule(place)
        self.do(self.store.remove_schedule(schedule.id))
        self.reference.remove(schedule, self.now)
        self._judge()

    @rule(seconds=st.sampled_from((2, 10)), twice=_TWICE)
    def old_runs_are_pruned(self, seconds: int, twice: bool) -> None:
        age = timedelta(seconds=seconds)
        for _ in range(1 + twice):
            assert self.do(self.store.prune(Retention(age), 1_000)).deleted == self.reference.prune(age, self.now)
        self._judge()
