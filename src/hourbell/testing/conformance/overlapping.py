"""Overlap: what becomes of a run of a schedule while others of it are unfinished, and who goes next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from hourbell.engine.planning import plan_fires
from hourbell.model.editing import pausing, updating
from hourbell.model.plan import Question
from hourbell.model.retention import Retention
from hourbell.model.run_state import Origin, Outcome, Reason, RunState
from hourbell.testing.conformance.bench import LEASE, TASK, Bench, ids
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import Every

if TYPE_CHECKING:
    from hourbell.model.run import Run
    from hourbell.store.protocol import Store

by_policy = partial(plan_fires, lease=LEASE)


async def fires(bench: Bench, count: int = 1) -> list[Run]:
    """Let so many fires come, one by one, and answer all runs of the schedule, oldest fire first."""
    for _ in range(count):
        await bench.fire_after(1, by_policy)
    return await bench.runs(schedule_id="s")


async def buffered(bench: Bench, overlap: str = "buffer_all", **policies: Any) -> None:
    await bench.node()
    await bench.schedule(policies={"overlap": overlap, **policies})


async def trigger(bench: Bench, **fields: Any) -> Run:
    wanted = replace(bench.request(TASK, origin=Origin.TRIGGER, schedule_id="s"), **fields)
    return await bench.store.trigger_schedule("s", lambda _: wanted)


def waits(run: Run) -> bool:
    return run.state is RunState.QUEUED and run.run_at is None


class OverlapConformance(Conformance):
    """The overlap policies, as fires, requests and ends of runs meet them."""

    async def test_a_skip_names_the_run_that_it_yielded_to(self, bench: Bench) -> None:
        await bench.schedule()
        first, second = await fires(bench, 2)
        assert (second.state, second.reason, second.yielded_to) == (RunState.SKIPPED, Reason.OVERLAP, first.id)
        _, grown = await fires(bench, 2)
        assert (grown.id, grown.covers_count, grown.yielded_to) == (second.id, 3, first.id)
        assert (await trigger(bench)).yielded_to == first.id

    async def test_a_skip_within_one_firing_names_its_run_too(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.fire_after(3, by_policy)
        ran, skipped = await bench.runs()
        assert (skipped.covers_count, skipped.yielded_to) == (2, ran.id)

    async def test_one_is_buffered_and_the_rest_are_skipped(self, bench: Bench) -> None:
        await buffered(bench, "buffer_one")
        first, second, third = await fires(bench, 4)
        assert first.run_at == first.fire_at
        assert (second.state, second.run_at) == (RunState.QUEUED, None)
        assert (third.state, third.covers_count, third.yielded_to) == (RunState.SKIPPED, 2, second.id)

    async def test_what_waits_cannot_be_claimed_and_is_not_due(self, bench: Bench) -> None:
        await buffered(bench)
        first, _, _ = await fires(bench, 3)
        assert ids(await bench.claim()) == [first.id]
        work = await bench.store.next_work("a", Question((TASK,), None))
        assert (work.run_due, work.next_run_at) == (False, None)

    @pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED])
    async def test_buffered_fires_run_one_after_the_other_in_their_order(self, bench: Bench, outcome: Outcome) -> None:
        await buffered(bench)
        made = await fires(bench, 4)
        ran = []
        for _ in made:
            (run,) = await bench.claim()
            bench.clock.advance(0.25)
            assert await bench.settle(run, outcome)
            ran.append(run.id)
        assert ran == ids(made)
        released = (await bench.runs())[1:]
        assert [run.run_at for run in released] == [run.finished_at for run in (await bench.runs())[:-1]]

    async def test_several_at_once(self, bench: Bench) -> None:
        await buffered(bench, max_running=2)
        made = await fires(bench, 5)
        first, second = await bench.claim()
        assert [waits(run) for run in made] == [False, False, True, True, True]
        await bench.settle(second)
        assert ids(await bench.claim()) == [made[2].id]
        await bench.store.settle("a", [bench.report(first), bench.report(await bench.get(made[2]))])
        assert ids(await bench.claim()) == ids(made[3:])

    async def test_late_fires_are_buffered_within_one_firing(self, bench: Bench) -> None:
        await buffered(bench)
        await bench.fire_after(3, by_policy)
        assert [waits(run) for run in await bench.runs()] == [False, True, True]

    async def test_a_run_that_waits_for_its_retry_keeps_its_turn(self, bench: Bench) -> None:
        await buffered(bench)
        first, second = await fires(bench, 2)
        (run,) = await bench.claim()
        assert await bench.fail_and_retry(run, delay=5)
        assert waits(await bench.get(second))
        bench.clock.advance(5)
        (again,) = await bench.claim()
        assert (again.id, again.attempt) == (first.id, 2)
        await bench.settle(again)
        assert ids(await bench.claim()) == [second.id]

    async def test_a_fire_that_finds_nobody_runs_at_once(self, bench: Bench) -> None:
        await buffered(bench, "buffer_one")
        (first,) = await fires(bench)
        await bench.settle((await bench.claim())[0])
        *_, second = await fires(bench)
        assert (first.run_at, second.run_at) == (first.fire_at, second.fire_at)

    async def test_the_policy_is_told_with_the_run_wherever_it_is_inherited_from(self, bench: Bench) -> None:
        await bench.schedule(inherited={"overlap": "buffer_one", "timeout": 3}, policies={"priority": 2})
        (run,) = await fires(bench)
        assert run.policies == {"priority": 2, "overlap": "buffer_one"}

    # Whoever ends a run

    async def test_cancelling_a_queued_run_lets_the_next_go(self, bench: Bench) -> None:
        await buffered(bench)
        first, second, third = await fires(bench, 3)
        await bench.store.cancel_run(second.id)
        assert waits(await bench.get(third)), "one that waited was nobody's turn"
        await bench.store.cancel_run(first.id)
        assert (await bench.get(third)).run_at == bench.now

    @pytest.mark.parametrize("how", ["rescue", "retire", "replace"])
    async def test_a_run_that_fails_with_its_node_lets_the_next_go(self, bench: Bench, how: str) -> None:
        await buffered(bench, on_lost="fail")
        first, second = await fires(bench, 2)
        await bench.claim()
        if how == "rescue":
            await bench.kill("a")
        elif how == "retire":
            await bench.store.retire_node("a")
        else:
            await bench.node("b", replaces="a")
        assert (await bench.get(first)).state is RunState.FAILED
        assert (await bench.get(second)).run_at == bench.now

    async def test_a_run_that_is_handed_on_keeps_its_turn(self, bench: Bench) -> None:
        await buffered(bench)
        first, second = await fires(bench, 2)
        await bench.claim()
        await bench.kill("a")
        assert ((await bench.get(first)).state, waits(await bench.get(second))) == (RunState.QUEUED, True)
        await bench.node("b")
        assert ids(await bench.claim("b")) == [first.id]

    async def test_a_run_too_late_for_its_grace_lets_the_next_go(self, bench: Bench) -> None:
        await buffered(bench, grace=10)
        first, second = await fires(bench, 2)
        bench.clock.advance(9.5)
        assert await bench.claim() == []
        assert (await bench.get(first)).reason == Reason.MISSED
        assert ids(await bench.claim()) == [second.id]

    async def test_a_pause_ends_the_fires_that_wait(self, bench: Bench) -> None:
        await buffered(bench)
        await fires(bench, 3)
        await bench.claim()
        await bench.store.edit_schedule("s", pausing(None))
        running, *rest = await bench.runs()
        assert running.state is RunState.RUNNING
        assert [(run.state, run.reason) for run in rest] == [(RunState.SKIPPED, Reason.PAUSED)] * 2

    async def test_a_request_that_waited_for_a_paused_fire_goes(self, bench: Bench) -> None:
        await buffered(bench)
        await fires(bench)
        asked = await trigger(bench)
        assert waits(asked)
        await bench.store.edit_schedule("s", pausing(None))
        assert (await bench.get(asked)).run_at == bench.now

    async def test_removal_ends_whatwaits(self, bench: Bench) -> None:
        await buffered(bench)
        await fires(bench, 2)
        (running,) = await bench.claim()
        await bench.store.remove_schedule("s")
        assert await bench.settle(running)
        assert [run.reason for run in await bench.runs()] == [None, Reason.REMOVED]

    @pytest.mark.parametrize("policies, going", [({"overlap": "allow"}, 3), ({"max_running": 3}, 2)])
    async def test_an_edit_that_makes_room_lets_them_go(
        self, bench: Bench, policies: dict[str, Any], going: int
    ) -> None:
        await buffered(bench)
        await fires(bench, 4)
        await bench.store.edit_schedule("s", updating(policies=policies))
        assert sum(run.run_at == bench.now for run in (await bench.runs())[1:]) == going

    async def test_a_policy_that_changes_under_a_running_body(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule(policies={"overlap": "allow"})
        await fires(bench)
        (running,) = await bench.claim()
        await bench.store.edit_schedule("s", updating(policies={"overlap": "buffer_one"}))
        _, second = await fires(bench)
        assert waits(second)
        await bench.settle(running)
        assert not waits(await bench.get(second)), "the run was made before anybody could wait for it"

    # Requests by hand

    @pytest.mark.parametrize(
        "overlap, states",
        [
            ("skip", ["queued", "skipped", "skipped"]),
            ("buffer_one", ["queued", "waiting", "skipped"]),
            ("buffer_all", ["queued", "waiting", "waiting"]),
            ("allow", ["queued", "queued", "queued"]),
        ],
    )
    async def test_a_request_takes_its_turn(self, bench: Bench, overlap: str, states: list[str]) -> None:
        await buffered(bench, overlap)
        asked = []
        for _ in states:
            bench.clock.advance(0.001)
            asked.append(await trigger(bench))
        assert ["waiting" if waits(run) else run.state.value for run in asked] == states
        ran = [run.id for run in asked if run.state is RunState.QUEUED]
        for run_id in ran:
            claimed = {run.id: run for run in await bench.claim()}
            if overlap != "allow":
                assert list(claimed) == [run_id]
                await bench.settle(claimed[run_id])

    @pytest.mark.parametrize("overlap", ["skip", "buffer_one", "buffer_all"])
    async def test_a_retry_by_hand_takes_its_turn(self, bench: Bench, overlap: str) -> None:
        await buffered(bench, overlap)
        (first,) = await fires(bench)
        await bench.settle((await bench.claim())[0], Outcome.FAILED)
        *_, second = await fires(bench)
        retried = await bench.store.retry_run(first.id)
        assert waits(retried), "another run of the schedule is unfinished"
        await bench.settle((await bench.claim())[0])
        (again,) = await bench.claim()
        assert (again.id, again.attempt) == (first.id, 2)
        assert (await bench.get(second)).state is RunState.SUCCEEDED

    async def test_a_retry_by_hand_that_finds_nobody_runs_at_once(self, bench: Bench) -> None:
        await buffered(bench, "skip")
        await fires(bench)
        (run,) = await bench.claim()
        await bench.settle(run, Outcome.FAILED)
        assert (await bench.store.retry_run(run.id)).run_at == bench.now

    async def test_a_retry_by_hand_need_not_wait_where_overlap_is_allowed(self, bench: Bench) -> None:
        await buffered(bench, "allow")
        await fires(bench, 2)
        first, _ = await bench.claim()
        await bench.settle(first, Outcome.FAILED)
        assert (await bench.store.retry_run(first.id)).run_at == bench.now

    async def test_a_fire_counts_the_retry_thatwaits(self, bench: Bench) -> None:
        await buffered(bench, "buffer_one")
        await fires(bench)
        (first,) = await bench.claim()
        await bench.settle(first, Outcome.FAILED)
        await fires(bench)
        await bench.store.retry_run(first.id)
        *_, third = await fires(bench)
        assert (third.state, third.reason) == (RunState.SKIPPED, Reason.OVERLAP)

    # Races

    @pytest.mark.parametrize("overlap", ["buffer_one", "buffer_all"])
    async def test_no_fire_waits_for_nothing_however_fires_and_ends_meet(self, bench: Bench, overlap: str) -> None:
        await bench.node()
        await bench.schedule(trigger=Every(seconds=1), policies={"overlap": overlap})

        async def at_once(store: Store, number: int) -> None:
            if number:
                await store.fire_due(10, by_policy)
            else:
                await store.settle("a", [bench.report(running)])

        for _ in range(12):
            bench.clock.advance(1)
            await bench.fire(by_policy)
            claimed = await bench.claim()
            assert len(claimed) == 1, "nobody runs, and nobody may be claimed"
            (running,) = claimed
            bench.clock.advance(1)
            await bench.in_threads(2, at_once)
            claimed = await bench.claim()
            if not claimed:  # the end came first, and the fire was not seen by the claim: it is due all the same
                await bench.fire(by_policy)
                claimed = await bench.claim()
            assert len(claimed) == 1, "a buffered fire waits for a run that has ended"
            await bench.settle(claimed[0])
            while left := await bench.claim():
                await bench.settle(left[0])
        assert all(run.state.final for run in await bench.runs())

    async def test_what_waits_survives_retention(self, bench: Bench) -> None:
        await buffered(bench)
        await fires(bench, 2)
        bench.clock.advance(86_400)
        await bench.store.prune(Retention(timedelta(seconds=1)), 100)
        assert [run.state for run in await bench.runs()] == [RunState.QUEUED, RunState.QUEUED]
