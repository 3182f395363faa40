"""Taking runs as they are fired: offered, recorded, handed over; each offer ends, whatever becomes of the fire."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import pytest

from engine.bench import PATIENCE, Bench, declaration, later, until, until_async
from hourbell.clock import ManualClock
from hourbell.engine import offering as offering_module
from hourbell.engine.crossing import Crossing
from hourbell.engine.firing import Firing
from hourbell.engine.offering import Offering
from hourbell.engine.reading_back import ReadingBack
from hourbell.engine.shift import Shift
from hourbell.errors import StoreUnavailable
from hourbell.executors.choice import Kind, make_executors
from hourbell.executors.protocol import Executor
from hourbell.model.run_state import RunState
from hourbell.model.schedule import Source
from hourbell.triggers import At, Every


class Rig:
    """A firing and the shift that it offers for, both on this loop and stepped by hand."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock()
        self.bench = Bench(self.clock, **{"lease": 15.0, "max_runs": 10, "threads": 2, **settings})
        self.executors: Mapping[Kind, Executor] = {}
        self.shift: Shift
        self.firing: Firing
        self.offering: Offering
        self.begun: list[str] = []
        self.leave = asyncio.Event()

        async def ring() -> None:
            self.begun.append("ring")
            await self.leave.wait()

        async def few() -> None:
            self.begun.append("few")

        def sweep() -> None:
            self.begun.append("sweep")

        self.bench.task(ring)
        self.bench.task(few, concurrency=1)
        self.bench.task(sweep)

    async def __aenter__(self) -> Self:
        self.executors = make_executors(2, self._freed)
        self.shift = Shift(
            self.bench.store,
            self.bench.parts(),
            await self.bench.trust(),
            self.executors,
            lost=lambda reason: None,
            queued=lambda: None,
            crowded=lambda: None,
            spent=lambda statements: None,
        )
        app = Crossing(asyncio.get_running_loop())
        self.offering = Offering(ReadingBack(self.bench.store, self.clock), self.shift.claiming, app)
        self.firing = Firing(
            self.bench.store,
            self.bench.parts(),
            self.shift.trust.node_id,
            self,
            fired=lambda locked: None,
            hint=lambda: None,
            offering=self.offering,
            beaten=lambda due: None,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave.set()
        await until(lambda: not self.shift.holdings.running)
        await until(lambda: self.executors[Kind.THREAD].free() == 2)
        for executor in self.executors.values():
            executor.stop()

    def _freed(self) -> None:
        self.shift.thread_freed()

    async def compare(self) -> None:
        """One comparison of what is held, a lease later."""
        for _ in range(2):
            self.clock.advance(7.6)
            self.shift.trust.renewed(self.clock.elapsed())
        await self.shift.comparing.step()

    def take_now(self) -> None:
        self.shift.claiming.take_now()

    def room(self) -> int:
        return self.shift.room()

    def asked(self, verb: str) -> int:
        return self.bench.faults.asked[verb]

    def ring(self, count: int = 1, task: str = "ring", **policies: Any) -> None:
        for number in range(count):
            self.bench.schedule(task, Every(seconds=1), f"{task}-{number}", **policies)

    async def places_are_free(self) -> bool:
        await asyncio.sleep(0)
        return not self.shift.holdings.claims


async def test_what_is_fired_begins_without_a_claim() -> None:
    async with Rig() as rig:
        rig.ring(3)
        await rig.bench.trust()
        rig.clock.advance(1)
        await rig.firing.step()
        await until(lambda: len(rig.begun) == 3)
        assert (rig.asked("fire_due"), rig.asked("claim")) == (1, 0)
        runs = await rig.bench.runs()
        assert [(run.state, run.node_id) for run in runs] == [(RunState.RUNNING, rig.shift.trust.node_id)] * 3
        assert await rig.places_are_free()


async def test_a_batch_is_as_large_as_there_are_places() -> None:
    async with Rig(max_runs=60) as rig:
        rig.ring(100)
        await rig.bench.trust()
        rig.clock.advance(1)
        assert await rig.firing.step() == 0
        await until(lambda: len(rig.begun) == 60)
        assert len(await rig.bench.runs()) == 60
        # Now that all are taken, nothing is offered, and the batch is a full one.
        await rig.firing.step()
        assert len(await rig.bench.runs()) == 100
        assert len(rig.begun) == 60


async def test_the_next_batch_waits_a_moment_for_the_bodies_of_the_one_before() -> None:
    async with Rig() as rig:
        rig.bench.schedule("ring", Every(seconds=1), "first")
        rig.firing._flows = True
        await rig.bench.trust()
        offers = [await rig.offering.ask(500) for _ in range(2)]
        assert [offer is not None for offer in offers] == [True, False], "all places are on offer"
        rig.clock.advance(1)
        going = asyncio.ensure_future(rig.firing.step())
        await asyncio.sleep(0.004)
        assert not going.done()
        assert offers[0] is not None
        rig.offering.took(offers[0], ())
        await going
        await until(lambda: len(rig.begun) == 1)
        assert rig.asked("claim") == 0


async def test_a_batch_that_waited_in_vain_fires_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offering_module, "FLOW", 0.01)
    async with Rig() as rig:
        rig.ring(3)
        rig.firing._flows = True
        await rig.bench.trust()
        rig.clock.advance(1)
        offer = await rig.offering.ask(500)
        assert await rig.firing.step() is None
        assert [run.state for run in await rig.bench.runs()] == [RunState.QUEUED] * 3
        assert not rig.firing._flows, "what is queued now goes by claims"
        assert offer is not None
        rig.offering.took(offer, ())


