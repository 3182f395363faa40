"""Runs that hints named: claimed by that name where that is all there is to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.bench import until
from engine.test_claiming import Rig
from hourbell.errors import StoreUnavailable
from hourbell.executors.choice import Kind
from hourbell.model.hint import Hint
from hourbell.model.run import Run
from hourbell.model.run_state import RunState


def hint_of(run: Run) -> Hint:
    return Hint(run.id, run.task, run.queue)


def claims(rig: Rig) -> tuple[int, int]:
    """By name, and of the queue."""
    return rig.bench.faults.asked["claim_named"], rig.bench.faults.asked["claim"]


async def hears_of(rig: Rig, run: Run) -> None:
    """A hint comes, and what comes of it is done."""
    rig.shift.claiming.take_named(hint_of(run))
    await rig.claim_pending()


async def test_a_run_that_a_hint_named_is_claimed_by_its_name() -> None:
    async with Rig() as rig:
        woken: list[float] = []
        rig.shift.claiming.wake = lambda: woken.append(1)
        for task in ("ring", "sweep"):
            await hears_of(rig, await rig.bench.enqueue(task))
        await until(lambda: len(rig.going) == 2)
        assert claims(rig) == (2, 0)
        assert len(woken) == 2
        assert rig.shift.holdings.claims == {}
        assert rig.shift.holdings.uncompared, "its runs are to be compared with the store's"


async def test_what_is_not_for_this_node_is_not_asked_for() -> None:
    async with Rig(queues=("default",)) as rig:
        for hint in (Hint("x", "unknown", "default"), Hint("x", "ring", "other")):
            rig.shift.claiming.take_named(hint)
            await rig.claim_pending()
        assert claims(rig) == (0, 0)


async def test_of_two_that_are_named_at_once_the_queue_decides() -> None:
    async with Rig(max_runs=1) as rig:
        later, first = await rig.bench.enqueue("ring", args={"n": 2}), await rig.bench.enqueue("ring", priority=-1)
        for run in (later, first):
            rig.shift.claiming.take_named(hint_of(run))
        await rig.claim_pending()
        await until(lambda: len(rig.going) == 1)
        assert claims(rig) == (0, 1)
        assert set(rig.shift.holdings.running) == {first.id}


async def test_two_that_are_named_at_once_are_both_looked_for_whatever_executes_them() -> None:
    async with Rig() as rig:
        for task in ("sweep", "ring"):
            rig.shift.claiming.take_named(hint_of(await rig.bench.enqueue(task)))
        await rig.claim_pending()
        await until(lambda: len(rig.going) == 2)


async def test_where_the_queue_is_to_be_looked_at_anyway_no_run_goes_before_it() -> None:
    async with Rig(max_runs=1) as rig:
        named, first = await rig.bench.enqueue("ring"), await rig.bench.enqueue("ring", priority=-1)
        rig.shift.claiming.take_now()
        await hears_of(rig, named)
        await until(lambda: len(rig.going) == 1)
        assert claims(rig)[0] == 0
        assert set(rig.shift.holdings.running) == {first.id}


@pytest.mark.parametrize("said_first", [True, False])
async def test_a_hint_without_a_name_has_the_queue_looked_at(said_first: bool) -> None:
    async with Rig() as rig:
        run, _ = await rig.bench.enqueue("ring"), await rig.bench.enqueue("ring")
        for unnamed in (said_first, not said_first):
            if unnamed:
                rig.shift.claiming.take_now()
            else:
                rig.shift.claiming.take_named(hint_of(run))
        await rig.claim_pending()
        await until(lambda: len(rig.going) == 2)


async def test_a_node_of_whose_tasks_more_is_queued_than_it_takes_passes_by_no_older_run() -> None:
    async with Rig(max_runs=2) as rig:
        older = [await rig.bench.enqueue("ring", delay=number) for number in range(4)]
        rig.clock.advance(4)
        await rig.claim_all()
        await until(lambda: len(rig.going) == 2)
        named = await rig.bench.enqueue("ring")
        await hears_of(rig, named)
        rig.leave.set()
        await until(lambda: not rig.shift.holdings.running)
        rig.leave.clear()
        await hears_of(rig, named)
        await until(lambda: len(rig.going) == 4)
        assert claims(rig)[0] == 0
        assert set(rig.shift.holdings.running) == {run.id for run in older[2:]}


async def test_where_a_claim_left_something_behind_the_next_one_looks_at_the_queue() -> None:
    for name in ("_hungry", "_withheld"):
        async with Rig(max_runs=1) as rig:
            first = await rig.bench.enqueue("ring", priority=-1)
            getattr(rig.shift.claiming, name).add(Kind.ASYNC)  # few slots became free, and more are waited for
            await hears_of(rig, await rig.bench.enqueue("ring"))
            await until(lambda rig=rig: len(rig.going) == 1)  # type: ignore[misc]
            assert claims(rig) == (0, 1), name
            assert set(rig.shift.holdings.running) == {first.id}


async def test_without_a_free_slot_a_named_run_waits_in_the_queue() -> None:
    async with Rig(threads=2) as rig:
        for _ in range(2):
            await hears_of(rig, await rig.bench.enqueue("sweep"))
        await until(lambda: len(rig.going) == 2)
        asked = claims(rig)
        run = await rig.bench.enqueue("sweep")
        await hears_of(rig, run)
        assert claims(rig) == asked
        rig.leave.set()
        await until(lambda: not rig.shift.holdings.running)
        await until(lambda: rig.shift.executing.ahead.slots(Kind.THREAD) == 2)
        await rig.claim_pending()
        await until(lambda: len(rig.going) == 3)


async def test_a_run_of_a_limited_task_is_claimed_under_its_limit() -> None:
    async with Rig() as rig:

        async def toll() -> None:
            await rig.leave.wait()

        rig.bench.task(toll, concurrency=1)
        for _ in range(2):
            await hears_of(rig, await rig.bench.enqueue("toll"))
        running = [run for run in await rig.bench.runs(task="toll") if run.state is RunState.RUNNING]
        assert len(running) == 1
        assert claims(rig)[0] == 0


async def test_a_task_whose_bodies_get_stuck_is_left_to_others_by_name_too() -> None:
    async with Rig() as rig:
        run = await rig.bench.enqueue("ring")
        for number in range(5):
            rig.shift.claiming._parts.stuck.add(replace(run, attempt=number), rig.clock.now())
        await hears_of(rig, run)
        assert claims(rig) == (0, 0)


@pytest.mark.parametrize("lost", ["the answer", "the claim"])
async def test_what_is_lost_of_a_claim_by_name_costs_no_run(lost: str) -> None:
    """It is read back if it was carried out; if it never arrived, the queue is looked at."""
    async with Rig() as rig:
        run = await rig.bench.enqueue("ring")
        fail = rig.bench.faults.after if lost == "the answer" else rig.bench.faults.before
        fail("claim_named", times=1)
        rig.shift.claiming.take_named(hint_of(run))
        with pytest.raises(StoreUnavailable):
            await rig.shift.claiming.step()
        await rig.claim_pending()
        await until(lambda: len(rig.going) == 1)
        assert (await rig.bench.run(run.id)).attempt == 1
        assert rig.shift.holdings.claims == {}


async def test_without_trust_or_once_it_is_closed_a_node_claims_nothing_by_name() -> None:
    async with Rig() as rig:
        run = await rig.bench.enqueue("ring")
        rig.shift.close()
        await hears_of(rig, run)
        rig.shift.claiming.closed = False
        rig.clock.advance(14)
        await hears_of(rig, run)
        assert claims(rig) == (0, 0)


async def test_an_answer_that_comes_once_the_node_is_closed_goes_back() -> None:
    async with Rig() as rig:
        run = await rig.bench.enqueue("ring")
        claim_named = rig.bench.store.claim_named

        async def closed_meanwhile(*args: object) -> object:
            answer = await claim_named(*args)
            rig.shift.close()
            return answer

        rig.bench.store.claim_named = closed_meanwhile
        await hears_of(rig, run)
        await rig.shift.settling.step()
        stored = await rig.bench.run(run.id)
        assert (stored.state, stored.attempt, stored.failures) == (RunState.QUEUED, 1, 0)
        assert rig.going == []


async def test_a_node_that_is_refused_by_name_is_told() -> None:
    async with Rig() as rig:
        await rig.bench.store.retire_node(rig.shift.trust.node_id)
        await hears_of(rig, await rig.bench.enqueue("ring"))
        assert rig.lost
        assert rig.shift.holdings.claims == {}


async def test_a_claim_by_name_answers_no_question_about_the_queue() -> None:
    """A question that was sent before it, and found another run due, is answered by a look at the queue."""
    async with Rig() as rig:
        asked = rig.clock.elapsed()
        await rig.bench.enqueue("ring")
        run = await rig.bench.enqueue("ring")
        rig.clock.advance(0.01)
        await hears_of(rig, run)
        rig.shift.claiming.take_due(asked, whole=True)
        await rig.claim_pending()
        await until(lambda: len(rig.going) == 2)
