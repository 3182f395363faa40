"""How the steps of a history are carried out on a store and on the reference, and everything looked at after each."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from unittest import mock

from hypothesis.stateful import RuleBasedStateMachine

from hourbell.clock import ManualClock
from hourbell.errors import Conflict
from hourbell.model.hint import Hint
from hourbell.model.ids import new_run_id
from hourbell.model.limit import Limit
from hourbell.model.node import NewNode
from hourbell.model.offer import Offer
from hourbell.model.plan import FireFacts, FirePlan, Question
from hourbell.model.run import NewRun, Run, RunFilter
from hourbell.model.schedule import Declaration, Schedule, Source
from hourbell.model.schedule_filter import ScheduleFilter
from hourbell.store.protocol import Store
from hourbell.triggers import Every

from .judge import Asked, adopt, check_claim, check_cursors, check_rows, check_same, check_taken
from .planner import Counted, decided
from .reference import LIMIT, Reference, Refused
from .rows import RefRun, RefSchedule

LEASE = timedelta(seconds=5)
SCHEDULES = {
    "allowing": ("allow", "retry", None),
    "skipping": ("skip", "retry", 3),
    "once": ("skip", "fail", None),
    "one waits": ("buffer_one", "retry", None),
    "all wait": ("buffer_all", "retry", None),
    "the latest": ("cancel_other", "retry", None),
}
"""By id: overlap, on_lost, grace in seconds. Each fires every second or so."""


class Doing(RuleBasedStateMachine):
    """One history. ``run`` carries a coroutine out; the store is empty when it begins."""

    def __init__(self, store: Store, clock: ManualClock, run: Callable[[Awaitable[Any]], Any]) -> None:
        super().__init__()
        self.store, self.clock, self.do = store, clock, run
        self.reference = Reference()
        self._before: dict[str, Run] = {}
        self._cursors: dict[str, Schedule] = {}
        self._given: list[tuple[str, str, int]] = []
        self._seen: dict[str, int] = {}
        self._made = 0
        # Ids are drawn from this: the same history has the same ids, so that Hypothesis can make it shorter.
        self._chance = mock.patch.object(os, "urandom", random.Random(7).randbytes)
        self._chance.start()

    def teardown(self) -> None:
        self._chance.stop()

    @property
    def now(self) -> Any:
        return self.clock.now()

    def _node(self, place: int) -> str:
        """One of the four that came last: those that left before are of no interest."""
        names = list(self.reference.nodes)[-4:]
        return names[place % len(names)]

    def _schedule(self, place: int) -> RefSchedule:
        names = sorted(self.reference.schedules)
        return self.reference.schedules[names[place % len(names)]]

    def _register(self, replaces: str | None, *, twice: bool = False) -> None:
        self._made += 1
        new = NewNode(
            id=f"node {self._made:03}",
            host="host",
            pid=1,
            lease=LEASE,
            version="1",
            replaces=replaces,
            tasks={"plain": None, "limited": LIMIT},
            process=f"boot 1 0 {self._made} 99",
        )
        for _ in range(1 + twice):
            self.do(self.store.register_node(new))
            self.reference.register(new.id, LEASE, self.now, replaces, new.process)

    def _add(self, name: str, period: int) -> None:
        overlap, on_lost, grace = SCHEDULES[name]
        known = self.reference.schedules.get(name)
        patience = timedelta(seconds=grace) if grace is not None else None
        row = known or RefSchedule(name, overlap, on_lost, patience, Every(seconds=period), self.now)
        declaration = Declaration(
            id=name,
            task=row.task,
            trigger=Every(seconds=period),
            args={},
            policies={"overlap": overlap, "on_lost": on_lost},
            inherited={},
            source=Source.CALL,
            digest="1",
        )
        stored = self.do(self.store.add_schedule(declaration, "update"))
        if known is None:
            # Where an interval is anchored is the trigger's affair; that it fires a period later is ours.
            row.trigger, row.next = stored.trigger, stored.trigger.next_after(self.now)
            self.reference.store_schedule(name, row)
        elif stored.trigger != known.trigger:
            assert stored.trigger.declared_spec() != known.trigger.declared_spec(), "the same trigger keeps its anchor"
            self.reference.new_trigger(known, stored.trigger, self.now)

    def _request(self, task: str, origin: str, *, once: bool = False, **fields: Any) -> NewRun:
        on_lost = "fail" if once else "retry"
        return NewRun(id=new_run_id(self.now), task=task, origin=origin, args={}, on_lost=on_lost, **fields)

    def _fire(self, limit: int, *, dark: bool, offer: Offer | None = None) -> None:
        due = self.reference.due(self.now)[:limit]
        plans = {schedule.id: self.reference.plan(schedule, self.now, dark=dark) for schedule in due}
        could = sum(self.reference.may_be_taken(schedule, plans[schedule.id], self.now) for schedule in due)

        def plan(schedule: Schedule, facts: FireFacts, now: Any) -> FirePlan:
            mine = self.reference.schedules[schedule.id]
            counted = Counted(facts.others.total, facts.others.waiting, facts.others.backfilling)
            assert schedule.next_fire_at is not None
            made = decided(schedule.trigger, schedule.next_fire_at, now, mine.overlap, counted, mine.grace, dark)
            told.append((schedule.id, made))
            return made

        told: list[tuple[str, FirePlan]] = []
        report = self.do(self.store.fire_due(limit, plan, (), offer))
        assert dict(told) == plans, f"the store was due to fire {plans}, and fired {told}"
        for schedule in due:
            self.reference.fire(schedule, plans[schedule.id], self.now)
        rows = {run.id: run for run in self._runs()}
        adopt(self.reference, list(rows.values()))
        assert all(one.run_id in rows for one in report.fired), "a fire was reported, and is not there"
        if offer is not None:
            check_taken(self.reference, report, offer, could)
            self._given += [(offer.node_id, run.id, run.attempt) for run in report.taken]
            self.reference.take(offer.node_id, offer.claim_id, report.taken, (), self.now)
            again = self.do(self.store.claimed(offer.node_id, offer.claim_id))
            mine = [run.id for run in self.reference.held(offer.node_id) if run.claim == offer.claim_id]
            assert sorted(run.id for run in again) == sorted(run or "" for run in mine)

    def _offer(self, node: str, room: int) -> Offer:
        return Offer(node, f"offer {len(self._given)} {self.clock.elapsed()}", [(["plain"], room)])

    def _claim(
        self,
        node: str,
        most: int,
        slots: int,
        *,
        lost: bool = False,
        queues: tuple[str, ...] | None = None,
        ago: int | None = None,
    ) -> None:
        claim_id = f"claim {len(self._given)} {self.clock.elapsed()}"
        rooms = {"plain": most, "limited": most}
        suspects = 10
        since = self.now - timedelta(seconds=ago) if ago is not None else None
        asked = Asked(most, rooms, queues, suspects, slots, since)
        claim = self.do(self.store.claim(node, claim_id, limits=[Limit(("limited",), LIMIT)], **asked.words()))
        live = self.reference.nodes[node].state == "live"
        assert (claim is not None) == live, f"{node} is {self.reference.nodes[node].state}"
        if claim is None:
            return
        check_claim(self.reference, claim, node, asked)
        self.reference.take(node, claim_id, claim.runs, claim.missed, self.now)
        if lost:
            again = self.do(self.store.claimed(node, claim_id))
            assert sorted((run.id, run.attempt) for run in again) == sorted(
                (run.id, run.attempt) for run in claim.runs
            ), "what a lost answer would have said"
        held = self.do(self.store.held(node))
        mine = sorted((run.id or "", run.attempt) for run in self.reference.held(node))
        assert sorted((one.run_id, one.attempt) for one in held) == mine
        self._given += [(node, run.id, run.attempt) for run in claim.runs]
        self._judge()

    def _claim_named(self, node: str, which: int, wrong: str | None, *, lost: bool) -> None:
        # Those of a limited task are never asked for by their names.
        runs = sorted((run for run in self.reference.runs if run.task == "plain"), key=lambda run: run.id or "")
        runs = [run for run in runs if run.state == "queued"] or runs if which % 3 else runs
        if not runs:
            return
        run = runs[which % len(runs)]
        hint = Hint(
            new_run_id(self.now) if wrong == "id" else run.id or "",
            "another" if wrong == "task" else run.task,
            "another" if wrong == "queue" else run.line,
        )
        claim_id = f"named {len(self._given)} {self.clock.elapsed()}"
        claim = self.do(self.store.claim_named(node, claim_id, hint))
        live = self.reference.nodes[node].state == "live"
        assert (claim is not None) == live, f"{node} is {self.reference.nodes[node].state}"
        if claim is None:
            return
        expected = [(run.id, run.attempt + 1)] if not wrong and self.reference.is_usual(run, self.now) else []
        given = [(one.id, one.attempt) for one in claim.runs]
        assert given == expected, f"of {run} by its name {given} was given, and should have been {expected}"
        assert not claim.missed
        self.reference.take(node, claim_id, claim.runs, (), self.now)
        if lost:
            again = self.do(self.store.claimed(node, claim_id))
            assert [(one.id, one.attempt) for one in again] == expected, "what a lost answer would have said"
        self._given += [(node, one.id, one.attempt) for one in claim.runs]
        self._judge()

    def _by_hand(
        self, place: int, ask: Callable[[str], Awaitable[Run]], expect: Callable[[RefRun, Any], None], *, ended: bool
    ) -> None:
        """To one that has ended or not, as wanted; every third time to any that there is, which may be refused."""
        runs = sorted(self.reference.runs, key=lambda run: run.id or "")
        if place % 3:
            runs = [run for run in runs if run.final == ended] or runs
        run = runs[place % len(runs)]
        try:
            expect(run, self.now)
        except Refused:
            try:
                self.do(ask(run.id or ""))
            except Conflict:
                return
            raise AssertionError(f"{run} should have been refused") from None
        stored = self.do(ask(run.id or ""))
        assert (stored.state, stored.attempt) == (run.state, run.attempt)

    def _runs(self) -> list[Run]:
        return list(self.do(self.store.list_runs(RunFilter(limit=10_000))).items)

    def _judge(self, *, retried: bool = False) -> None:
        """Look at everything there is."""
        rows = self._runs()
        late = [run for run, row in self._beside(rows) if (row.state, row.run_at) == ("queued", None) and not run.waits]
        if late and all(self.reference.may_lag(run) for run in late):
            self.do(self.store.rescue({}))  # under a policy that lets nobody wait, nobody else looks who does
            rows = self._runs()
        adopt(self.reference, rows)
        schedules = list(self.do(self.store.list_schedules(ScheduleFilter(limit=100))).items)
        check_rows(rows, self._before, retried=retried)
        check_cursors(schedules, self._cursors)
        check_same(self.reference, rows, schedules, self.do(self.store.list_nodes()))
        for run, row in self._beside(rows):
            old = self._before.get(row.id)
            if old is None or (old.state, old.attempt) != (row.state, row.attempt):
                kept = self.do(self.store.list_attempts(row.id))
                assert [(one.attempt, one.node_id, one.outcome) for one in kept] == run.attempts
        self._before = {row.id: row for row in rows}
        self._cursors = {one.id: one for one in schedules}
        self._judge_next_work()

    def _judge_next_work(self) -> None:
        node = list(self.reference.nodes)[-1]
        queues = ("other",) if len(self.reference.runs) % 2 else None
        work = self.do(self.store.next_work(node, Question(("plain", "limited"), queues)))
        waiting = [run for run in self.reference.runs if run.state == "queued" and (not queues or run.line in queues)]
        starts = [run.run_at for run in waiting if run.run_at is not None]
        assert work.run_due == any(start <= self.now for start in starts)
        assert work.next_run_at == min((start for start in starts if start > self.now), default=None)
        over = [one.resume_at for one in self.reference.schedules.values() if one.resume_at is not None]
        assert work.fire_due == bool(self.reference.due(self.now) or any(at <= self.now for at in over))
        unwanted = [run for run in self.reference.held(node) if run.asked_at is not None]
        assert sorted(one.run_id for one in work.cancelling) == sorted(run.id or "" for run in unwanted)

    def _beside(self, rows: list[Run]) -> list[tuple[RefRun, Run]]:
        """Each run of the reference with the store's."""
        adopt(self.reference, rows)
        by_id = {row.id: row for row in rows}
        return [(run, by_id[run.id]) for run in self.reference.runs if run.id in by_id]
