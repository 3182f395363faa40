"""Jitter of fires that wait for their turn: it counts from the fire, whenever the turn comes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.model.editing import updating
from hourbell.model.jitter import start_of
from hourbell.model.policies import Policies
from hourbell.model.run_state import Outcome
from hourbell.testing.conformance.overlapping import buffered, fires, trigger
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from hourbell.testing.conformance.bench import Bench


class JitterConformance(Conformance):
    """When a run whose turn has come may start."""

    async def test_a_buffered_fire_starts_no_sooner_than_its_jitter_has_it(self, bench: Bench) -> None:
        await buffered(bench, jitter=3600)
        first, second = await fires(bench, 2)
        assert first.fire_at is not None
        assert second.fire_at is not None
        assert first.run_at is not None
        assert first.run_at > first.fire_at
        start = start_of("s", second.fire_at, Policies(jitter=timedelta(hours=1)))
        bench.clock.advance((first.run_at - bench.now).total_seconds())
        (running,) = await bench.claim()
        before = bench.now
        await bench.settle(running)
        assert (await bench.get(second)).run_at == max(start, before)

    async def test_a_buffered_fire_that_has_waited_longer_than_its_jitter_starts_at_once(self, bench: Bench) -> None:
        await buffered(bench, jitter=2)
        _, second = await fires(bench, 2)
        bench.clock.advance(3600)
        (running,) = await bench.claim()
        await bench.settle(running)
        assert (await bench.get(second)).run_at == bench.now

    async def test_each_of_several_that_go_at_once_has_its_own_jitter(self, bench: Bench) -> None:
        await buffered(bench, jitter=3600)
        made = await fires(bench, 5)
        await bench.store.edit_schedule("s", updating(policies={"max_running": 5}))
        policies = Policies(jitter=timedelta(hours=1))
        starts = [start_of("s", run.fire_at, policies) for run in made if run.fire_at is not None]
        assert [run.run_at for run in await bench.runs()] == [max(start, bench.now) for start in starts]

    async def test_what_is_asked_for_by_hand_or_was_tried_before_is_not_put_off(self, bench: Bench) -> None:
        await buffered(bench, "buffer_all", jitter=3600)
        (first,) = await fires(bench)
        assert first.run_at is not None
        asked = await trigger(bench)
        bench.clock.advance((first.run_at - bench.now).total_seconds())
        (running,) = await bench.claim()
        await bench.settle(running, Outcome.FAILED)
        assert (await bench.get(asked)).run_at == bench.now
        await bench.store.cancel_run(asked.id)
        assert (await bench.store.retry_run(first.id)).run_at == bench.now