async def test_what_a_claim_could_not_have_is_not_taken_either() -> None:
    async with Rig(max_runs=30) as rig:
        rig.ring(2, "few")
        rig.ring(5, "sweep")
        rig.ring(1, "ring", on_lost="fail")
        await rig.bench.trust()
        rig.clock.advance(1)
        await rig.firing.step()
        runs = await rig.bench.runs()
        taken = [run.task for run in runs if run.state is RunState.RUNNING]
        assert taken == ["sweep", "sweep"], "as many as there are threads, none under a limit, none that starts once"


async def test_places_are_kept_free_while_the_fire_is_on_its_way() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("ring", 3)
        offer = await rig.offering.ask(500)
        assert offer is not None
        assert offer.room == 10
        rig.take_now()
        await rig.shift.claiming.step()
        assert rig.asked("claim") == 0, "the places were given away twice"
        rig.offering.took(offer, ())
        await until(lambda: not rig.shift.holdings.claims)
        while await rig.shift.claiming.step() == 0:
            pass
        await until(lambda: len(rig.begun) == 3)


async def _rung(rig: Rig, count: int) -> None:
    """Let so many bodies of one task begin and end, in no time by the rig's clock, which stands still."""
    rig.leave.set()
    await rig.bench.enqueue_many("ring", count)
    rig.take_now()
    await until_async(lambda: _claimed(rig, count))
    rig.leave.clear()


async def _claimed(rig: Rig, count: int) -> bool:
    while await rig.shift.claiming.step() == 0:
        pass
    while await rig.shift.settling.step() == 0:
        pass
    return len(rig.begun) == count and not rig.shift.holdings.running


async def test_once_bodies_are_seen_to_be_short_a_fire_may_take_what_is_done_in_a_moment_at_their_pace() -> None:
    async with Rig(max_runs=40) as rig:

        async def toll() -> None:
            """Has not been seen yet."""

        rig.bench.task(toll)
        before = rig.shift.claiming.offer(500)
        assert before is not None
        assert [room for tasks, room in before.places if "ring" in tasks] == [40]
        rig.shift.claiming.adopt(before.claim_id, ())
        await _rung(rig, 30)
        offer = rig.shift.claiming.offer(500)
        assert offer is not None
        rooms = {task: room for tasks, room in offer.places for task in tasks}
        assert rooms == {"ring": 500, "toll": 70, "sweep": 2}
        assert offer.room == 500, "all together no more than those that are known"
        second = rig.shift.claiming.offer(500)
        assert second is not None
        assert {task: room for tasks, room in second.places for task in tasks} == {"ring": 30 * 20 + 40 - 500}
        for one in (offer, second):
            rig.shift.claiming.adopt(one.claim_id, ())
        spare = rig.shift.claiming.offer(500, spare=True)
        assert spare is not None
        assert spare.room == 35, "what is kept for longer is still half of what is free"
        rig.shift.claiming.adopt(spare.claim_id, ())


