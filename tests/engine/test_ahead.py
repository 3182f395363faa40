"""Runs that wait here for a slot: how many, for how long, and which never do."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from engine.bench import until, until_async
from engine.test_claiming import Rig, _lose
from hourbell.context import Context
from hourbell.engine.holding import Execution
from hourbell.executors.choice import Kind
from hourbell.model.run import CancelRequest, Run
from hourbell.model.run_state import Outcome, RunState


async def _with_short_bodies(rig: Rig, count: int = 10) -> None:
    """Let so many bodies begin and end in a moment. The rig's clock stands still, so the moment does not pass."""
    rig.leave.set()
    await rig.bench.enqueue_many("ring", count)
    await rig.claim_all()
    await until(lambda: len(rig.going) == count and not rig.shift.holdings.running)
    while await rig.shift.settling.step() == 0:
        pass
    await rig.claim_all()  # finds that there is no more
    rig.leave.clear()
    rig.going.clear()


async def _claimed_ahead(rig: Rig) -> tuple[list[Run], list[Run]]:
    """Short bodies were followed by long ones: ten run, ten wait. Answers both."""
    await _with_short_bodies(rig)
    await rig.bench.enqueue_many("ring", 30)
    await rig.claim_all()
    await until(lambda: len(rig.going) == 10)
    running = [one.run for one in rig.shift.holdings.running.values()]
    return running, list(rig.shift.holdings.unstarted[Kind.ASYNC])


async def test_behind_the_slots_wait_as_many_as_were_done_in_the_last_moment() -> None:
    async with Rig() as rig:
        running, waiting = await _claimed_ahead(rig)
        assert (len(running), len(waiting)) == (10, 10)
        rig.leave.set()
        await until(lambda: len(rig.going) == 20)  # no claim in between
        assert rig.going == sorted(rig.going)


async def test_once_bodies_are_long_nothing_waits_behind_them() -> None:
    async with Rig() as rig:
        await _with_short_bodies(rig)
        rig.clock.advance(1)
        await rig.bench.enqueue_many("ring", 30)
        await rig.claim_all()
        await until(lambda: len(rig.going) == 10)
        assert rig.shift.holdings.waiting() == 0


async def test_what_waits_for_too_long_is_handed_back_unharmed() -> None:
    async with Rig() as rig:
        _, waiting = await _claimed_ahead(rig)
        await until(lambda: rig.shift.holdings.waiting() == 0)
        assert len(rig.going) == 10, "none of them began"
        assert await rig.shift.settling.step() is None
        back = [await rig.bench.run(run.id) for run in waiting]
        assert {(run.state, run.failures, run.losses) for run in back} == {(RunState.QUEUED, 0, 0)}
        rig.clock.advance(1)
        await rig.claim_all()
        assert rig.shift.holdings.waiting() == 0, "they are left to others"


async def test_what_is_cancelled_while_it_waits_does_not_begin() -> None:
    async with Rig() as rig:
        _, waiting = await _claimed_ahead(rig)
        await rig.bench.store.cancel_run(waiting[3].id)
        rig.shift.executing.end([CancelRequest(waiting[3].id, waiting[3].attempt, "cancelled")])
        assert rig.shift.holdings.waiting() == 9
        rig.leave.set()
        await until(lambda: len(rig.going) == 19)
        await until_async(lambda: _settled(rig))
        assert (await rig.bench.run(waiting[3].id)).state is RunState.CANCELLED


async def test_what_starts_at_most_once_never_waits() -> None:
    async with Rig() as rig:
        await _with_short_bodies(rig)
        plain = await rig.bench.enqueue_many("ring", 10, priority=-1)
        await rig.bench.enqueue_many("ring", 5, on_lost="fail")
        await rig.bench.enqueue_many("ring", 5)
        await rig.claim_all()
        await until(lambda: len(rig.going) == 10)
        held = [one.run for one in rig.shift.holdings.running.values()]
        assert [run.on_lost for run in held].count("fail") == 5, "they go first"
        assert {run.on_lost for run in rig.shift.holdings.unstarted[Kind.ASYNC]} == {"retry"}
        # No slot is free now, so none of them is asked for, though others are.
        await rig.bench.enqueue_many("ring", 3, on_lost="fail", priority=-2)
        more = await rig.bench.enqueue_many("ring", 3, priority=-2)
        rig.shift.holdings.unstarted[Kind.ASYNC].clear()
        await rig.claim_all()
        waiting = {run.id for run in rig.shift.holdings.unstarted[Kind.ASYNC]}
        assert waiting >= {run.id for run in more}
        assert not [run for run in rig.shift.holdings.unstarted[Kind.ASYNC] if run.on_lost == "fail"]
        assert plain


