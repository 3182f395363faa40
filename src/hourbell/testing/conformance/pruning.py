"""Pruning: what ended long ago goes, in small batches; what has not ended stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hourbell.errors import NotFound
from hourbell.model.run_state import Reason, RunState
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
        assert await bench.store.prune(_WEEK, 100) == 0
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
        assert await bench.store.prune(_WEEK, 100) == 1
        assert ids(await bench.runs()) == [recent.id]
        with pytest.raises(NotFound):
            await bench.get(old)
        assert await bench.attempts(old) == []
        assert (await bench.enqueue(key="k")).state is RunState.QUEUED, "its key is free again"

    async def test_retention_counts_from_the_end(self, bench: Bench) -> None:
        run = await bench.running()
        bench.clock.advance(_WEEK.total_seconds() * 2)
        await bench.settle(run)
        assert await bench.store.prune(_WEEK, 100) == 0
        bench.clock.advance(_WEEK.total_seconds() + 1)
        assert await bench.store.prune(_WEEK, 100) == 1

    async def test_what_has_not_ended_stays_however_old(self, bench: Bench) -> None:
        running = await bench.running()
        queued = await bench.enqueue()
        bench.clock.advance(_WEEK.total_seconds() * 9)
        assert await bench.store.prune(_WEEK, 100) == 0
        assert {run.id for run in await bench.runs()} == {running.id, queued.id}

    async def test_every_end_is_pruned(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(hours=1))
        await bench.fire_after(3600, no_fire(Reason.OVERLAP))
        await bench.store.cancel_run((await bench.enqueue()).id)
        await bench.settle(await bench.running())
        bench.clock.advance(_WEEK.total_seconds() + 1)
        assert await bench.store.prune(_WEEK, 100) == 3
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
            assert await bench.store.prune(_WEEK, 2) == expected
            left.append(set(ids(await bench.runs())))
        assert left == [set(ids(runs[2:])), set(ids(runs[4:])), set(), set()]

    async def test_a_fire_whose_row_is_gone_does_not_fire_again(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10))
        await bench.fire_after(10, no_fire(Reason.OVERLAP))
        bench.clock.advance(5)
        assert await bench.store.prune(timedelta(seconds=1), 100) == 1
        bench.clock.bend(-12)
        assert (await bench.fire()).locked == 0
        bench.clock.advance(5)
        assert (await bench.fire()).locked == 0
        assert await bench.runs() == []

    async def test_nodes_that_are_gone_for_a_day_are_forgotten(self, bench: Bench) -> None:
        for node in ("dead", "stopped", "silent", "recent"):
            await bench.node(node)
        await bench.kill("dead")
        await bench.store.retire_node("stopped")
        bench.clock.advance(86_400)
        await bench.node("recent-too")
        await bench.store.retire_node("recent-too")
        bench.clock.advance(3600)
        await bench.store.prune(_WEEK, 100)
        left = {node.id for node in await bench.store.list_nodes()}
        assert not left & {"dead", "stopped"}
        assert left >= {"silent", "recent", "recent-too"}, "a lease that ran out is not a death"

    async def test_nodes_that_left_a_moment_ago_are_kept(self, bench: Bench) -> None:
        await bench.node("stopped")
        await bench.store.retire_node("stopped")
        bench.clock.advance(80_000)
        await bench.store.prune(_WEEK, 100)
        assert ids(await bench.store.list_nodes()) == ["stopped"]

    async def test_a_run_may_outlive_the_node_that_ran_it(self, bench: Bench) -> None:
        run = await bench.running("a")
        await bench.settle(run)
        await bench.store.retire_node("a")
        bench.clock.advance(86_400 * 2)
        await bench.store.prune(_WEEK, 100)
        assert list(await bench.store.list_nodes()) == []
        assert (await bench.get(run)).node_id == "a"