async def test_a_claim_takes_no_more_than_was_done_in_a_moment() -> None:
    async with Rig(max_runs=40) as rig:
        await _rung(rig, 30)
        await rig.bench.enqueue_many("ring", 200)
        rig.take_now()
        while await rig.shift.claiming.step() == 0:
            pass
        assert len(rig.shift.holdings.running) + rig.shift.holdings.waiting() == 40 + 30


async def test_a_fire_that_is_held_up_keeps_no_claim_from_its_places() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("ring", 3)
        rig.bench.schedule("ring", Every(seconds=1), "slow")
        offer = await rig.offering.ask(500)
        assert offer is not None
        await rig.bench.trust()
        rig.clock.advance(1)
        rig.take_now()
        await rig.shift.claiming.step()
        assert rig.begun == [], "its places are kept for a moment"
        woken: list[bool] = []
        rig.shift.claiming.wake = lambda: woken.append(True)
        await until(lambda: bool(woken))
        while await rig.shift.claiming.step() == 0:
            pass
        await until(lambda: len(rig.begun) == 3)
        report = await rig.bench.store.fire_due(10, rig.firing._planner, (), offer)
        assert len(report.taken) == 1
        rig.offering.took(offer, report.taken)
        await until(lambda: len(rig.begun) == 4)
        assert not rig.shift.holdings.claims


async def test_what_is_queued_already_goes_first() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue_many("ring", 25)
        rig.take_now()
        while await rig.shift.claiming.step() == 0:
            pass
        await until(lambda: len(rig.begun) == 10)
        for execution in list(rig.shift.holdings.running.values())[:4]:
            rig.shift.executing.give_up(execution)
        assert rig.shift.claiming.offer(500) is None


async def test_nothing_is_offered_by_who_may_not_claim() -> None:
    async with Rig() as rig:
        offer = rig.shift.claiming.offer(500)
        assert offer is not None
        rig.shift.claiming.adopt(offer.claim_id, ())
        rig.shift.trust.end()
        assert rig.shift.claiming.offer(500) is None
    async with Rig() as rig:
        rig.shift.close()
        assert rig.shift.claiming.offer(500) is None
        assert not rig.shift.holdings.claims


async def test_nothing_is_offered_while_nobody_knows_what_the_last_claim_took() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue("sweep")
        rig.take_now()
        assert await rig.shift.claiming.step() == 0
        rig.bench.faults.after("claim")
        with pytest.raises(StoreUnavailable):
            await rig.shift.claiming.step()  # for plain functions: of coroutines it could take eight more
        assert rig.shift.claiming.offer(500) is None
        while await rig.shift.claiming.step() == 0:
            pass
        await until(lambda: len(rig.begun) == 1)
        offer = rig.shift.claiming.offer(500)
        assert offer is not None
        rig.shift.claiming.adopt(offer.claim_id, ())


@pytest.mark.parametrize("when", ["before", "after"])
async def test_when_the_answer_of_a_fire_is_lost_it_is_read_back(when: str) -> None:
    async with Rig() as rig:
        rig.ring(3)
        await rig.bench.trust()
        rig.clock.advance(1)
        getattr(rig.bench.faults, when)("fire_due")
        with pytest.raises(StoreUnavailable):
            await rig.firing.step()
        assert rig.begun == []
        assert rig.shift.holdings.claims, "what was perhaps taken is under way until it is known"
        await rig.firing.step()
        await until(lambda: len(rig.begun) == 3)
        assert len(await rig.bench.runs()) == 3
        assert [run.attempt for run in await rig.bench.runs()] == [1] * 3
        assert await rig.places_are_free()


