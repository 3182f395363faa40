"""Taking runs, as many as there is room for, and finding those whose answer was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, Self

import pytest

from engine.bench import Bench, until, until_async
from hourbell.clock import ManualClock
from hourbell.engine import whole_look
from hourbell.engine.past import Stretch
from hourbell.engine.planning import plan_fires
from hourbell.engine.shift import Shift
from hourbell.engine.whole_look import RARELY
from hourbell.errors import StoreUnavailable
from hourbell.events import FireMissed, RunSkipped
from hourbell.executors.choice import Kind, make_executors
from hourbell.executors.protocol import Executor
from hourbell.model.run import ROOM_FOR_SUSPECTS, Claim
from hourbell.model.run_state import Outcome, RunState
from hourbell.task import TaskRegistry
from hourbell.triggers import At


class Rig:
    """A shift whose loops are not started: claiming, settling and comparing are stepped by hand."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock()
        self.bench = Bench(self.clock, **{"lease": 15.0, "max_runs": 10, "threads": 2, **settings})
        self.lost: list[str] = []
        self.crowded = 0
        self.executors: Mapping[Kind, Executor] = {}
        self.shift: Shift
        self.going: list[Any] = []
        self.leave = asyncio.Event()

        async def ring(n: int = 0) -> int:
            self.going.append(n)
            await self.leave.wait()
            return n

        def sweep(n: int = 0) -> int:
            self.going.append(n)
            while not self.leave.is_set():
                time.sleep(0.001)
            return n

        self.bench.task(ring)
        self.bench.task(sweep)

    async def __aenter__(self) -> Self:
        self.executors = make_executors(2, self._freed)
        self.shift = Shift(
            self.bench.store,
            self.bench.parts(),
            await self.bench.trust(),
            self.executors,
            lost=self.lost.append,
            queued=lambda: None,
            crowded=self._crowd,
            spent=lambda statements: None,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave.set()
        await until(lambda: not self.shift.holdings.running)
        await until(lambda: self.executors[Kind.THREAD].free() == 2)
        for executor in self.executors.values():
            executor.stop()

    async def claim_all(self) -> None:
        """Step until nothing is left to claim."""
        self.shift.claiming.take_now()
        await self.claim_pending()

    async def claim_pending(self) -> None:
        """The same, without saying that anything is due. Freed slots are told of in the next turn of the loop."""
        await asyncio.sleep(0)
        while await self.shift.claiming.step() == 0:
            pass

    def _freed(self) -> None:
        self.shift.thread_freed()

    def _crowd(self) -> None:
        self.crowded += 1


async def test_it_claims_no_more_than_there_is_room_for() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("ring", 25)
        await rig.claim_all()
        await until(lambda: len(rig.going) == 10)
        assert len(rig.shift.holdings.running) == 10
        claims = rig.bench.faults.asked["claim"]
        await rig.claim_all()
        assert rig.bench.faults.asked["claim"] == claims
        assert rig.crowded == 1


async def test_plain_functions_are_claimed_into_free_threads_only() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("sweep", 5)
        await rig.bench.enqueue_many("ring", 5)
        await rig.claim_all()
        await until(lambda: len(rig.going) == 7)
        assert rig.shift.holdings.waiting() == 0
        assert len([run for run in await rig.bench.runs(task="sweep") if run.state is RunState.RUNNING]) == 2


async def test_freed_slots_are_filled_without_a_hint() -> None:
    async with Rig() as rig:
        woken: list[float] = []
        rig.shift.claiming.wake = lambda: woken.append(1)
        await rig.bench.enqueue_many("ring", 25)
        await rig.claim_all()
        await until(lambda: len(rig.going) == 10)
        woken.clear()
        rig.leave.set()
        await until(lambda: not rig.shift.holdings.running)
        assert woken
        rig.leave.clear()
        while await rig.shift.claiming.step() == 0:
            pass
        await until(lambda: len(rig.going) == 20)


async def test_slots_that_are_freed_while_another_kind_has_its_turn_are_filled_too() -> None:
    async with Rig() as rig:
        rig.leave.set()
        await rig.bench.enqueue_many("ring", 25)
        rig.shift.claiming.take_now()
        # The claim for plain functions is still to come when the last coroutine has ended.
        assert await rig.shift.claiming.step() == 0
        await until(lambda: len(rig.going) == 10 and not rig.shift.holdings.running)
        await rig.claim_pending()
        await until(lambda: len(rig.going) >= 20)


async def test_lower_priority_numbers_and_earlier_runs_go_first() -> None:
    async with Rig(max_runs=1) as rig:
        for priority in (5, -5, 0):
            await rig.bench.enqueue("ring", args={"n": priority}, priority=priority)
        rig.leave.set()
        for _ in range(3):
            await rig.claim_all()
            await until(lambda: not rig.shift.holdings.running)
        assert rig.going == [-5, 0, 5]


def noting_where_claims_begin(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Of each claim for the task ``ring`` from which due time on it looks; None: from the front."""
    began: list[Any] = []
    claim = rig.bench.store.claim

    async def noted(*args: Any, **wanted: Any) -> Any:
        if "ring" in wanted["tasks"]:
            began.append(wanted["since"])
        return await claim(*args, **wanted)

    monkeypatch.setattr(rig.bench.store, "claim", noted)
    return began


async def test_a_claim_that_leaves_older_runs_behind_does_not_say_where_the_next_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Rig() as rig:
        began = noting_where_claims_begin(rig, monkeypatch)

        async def rare() -> None: ...

        rig.bench.task(rare)
        first, *_ = await rig.bench.enqueue_many("rare", 3)
        stuck = [replace(first, attempt=number) for number in range(4)]
        for one in stuck:
            rig.shift.claiming._parts.stuck.add(one, rig.clock.now())  # so that there is room for one more of it
        await rig.bench.enqueue_many("ring", 30)
        rig.leave.set()
        rig.shift.claiming.take_now()
        await rig.shift.claiming.step()
        for one in stuck:
            rig.shift.claiming._parts.stuck.over(one)
        while len(began) < 3:
            await until(lambda: not rig.shift.holdings.running)
            rig.shift.claiming.take_now()
            await rig.shift.claiming.step()
        assert began[:2] == [None, None], "two of the oldest were left behind"
        assert began[2] is not None, "nothing was"


async def test_what_a_question_found_is_claimed_from_the_front_if_the_question_looked_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(whole_look, "rest_after", lambda took: 3600.0)
    async with Rig() as rig:
        began = noting_where_claims_begin(rig, monkeypatch)
        clock = rig.shift.claiming._parts.clock
        for wake in (
            rig.shift.claiming.take_now,
            rig.shift.claiming.take_now,
            lambda: rig.shift.claiming.take_due(clock.elapsed(), whole=False),
            lambda: rig.shift.claiming.take_due(clock.elapsed(), whole=True),
        ):
            wake()
            await rig.claim_pending()
        first, second, third, last = began
        assert (first, last) == (None, None)
        assert second is not None
        assert third is not None


def long_past(rig: Rig, monkeypatch: pytest.MonkeyPatch, took: float, answers: bool) -> list[Stretch]:
    """Where claims look. One of everything takes so long, with an answer or without; what there is is found in the part
    of the past that is the first of all, and nowhere else."""
    looked: list[Stretch] = []
    claim = rig.bench.store.claim
    for head in rig.shift.claiming._heads.values():
        monkeypatch.setattr(head, "_in_parts", True)

    async def noted(*args: Any, **wanted: Any) -> Any:
        looked.append(Stretch(wanted["since"], wanted["until"]))
        if looked[-1] == Stretch():
            rig.clock.advance(took)
            if not answers:
                raise StoreUnavailable("no answer")
        is_first = wanted["since"] is None and wanted["until"] is not None
        return await claim(*args, **wanted) if is_first else Claim(rig.clock.now(), ())

    monkeypatch.setattr(rig.bench.store, "claim", noted)
    return looked


@pytest.mark.parametrize("answers", [True, False])
async def test_where_a_claim_of_everything_takes_too_long_the_past_is_looked_through_in_parts_unasked(
    answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Rig() as rig:
        looked = long_past(rig, monkeypatch, 0.4, answers)
        await rig.bench.enqueue_many("ring", 1)
        rig.shift.claiming.take_now()
        for _ in range(200):
            rest: float | None = 0.0
            with suppress(StoreUnavailable):
                rest = await rig.shift.claiming.step()
            await asyncio.sleep(0)
            if rig.going or rest is None:
                break
            rig.clock.advance(rest)
        assert rig.going, "found by nobody's hint"
        assert looked.count(Stretch()) == len({Kind.ASYNC, Kind.THREAD})
        now = [stretch for stretch in looked if stretch.until is None and stretch.since is not None]
        assert len(now) >= 2, "what is due now has its turn between"
        assert [run.attempt for run in await rig.bench.runs()] == [1]


async def test_a_past_that_cannot_be_looked_at_keeps_nobody_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Rig() as rig:
        looked = long_past(rig, monkeypatch, 0.4, answers=True)
        claiming = rig.shift.claiming
        claiming.take_now()
        await rig.claim_pending()
        rig.clock.advance(RARELY * 0.4)
        before = len(looked)
        monkeypatch.setattr(claiming._limiting, "rooms", lambda *_: {})
        for _ in range(20):
            rest = await claiming.step()
        assert rest is not None
        assert rest > 0, "bodies that cannot be stopped have all their places"
        assert len(looked) == before


@pytest.mark.parametrize("waiting", ["_hungry", "_withheld"])
async def test_a_past_that_brings_nothing_leaves_those_waiting_who_were(
    waiting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Rig() as rig:
        looked = long_past(rig, monkeypatch, 0.4, answers=True)
        claiming = rig.shift.claiming
        claiming.take_now()
        await rig.claim_pending()
        rig.clock.advance(RARELY * 0.4)
        getattr(claiming, waiting).add(Kind.ASYNC)
        claiming._take(Kind.ASYNC)
        await claiming.step()
        assert looked[-1].until is not None
        assert Kind.ASYNC in getattr(claiming, waiting)
        assert Kind.ASYNC in claiming._pending


async def test_the_lost_answer_of_a_claim_is_read_back() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("ring", 3)
        rig.bench.faults.after("claim", times=1)
        rig.shift.claiming.take_now()
        with pytest.raises(StoreUnavailable):
            await rig.shift.claiming.step()
        await rig.claim_all()
        await until(lambda: len(rig.going) == 3)
        assert {run.attempt for run in await rig.bench.runs()} == {1}
        assert rig.shift.holdings.claims == {}


async def test_an_answer_read_back_while_stopping_is_handed_back() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("ring", 3)
        rig.bench.faults.after("claim", times=2)
        rig.shift.claiming.take_now()
        with pytest.raises(StoreUnavailable):
            await rig.shift.claiming.step()
        rig.shift.close()
        assert await rig.shift.claiming.step() is None
        await rig.shift.settling.step()
        assert {(run.state, run.failures) for run in await rig.bench.runs()} == {(RunState.QUEUED, 0)}
        assert rig.going == []


async def test_without_trust_nothing_is_claimed_or_started() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue("ring")
        rig.clock.advance(14)
        await rig.claim_all()
        assert rig.bench.faults.asked["claim"] == 0


async def test_trust_is_asked_when_the_body_really_begins() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("sweep", 1)
        begin = rig.shift.executing._begin

        def frozen(execution: Any) -> bool:
            rig.clock.advance(20)  # stopped between the claim and the first line of the body
            return begin(execution)

        rig.shift.executing._begin = frozen  # type: ignore[method-assign]
        await rig.claim_all()
        await until(lambda: not rig.shift.holdings.running)
        assert rig.going == []
        assert rig.shift.settling.backlog() == 0


async def test_a_node_that_the_store_does_not_count_is_told() -> None:
    async with Rig() as rig:
        await rig.bench.store.retire_node(rig.shift.trust.node_id)
        await rig.bench.enqueue("ring")
        await rig.claim_all()
        assert rig.lost


async def test_a_run_past_its_grace_is_missed() -> None:
    async with Rig() as rig:
        heard: list[Any] = []
        for kind in (FireMissed, RunSkipped):
            rig.bench.events.on(kind, heard.append)
        rig.bench.schedule("ring", At(rig.clock.now()), grace=5)
        await rig.bench.trust()
        await rig.bench.store.fire_due(10, lambda s, f, now: plan_fires(s, f, now, lease=timedelta(seconds=15)))
        rig.clock.advance(6)
        await rig.claim_all()
        (run,) = await rig.bench.runs()
        assert (run.state, run.reason) == (RunState.SKIPPED, "missed")
        assert [type(event) for event in heard] == [RunSkipped, FireMissed]


async def test_what_nobody_here_knows_is_handed_back_at_the_second_look() -> None:
    async with Rig() as rig:
        (run,) = await rig.bench.enqueue_many("ring", 1)
        await rig.bench.store.claim(
            rig.shift.trust.node_id, "unheard", limit=1, tasks={"ring": 1}, queues=None, suspects=1
        )
        rig.shift.holdings.uncompared = True
        for _ in range(2):
            await rig.shift.settling.step()
            assert (await rig.bench.run(run.id)).state is RunState.RUNNING
            await _renewed(rig, 15.0)
            await rig.shift.comparing.step()
        await rig.shift.settling.step()
        stored = await rig.bench.run(run.id)
        assert (stored.state, stored.failures) == (RunState.QUEUED, 0)


async def test_what_a_claim_on_its_way_brings_is_not_handed_back() -> None:
    """Its answer may come after both looks: then its bodies begin here, and must not begin elsewhere too."""
    async with Rig() as rig:
        (run,) = await rig.bench.enqueue_many("ring", 1)
        holdings = rig.shift.holdings
        holdings.claims["late"] = 1
        await rig.bench.store.claim(
            rig.shift.trust.node_id, "late", limit=1, tasks={"ring": 1}, queues=None, suspects=1
        )
        holdings.uncompared = True
        for _ in range(4):
            await _renewed(rig, 15.0)
            await rig.shift.comparing.step()
            await rig.shift.settling.step()
            assert (await rig.bench.run(run.id)).state is RunState.RUNNING
        del holdings.claims["late"]
        for _ in range(2):
            await _renewed(rig, 15.0)
            await rig.shift.comparing.step()
        await rig.shift.settling.step()
        assert (await rig.bench.run(run.id)).state is RunState.QUEUED


async def test_what_a_claim_brings_that_began_during_the_first_look_is_not_handed_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was not under way when the look began, and what it took is there when the look is answered."""
    async with Rig() as rig:
        (run,) = await rig.bench.enqueue_many("ring", 1)
        store, node_id, holdings = rig.bench.store, rig.shift.trust.node_id, rig.shift.holdings
        held = store.held

        async def slowly(node: str) -> Any:
            if not holdings.claims:
                holdings.claims["late"] = 1
                await store.claim(node_id, "late", limit=1, tasks={"ring": 1}, queues=None, suspects=1)
            return await held(node)

        monkeypatch.setattr(store, "held", slowly, raising=False)
        holdings.uncompared = True
        for _ in range(4):
            await _renewed(rig, 15.0)
            await rig.shift.comparing.step()
            await rig.shift.settling.step()
            assert (await rig.bench.run(run.id)).state is RunState.RUNNING
        assert holdings.claims == {"late": 1}, "its answer has not come yet"


async def test_what_the_store_does_not_count_any_more_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("ring", 2)
        await rig.claim_all()
        await until(lambda: len(rig.going) == 2)
        first = next(iter(rig.shift.holdings.running.values()))
        tables = rig.bench.store._store._tables
        with tables.transaction():
            tables.write_run(replace(tables.runs.get(first.run.id), attempt=2))
        await _renewed(rig, 15.0)
        await rig.shift.comparing.step()
        await until(lambda: len(rig.shift.holdings.running) == 1)
        assert "LeaseLost" in caplog.text
        assert rig.shift.settling.backlog() == 0


async def test_an_idle_node_compares_nothing() -> None:
    async with Rig() as rig:
        for _ in range(10):
            await _renewed(rig, 15.0)
            await rig.shift.comparing.step()
        assert rig.bench.faults.asked["held"] == 0


async def test_the_start_of_a_long_body_is_noted_once() -> None:
    async with Rig() as rig:
        run = await rig.bench.enqueue("ring")
        await rig.claim_all()
        await until(lambda: len(rig.going) == 1)
        assert (await rig.bench.run(run.id)).started_at is None
        for _ in range(3):
            await _renewed(rig, 5.0)
            await rig.shift.comparing.step()
        stored = await rig.bench.run(run.id)
        assert (stored.state, stored.started_at) == (RunState.RUNNING, run.created_at)
        assert rig.bench.faults.asked["note_started"] == 1


async def test_a_blocked_loop_has_what_did_not_begin_taken_away() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("ring", 3)
        rig.shift.executing.pump = lambda: None  # type: ignore[method-assign]
        await rig.claim_all()
        runs, claims = rig.shift.holdings.forfeit()
        assert (len(runs), claims) == (3, [])
        assert rig.shift.holdings.forfeit() == ([], [])
        del rig.shift.executing.pump
        rig.shift.executing.pump()
        assert rig.shift.holdings.running == {}


async def test_a_claim_in_flight_is_either_adopted_or_taken_away() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("ring", 3)
        rig.bench.faults.hanging.add("claim")
        rig.shift.claiming.take_now()
        step = asyncio.ensure_future(rig.shift.claiming.step())
        await until(lambda: bool(rig.shift.holdings.claims))
        runs, claims = rig.shift.holdings.forfeit()
        assert runs == []
        assert len(claims) == 1
        rig.bench.faults.hanging.clear()
        await step
        assert rig.shift.holdings.waiting() == 0
        assert rig.going == []
        assert len(await rig.bench.store.claimed(rig.shift.trust.node_id, claims[0])) in (0, 3)


async def test_a_claim_in_flight_when_the_node_stops_is_handed_back_before_the_bodies_end() -> None:
    async with Rig(drain=30.0) as rig:
        first = await rig.bench.enqueue("ring")
        rig.shift.start()
        await until(lambda: len(rig.going) == 1)
        rig.bench.faults.late.add("claim")
        second = await rig.bench.enqueue("ring")
        rig.shift.claiming.take_now()
        await until_async(lambda: _is(rig, second.id, RunState.RUNNING))
        draining = asyncio.ensure_future(rig.shift.drain(30.0))
        await asyncio.sleep(0)
        rig.bench.faults.late.clear()
        await until_async(lambda: _is(rig, second.id, RunState.QUEUED))
        assert await _is(rig, first.id, RunState.RUNNING)
        assert not draining.done()
        rig.leave.set()
        await draining
        assert rig.going == [0]


async def _is(rig: Rig, run_id: str, state: RunState) -> bool:
    return (await rig.bench.run(run_id)).state is state


@pytest.mark.parametrize("ended", [False, True])
async def test_what_a_standby_has_forgotten_is_not_reported_for_the_attempt_that_it_gives_again(
    ended: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with Rig() as rig:
        run = await rig.bench.enqueue("ring", args={"n": 1})
        await rig.claim_all()
        await until(lambda: rig.going == [1])
        if ended:
            rig.leave.set()
            await until(lambda: rig.shift.settling.backlog() == 1)
            rig.leave.clear()
        # The standby never heard of that claim. That it differs shows which of the two bodies is reported.
        tables = rig.bench.store._store._tables
        with tables.transaction():
            tables.write_run(replace(run, args={"n": 2}))
        await rig.claim_all()
        await until(lambda: rig.going == [1, 2])
        again = await rig.bench.run(run.id)
        assert (again.state, again.attempt) == (RunState.RUNNING, 1), "the same number under the same node"
        while await rig.shift.settling.step() == 0:
            pass
        assert (await rig.bench.run(run.id)).state is RunState.RUNNING, "the body before it ended the run"
        assert ("was given to this node before" in caplog.text) is not ended
        rig.leave.set()
        await until(lambda: rig.shift.settling.backlog() == 1)
        await rig.shift.settling.step()
        settled = await rig.bench.run(run.id)
        assert (settled.state, settled.result) == (RunState.SUCCEEDED, 2)


async def test_losing_the_lease_cancels_and_reports_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("ring", 2)
        await rig.claim_all()
        await until(lambda: len(rig.going) == 2)
        await rig.shift.lose()
        await asyncio.sleep(0.01)
        assert rig.shift.holdings.running == {}
        assert rig.shift.settling.backlog() == 0
        assert {run.state for run in await rig.bench.runs()} == {RunState.RUNNING}
        assert caplog.text.count("LeaseLost") == 2


async def test_a_run_whose_policies_cannot_be_read_here_is_left_to_others() -> None:
    async with Rig() as rig:
        run = await rig.bench.enqueue("ring", policies={"tide": "high"})
        await rig.claim_all()
        await rig.shift.settling.step()
        stored = await rig.bench.run(run.id)
        assert (stored.state, stored.failures) == (RunState.QUEUED, 0)
        assert stored.run_at is not None
        assert stored.run_at > rig.clock.now()
        (attempt,) = await rig.bench.store.list_attempts(run.id)
        assert attempt.outcome is Outcome.HANDED_BACK


async def test_a_suspect_that_was_never_started_is_no_hindrance_to_the_next() -> None:
    async with Rig() as rig:
        refused = await rig.bench.enqueue("ring", args={"n": "no number"})
        await _lose(rig.bench, [refused.id], times=3)
        await rig.claim_all()
        await rig.shift.settling.step()
        assert (await rig.bench.run(refused.id)).state is RunState.FAILED
        sound = await rig.bench.enqueue("ring", args={"n": 7})
        await _lose(rig.bench, [sound.id], times=3)
        await rig.claim_all()
        await until(lambda: rig.going == [7])


async def test_a_node_holds_so_many_suspects_and_claims_others_as_soon_as_they_have_ended() -> None:
    async with Rig() as rig:
        suspects = [await rig.bench.enqueue("ring", args={"n": number}) for number in range(ROOM_FOR_SUSPECTS + 2)]
        await _lose(rig.bench, [run.id for run in suspects], times=3)
        await rig.claim_all()
        await until(lambda: len(rig.going) == ROOM_FOR_SUSPECTS)
        await rig.claim_all()
        assert len(rig.going) == ROOM_FOR_SUSPECTS
        rig.leave.set()
        await until(lambda: not rig.shift.holdings.running)
        await rig.claim_pending()  # nobody has said that anything is due
        await until(lambda: len(rig.going) == len(suspects))


async def test_the_next_run_on_its_last_chance_is_claimed_as_soon_as_the_one_before_it_has_ended() -> None:
    async with Rig() as rig:
        suspects = [await rig.bench.enqueue("ring", args={"n": number}) for number in range(3)]
        await _lose(rig.bench, [run.id for run in suspects], times=4)
        await rig.claim_all()
        await until(lambda: len(rig.going) == 1)
        await rig.claim_all()
        assert len(rig.going) == 1, "one at a time"
        rig.leave.set()
        for number in (2, 3):
            await until(lambda: not rig.shift.holdings.running)
            await rig.claim_pending()  # nobody has said that anything is due
            await until(lambda number=number: len(rig.going) >= number)


async def _lose(bench: Bench, run_ids: list[str], times: int) -> None:
    """Let the runs be lost with their node so many times."""
    for _ in range(times):
        trust = await bench.trust()
        await bench.store.claim(trust.node_id, "x", limit=99, tasks={"ring": 99}, queues=None, suspects=99)
        tables = bench.store._store._tables
        with tables.transaction():
            tables.nodes.drop(trust.node_id)
        await bench.store.rescue({})
    assert {(await bench.run(run_id)).losses for run_id in run_ids} == {times}


async def _renewed(rig: Rig, seconds: float) -> None:
    """Time passes while the lease is kept."""
    for _ in range(3):
        rig.clock.advance(seconds / 3)
        rig.shift.trust.renewed(rig.clock.elapsed())


async def test_what_is_held_is_asked_for_seldom_where_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Rig() as rig:
        asked: list[float] = []

        async def without(node_id: str) -> Any:
            asked.append(rig.clock.elapsed())
            rig.clock.advance(1.0)
            raise StoreUnavailable("no answer")

        monkeypatch.setattr(rig.bench.store, "held", without, raising=False)
        comparing = rig.shift.comparing
        monkeypatch.setattr(comparing._trust, "holds", lambda: True)
        rig.shift.holdings.uncompared = True
        for _ in range(100):
            with suppress(StoreUnavailable):
                await comparing.step()
            rig.clock.advance(1.0)
        first, second, third, *_ = asked
        assert second - first <= 15.0 + 2, "it may just have been away"
        assert third - second >= RARELY


async def test_where_the_bodies_of_every_task_are_stuck_nothing_is_asked_for_all_the_time() -> None:
    async with Rig() as rig:
        run = await rig.bench.enqueue("sweep")
        for number in range(5):
            rig.shift.claiming._parts.stuck.add(replace(run, attempt=number), rig.clock.now())
        rig.shift.claiming._hungry.add(Kind.THREAD)  # a claim before it came back full
        rig.shift.claiming.freed()
        steps = 0
        while await rig.shift.claiming.step() == 0:
            steps += 1
            assert steps < 10
        assert rig.bench.faults.asked["claim"] == 0


async def test_what_is_limited_is_claimed_once_there_is_a_slot_although_no_claim_could_ask_for_it() -> None:
    """All tasks of its kind are limited, and a body of another kind has the last slot."""
    rig = Rig(max_runs=1)
    rig.bench.tasks = TaskRegistry()

    async def ring() -> None:
        await rig.leave.wait()

    def toll() -> None:
        rig.going.append("toll")

    rig.bench.task(ring)
    rig.bench.task(toll, concurrency=5)
    async with rig:
        await rig.bench.enqueue("ring")
        await rig.claim_all()
        await until(lambda: len(rig.shift.holdings.running) == 1)
        for _ in range(5):
            rig.shift.executing.ahead.ended(Kind.THREAD, "toll", rig.clock.elapsed(), rig.clock.elapsed())
        await rig.bench.enqueue("toll")
        await rig.claim_all()
        rig.leave.set()
        await until(lambda: not rig.shift.holdings.running)
        await rig.claim_pending()
        await until(lambda: rig.going == ["toll"])