async def test_a_run_that_may_not_wait_goes_back_when_its_slot_was_taken_meanwhile() -> None:
    async with Rig() as rig:
        await _with_short_bodies(rig)
        suspects = await rig.bench.enqueue_many("ring", 2)
        await _lose(rig.bench, [run.id for run in suspects], times=3)
        await rig.bench.enqueue_many("ring", 2, on_lost="fail")
        claim = rig.bench.store.claim
        slots: list[int] = []

        async def claim_slowly(*args: Any, **kwargs: Any) -> Any:
            answer = await claim(*args, **kwargs)
            if "ring" in kwargs["tasks"]:
                slots.append(kwargs["slots"])
                rig.shift.executing.ahead.slots = lambda kind: 1  # type: ignore[method-assign]
            return answer

        rig.bench.store.claim = claim_slowly
        await rig.claim_all()
        await until(lambda: len(rig.going) == 1)
        assert slots == [10]
        assert rig.shift.holdings.waiting() == 0
        await until_async(lambda: _settled(rig))
        attempts = [
            attempt for run in await rig.bench.runs() for attempt in await rig.bench.store.list_attempts(run.id)
        ]
        assert [one.outcome for one in attempts].count(Outcome.HANDED_BACK) == 3


async def test_coroutines_and_threads_share_the_slots_in_turn() -> None:
    async with Rig(max_runs=1) as rig:
        rig.leave.set()
        order: list[str] = []
        start = rig.shift.executing._start

        def told(run: Run, *args: Any) -> None:
            order.append(run.task)
            start(run, *args)

        rig.shift.executing._start = told  # type: ignore[method-assign]
        await rig.bench.enqueue_many("ring", 6)
        await rig.bench.enqueue_many("sweep", 6)
        rig.shift.claiming.take_now()
        while len(order) < 12:
            await rig.claim_pending()
            await asyncio.sleep(0.001)
            while await rig.shift.settling.step() == 0:
                pass
            rig.shift.claiming.take_now()
        assert "sweep" in order[:6]
        assert "ring" in order[:6]


async def _settled(rig: Rig) -> bool:
    await rig.shift.settling.step()
    return not rig.shift.holdings.reported


async def test_slots_that_are_freed_during_a_claim_of_another_kind_are_filled_after_it() -> None:
    async with Rig() as rig:
        rig.leave.set()
        await rig.bench.enqueue_many("sweep", 6)
        claim, held = rig.bench.store.claim, rig.shift.holdings

        async def claim_slowly(*args: Any, **kwargs: Any) -> Any:
            if "ring" in kwargs["tasks"]:
                # While this is on its way the threads end what they have.
                await until(lambda: not held.running and not held.waiting())
                await asyncio.sleep(0.01)
            return await claim(*args, **kwargs)

        rig.bench.store.claim = claim_slowly
        rig.shift.claiming._kinds._turns.reverse()
        await rig.claim_all()
        await until(lambda: not held.running)
        await rig.claim_pending()
        await until(lambda: len(rig.going) >= 4, 5)


async def test_a_run_that_has_ended_is_freed_without_the_collector() -> None:
    async with Rig() as rig:
        rig.leave.set()
        gc.collect()
        gc.disable()
        before = _held()  # by tests that came before
        try:
            await rig.bench.enqueue_many("ring", 5)
            await rig.bench.enqueue_many("sweep", 2)
            await rig.claim_all()
            await until(lambda: len(rig.going) == 7 and not rig.shift.holdings.running)
            await until_async(lambda: _settled(rig))
            await asyncio.sleep(0.01)
            left = [one for one in _held() if not any(one is other for other in before)]
        finally:
            gc.enable()
        assert left == []


def _held() -> list[Any]:
    return [one for one in gc.get_objects() if isinstance(one, Execution | Context)]


async def test_who_drains_hands_back_at_once_what_has_not_begun() -> None:
    """Not with the last body's end, which may be a grace away: others can take it now."""
    async with Rig() as rig:
        running, waiting = await _claimed_ahead(rig)
        draining = asyncio.create_task(rig.shift.drain(30.0))
        try:
            await asyncio.sleep(0)
            await rig.shift.settling.step()
            back = [await rig.bench.run(run.id) for run in waiting]
            assert {(run.state, run.failures, run.losses) for run in back} == {(RunState.QUEUED, 0, 0)}
            assert {(await rig.bench.run(run.id)).state for run in running} == {RunState.RUNNING}
        finally:
            rig.leave.set()
            await draining
        assert len(rig.going) == 10, "none of them began"


async def test_more_of_what_may_not_wait_than_there_are_slots_is_claimed_without_a_poll() -> None:
    """As after the death of a node with many runs: a claim brings as many of them as can start, and is not full."""
    async with Rig() as rig:
        await _with_short_bodies(rig)
        await rig.bench.enqueue_many("ring", 25, on_lost="fail")
        await rig.claim_all()
        await until(lambda: len(rig.going) == 10)
        assert rig.shift.holdings.waiting() == 0
        rig.leave.set()

        async def all_have_run() -> bool:
            await rig.claim_pending()  # nobody has said that more is due
            return len(rig.going) == 25 and not rig.shift.holdings.running

        await until_async(all_have_run)
        claims = rig.bench.faults.asked["claim"]
        await rig.claim_pending()
        assert rig.bench.faults.asked["claim"] <= claims + 1, "and then that is known to be all"