async def test_it_is_read_back_also_where_there_is_no_room_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Rig() as rig:
        rig.ring(3)
        await rig.bench.trust()
        rig.clock.advance(1)
        rig.bench.faults.after("fire_due")
        with pytest.raises(StoreUnavailable):
            await rig.firing.step()
        monkeypatch.setattr(rig, "room", lambda: 0)
        await rig.firing.step()
        await until(lambda: len(rig.begun) == 3)
        assert await rig.places_are_free()


async def test_what_is_fired_as_the_node_begins_to_stop_is_handed_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Offering.ask, "__defaults__", (PATIENCE,))
    bench, leave = Bench(drain=PATIENCE), asyncio.Event()

    async def ring() -> None:
        await leave.wait()

    bench.task(ring)
    async with bench.running() as node:
        long = await bench.enqueue("ring")
        await until_async(lambda: _state(bench, long.id, RunState.RUNNING))
        bench.faults.late.add("fire_due")
        soon = At(later(bench.clock.now(), 0.5))
        await bench.store.add_schedule(replace(declaration("ring", "ring", soon), source=Source.CALL), "error")
        await until_async(lambda: _fired(bench))
        (fired,) = [run for run in await bench.runs() if run.id != long.id]
        assert fired.state is RunState.RUNNING, "it was not taken"
        stopping = asyncio.ensure_future(node.stop())
        await until(lambda: node.status.state == "stopping")
        bench.faults.late.clear()
        await until_async(lambda: _state(bench, fired.id, RunState.QUEUED))
        assert not stopping.done(), "it waited for the other body"
        leave.set()
        await stopping


async def _state(bench: Bench, run_id: str, state: RunState) -> bool:
    return (await bench.run(run_id)).state is state


async def _fired(bench: Bench) -> bool:
    return len(await bench.runs()) == 2


async def test_a_loop_that_is_held_up_takes_nothing_and_its_late_offer_ends() -> None:
    async with Rig() as rig:
        rig.ring(3)
        await rig.bench.trust()
        rig.clock.advance(1)
        late: list[Any] = []
        rig.offering._app = Held(late)  # type: ignore[assignment]
        await rig.firing.step()
        assert [run.state for run in await rig.bench.runs()] == [RunState.QUEUED] * 3
        rig.clock.advance(1)
        await rig.firing.step()
        assert len(late) == 1, "who has not answered is not asked again"
        while late:
            function, args = late.pop(0)
            function(*args)
            await asyncio.sleep(0.01)
        assert not rig.shift.holdings.claims


async def test_what_comes_after_the_end_of_claiming_is_handed_back() -> None:
    async with Rig() as rig:
        rig.ring(2)
        await rig.bench.trust()
        rig.clock.advance(1)
        offer = await rig.offering.ask(500)
        assert offer is not None
        report = await rig.bench.store.fire_due(10, rig.firing._planner, (), offer)
        rig.shift.close()
        rig.offering.took(offer, report.taken)
        await until(lambda: rig.shift.settling.backlog() == 2)
        await rig.shift.settling.step()
        assert [(run.state, run.failures) for run in await rig.bench.runs()] == [(RunState.QUEUED, 0)] * 2
        assert rig.begun == []


class Held:
    """The way to a loop that does not get its turn."""

    def __init__(self, calls: list[Any]) -> None:
        self._calls = calls

    def call(self, function: Any, *args: Any) -> bool:
        self._calls.append((function, args))
        return True


class Overtaken:
    """A store whose answer to `held` is late: a claim that was sent after the question is in it."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.late = True

    async def held(self, node_id: str) -> Any:
        store = self._rig.bench.store
        if self.late:
            self.late = False
            self._rig.shift.holdings.claims["late"] = 1
            await store.claim(node_id, "late", limit=1, tasks={"ring": 1}, queues=None, suspects=1)
        return await store.held(node_id)


async def test_a_claim_that_is_answered_late_is_not_handed_back_behind_its_back() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue("ring")
        rig.shift.holdings.uncompared = True
        rig.shift.comparing._store = Overtaken(rig)  # type: ignore[assignment]
        for _ in range(3):
            await rig.compare()
        assert rig.shift.settling.backlog() == 0, "its answer may still come, and then its body begins"
        del rig.shift.holdings.claims["late"]
        for _ in range(2):
            await rig.compare()
        assert rig.shift.settling.backlog() == 1
