"""Pruning: what ended long ago goes, in small batches; what has not ended stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hourbell.errors import NotFound
from hourbell.model.editing import pausing
from hourbell.model.retention import Retention
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.testing.conformance.bench import Bench, ids
from hourbell.testing.conformance.planners import no_fire
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import Every

_WEEK = timedelta(days=7)


class PruningConformance(Conformance):
    """`RunStore.prune`."""

    async def test_nothing_is_old(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.settle(run)
        assert (await bench.store.prune(Retention(_WEEK), 100)).deleted == 0
        assert len(await bench.runs()) == 1

    async def test_what_ended_longer_ago_is_deleted(self, bench: Bench) -> None:
        old = await bench.running(key="k")
        await bench.fail_and_retry(old)
        (old,) = await bench.claim()
        await bench.settle(old)
        bench.clock.advance(3600)
        recent = await bench.running()
        await bench.settle(recent)
        bench.clock.advance(_WEEK.total_seconds() - 1800)
        assert (await bench.store.prune(Retention(_WEEK), 100)).deleted == 1
        assert ids(await bench.runs()) == [recent.id]
        with pytest.raises(NotFound):
            await bench.get(old)
        assert await bench.attempts(old) == []
        assert (await bench.enqueue(key="k")).state is RunState.QUEUED, "its key is free again"

    async def test_retention_counts_from_the_end(self, bench: Bench) -> None:
        run = await bench.running()
        bench.clock.advance(_WEEK.total_seconds() * 2)
        await bench.settle(run)
        assert (await bench.store.prune(Retention(_WEEK), 100)).deleted == 0
        bench.clock.advance(_WEEK.total_seconds() + 1)
        assert (await bench.store.prune(Retention(_WEEK), 100)).deleted == 1

    async def test_what_has_not_ended_stays_however_old(self, bench: Bench) -> None:
        running = await bench.running()
        queued = await bench.enqueue()
        bench.clock.advance(_WEEK.total_seconds() * 9)
        assert (await bench.store.prune(Retention(_WEEK), 100)).deleted == 0
        assert {run.id for run in await bench.runs()} == {running.id, queued.id}

    async def test_every_end_is_pruned(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(hours=1))
        await bench.fire_after(3600, no_fire(Reason.OVERLAP))
        await bench.store.cancel_run((await bench.enqueue()).id)
        await bench.settle(await bench.running())
        bench.clock.advance(_WEEK.total_seconds() + 1)
        assert (await bench.store.prune(Retention(_WEEK), 100)).deleted == 3
        assert await bench.runs() == []

    async def test_it_goes_in_small_batches_the_oldest_first(self, bench: Bench) -> None:
        runs = []
        for _ in range(5):
            runs.append(await bench.running())
            await bench.settle(runs[-1])
            bench.clock.advance(1)
        bench.clock.advance(_WEEK.total_seconds())
        left = []
        for expected in (2, 2, 1, 0):
            assert (await bench.store.prune(Retention(_WEEK), 2)).deleted == expected
            left.append(set(ids(await bench.runs())))
        assert left == [set(ids(runs[2:])), set(ids(runs[4:])), set(), set()]

    async def test_a_fire_whose_row_is_gone_does_not_fire_again(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10))
        await bench.fire_after(10, no_fire(Reason.OVERLAP))
        bench.clock.advance(5)
        assert (await bench.store.prune(Retention(timedelta(seconds=1)), 100)).deleted == 1
        bench.clock.bend(-12)
        assert (await bench.fire()).locked == 0
        bench.clock.advance(5)
        assert (await bench.fire()).locked == 0
        assert await bench.runs() == []

    async def test_each_end_has_an_age_of_its_own(self, bench: Bench) -> None:
        days = {"succeeded": 1, "failed": 4, "cancelled": 2, "skipped": 3}
        retention = Retention(timedelta(days=9), **{state: timedelta(days=age) for state, age in days.items()})
        await self._one_of_each(bench)
        queued = await bench.enqueue(delay=timedelta(days=9))
        bench.clock.advance(43_200)
        left = []
        for _ in range(5):
            left.append(sorted(run.state.value for run in await bench.runs() if run.id != queued.id))
            bench.clock.advance(86_400)
            await bench.store.prune(retention, 100)
        assert left == [
            ["cancelled", "failed", "skipped", "succeeded"],
            ["cancelled", "failed", "skipped"],
            ["failed", "skipped"],
            ["failed"],
            [],
        ]
        assert await bench.get(queued) == queued

    async def test_one_end_may_be_kept_longer_than_the_others(self, bench: Bench) -> None:
        await self._one_of_each(bench)
        bench.clock.advance(86_400 * 8)
        assert (await bench.store.prune(Retention(_WEEK, failed=timedelta(days=90)), 100)).deleted == 3
        assert [run.state for run in await bench.runs()] == [RunState.FAILED]

    async def test_a_batch_is_bounded_whatever_the_ends(self, bench: Bench) -> None:
        await self._one_of_each(bench)
        bench.clock.advance(86_400 * 8)
        assert [(await bench.store.prune(Retention(_WEEK), 3)).deleted for _ in range(3)] == [3, 1, 0]

    async def test_each_step_says_how_far_it_reached_and_the_next_goes_on_from_there(self, bench: Bench) -> None:
        """What was deleted need not be read again; what was left out is found by a step from the first."""
        made = [await bench.running() for _ in range(5)]
        old = sorted(made, key=lambda run: run.id)
        for run in old[1:]:
            await bench.settle(run)
        bench.clock.advance(86_400 * 6)
        await bench.settle(old[0])
        await self._one_of_each(bench)
        bench.clock.advance(86_400 * 2)
        first = await bench.store.prune(Retention(_WEEK), 2)
        assert (first.deleted, first.reached) == (2, {RunState.SUCCEEDED: old[2].id})
        second = await bench.store.prune(Retention(_WEEK), 2, {RunState.SUCCEEDED: old[3].id})
        assert (second.deleted, second.reached) == (1, {RunState.SUCCEEDED: old[4].id}), "nothing before it"
        bench.clock.advance(86_400 * 6)
        beyond = dict.fromkeys((RunState.SUCCEEDED, RunState.FAILED), old[4].id)
        third = await bench.store.prune(Retention(_WEEK), 100, beyond)
        assert third.deleted == 4
        assert set(third.reached) == {state for state in RunState if state.final}
        last = await bench.store.prune(Retention(_WEEK), 100)
        assert (last.deleted, last.reached) == (2, {RunState.SUCCEEDED: old[3].id}), "older than what was reached"

    async def _one_of_each(self, bench: Bench) -> None:
        """A run of each end, ended a second ago at the most."""
        await bench.settle(await bench.running())
        await bench.settle(await bench.running(), Outcome.FAILED, failed=True, error="no")
        await bench.store.cancel_run((await bench.enqueue()).id)
        await bench.schedule(trigger=Every(seconds=1))
        await bench.fire_after(1, no_fire(Reason.OVERLAP))
        await bench.store.edit_schedule("s", pausing(None))

    async def test_nodes_that_are_gone_for_a_day_are_forgotten(self, bench: Bench) -> None:
        for node in ("dead", "stopped", "silent", "recent"):
            await bench.node(node)
        await bench.kill("dead")
        await bench.store.retire_node("stopped")
        bench.clock.advance(86_400)
        await bench.node("recent-too")
        await bench.store.retire_node("recent-too")
        bench.clock.advance(3600)
        await bench.store.prune(Retention(_WEEK), 100)
        left = {node.id for node in await bench.store.list_nodes()}
        assert not left & {"dead", "stopped"}
        assert left >= {"silent", "recent", "recent-too"}, "a lease that ran out is not a death"

    async def test_nodes_that_left_a_moment_ago_are_kept(self, bench: Bench) -> None:
        await bench.node("stopped")
        await bench.store.retire_node("stopped")
        bench.clock.advance(80_000)
        await bench.store.prune(Retention(_WEEK), 100)
        assert ids(await bench.store.list_nodes()) == ["stopped"]

    async def test_a_run_may_outlive_the_node_that_ran_it(self, bench: Bench) -> None:
        run = await bench.running("a")
        await bench.settle(run)
        await bench.store.retire_node("a")
        bench.clock.advance(86_400 * 2)
        await bench.store.prune(Retention(_WEEK), 100)
        assert list(await bench.store.list_nodes()) == []
        assert (await bench.get(run)).node_id == "a"
