"""Overlap by `cancel_other`: a run takes the place of those before it."""

from __future__ import annotations

from hourbell.model.plan import Question
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.testing.conformance.bench import TASK, Bench, ids
from hourbell.testing.conformance.overlapping import buffered, by_policy, fires, trigger, waits
from hourbell.testing.conformance.suite import Conformance


class MakingWayConformance(Conformance):
    """What is queued ends, what runs is asked to; the new one waits until it has."""

    async def test_a_fire_takes_the_place_of_the_run_that_waits_to_be_claimed(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other")
        first, second = await fires(bench, 2)
        assert (first.state, first.reason, first.yielded_to) == (RunState.SKIPPED, Reason.OVERLAP, second.id)
        assert (second.state, second.run_at) == (RunState.QUEUED, bench.now)
        assert ids(await bench.claim()) == [second.id]

    async def test_a_fire_asks_the_running_one_to_end_and_waits_for_that(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other")
        await fires(bench)
        (running,) = await bench.claim()
        first, second = await fires(bench)
        assert (first.state, first.cancel_requested_at) == (RunState.RUNNING, bench.now)
        assert (first.reason, first.yielded_to) == (Reason.OVERLAP, second.id)
        assert waits(second)
        asked = (await bench.store.next_work("a", Question((TASK,), None))).cancelling
        assert [(request.run_id, request.attempt, request.reason) for request in asked] == [(first.id, 1, "overlap")]
        assert await bench.settle(running, Outcome.CANCELLED)
        ended = await bench.get(first)
        assert (ended.state, ended.reason, ended.yielded_to) == (RunState.CANCELLED, Reason.OVERLAP, second.id)
        assert ids(await bench.claim()) == [second.id]

    async def test_the_next_fire_takes_the_place_of_one_that_stillwaits(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other")
        await fires(bench)
        (running,) = await bench.claim()
        first, second, third = await fires(bench, 2)
        assert (first.yielded_to, second.yielded_to) == (second.id, third.id)
        assert (second.state, second.reason, waits(third)) == (RunState.SKIPPED, Reason.OVERLAP, True)
        assert await bench.settle(running), "it ended by itself before it was asked"
        assert (await bench.get(first)).state is RunState.SUCCEEDED
        assert ids(await bench.claim()) == [third.id]

    async def test_what_was_asked_to_end_and_waits_for_its_retry_is_cancelled(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other")
        await fires(bench)
        (running,) = await bench.claim()
        await bench.fail_and_retry(running, delay=3600)
        first, second = await fires(bench)
        assert (first.state, first.reason, first.outcome) == (RunState.CANCELLED, Reason.OVERLAP, Outcome.CANCELLED)
        assert (first.attempt, second.run_at) == (1, bench.now)

    async def test_a_run_lost_after_it_was_asked_to_end_lets_the_next_go(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other")
        await fires(bench)
        await bench.claim()
        first, second = await fires(bench)
        await bench.kill("a")
        assert ((await bench.get(first)).state, (await bench.get(second)).run_at) == (RunState.CANCELLED, bench.now)

    async def test_only_the_oldest_make_way(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other", max_running=2)
        first, second, third = await fires(bench, 3)
        assert [run.state for run in (first, second, third)] == [RunState.SKIPPED, RunState.QUEUED, RunState.QUEUED]
        assert first.yielded_to == third.id

    async def test_of_several_late_fires_the_last_takes_the_place_of_the_others(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other")
        await bench.fire_after(3, by_policy)
        skipped, ran = await bench.runs()
        assert (skipped.reason, skipped.covers_count, skipped.yielded_to) == (Reason.OVERLAP, 2, ran.id)
        assert ran.run_at == ran.fire_at

    async def test_a_request_takes_the_place_of_others_once(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other")
        await fires(bench)
        (running,) = await bench.claim()
        asked = await trigger(bench, key="k")
        assert (await bench.get(running)).yielded_to == asked.id
        await bench.settle(running, Outcome.CANCELLED)
        (taken,) = await bench.claim()
        again = await trigger(bench, key="k")
        assert (taken.id, again.id) == (asked.id, asked.id)
        assert (await bench.get(asked)).cancel_requested_at is None, (
            "the request that was repeated cancelled its own run"
        )
