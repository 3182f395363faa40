"""Backfills: runs for due times that have passed, behind the schedule's own fires."""

from __future__ import annotations

from typing import Any

import pytest

from hourbell.errors import Conflict, NotFound
from hourbell.model.editing import pausing
from hourbell.model.run_state import Reason, RunState
from hourbell.testing.conformance.bench import Bench, ids
from hourbell.testing.conformance.overlapping import by_policy, fires, trigger, waits
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import Every

_MARCH = "backfill:march"


class BackfillingConformance(Conformance):
    """`ScheduleStore.backfill`, and the turns of what it makes."""

    async def test_each_due_time_gets_a_run_once(self, bench: Bench) -> None:
        await self._schedule(bench)
        assert await self._backfill(bench, 3) == 3
        assert await self._backfill(bench, 5) == 2
        runs = await bench.runs()
        assert [run.fire_at for run in runs] == [bench.later(-seconds) for seconds in (5, 4, 3, 2, 1)]
        assert {(run.origin, run.state) for run in runs} == {(_MARCH, RunState.QUEUED)}
        assert await self._backfill(bench, 2, "backfill:april") == 2

    async def test_a_time_that_has_fired_gets_its_run_all_the_same(self, bench: Bench) -> None:
        await self._schedule(bench)
        (fire,) = await fires(bench)
        assert fire.fire_at is not None
        assert await bench.store.backfill("s", _MARCH, [fire.fire_at]) == 1

    async def test_the_run_is_as_its_fire_would_be(self, bench: Bench) -> None:
        await self._schedule(bench, policies={"queue": "slow", "priority": 3, "on_lost": "fail"}, args={"n": 1})
        await self._backfill(bench, 1)
        (run,) = await bench.runs()
        assert (run.queue, run.priority, run.on_lost, run.args) == ("slow", 3, "fail", {"n": 1})

    @pytest.mark.parametrize("overlap", ["skip", "buffer_one", "buffer_all", "cancel_other", "allow"])
    async def test_they_run_in_order_so_many_at_once(self, bench: Bench, overlap: str) -> None:
        await self._schedule(bench, policies={"overlap": overlap, "max_running": 2})
        await self._backfill(bench, 5)
        expected = ids(await bench.runs())
        assert [waits(run) for run in await bench.runs()] == [False, False, True, True, True]
        ran = []
        held = await bench.claim()
        while held:
            assert len(held) <= 2
            ran.append(held[0].id)
            await bench.settle(held.pop(0))
            held += await bench.claim()
        assert ran == expected

    @pytest.mark.parametrize("overlap", ["skip", "buffer_one", "buffer_all", "cancel_other"])
    async def test_a_fire_waits_for_the_one_that_runs_and_goes_before_the_rest(
        self, bench: Bench, overlap: str
    ) -> None:
        await self._schedule(bench, policies={"overlap": overlap})
        await self._backfill(bench, 3)
        (first,) = await bench.claim()
        (fire,) = [run for run in await fires(bench) if run.origin == "fire"]
        assert waits(fire)
        assert (await bench.get(first)).cancel_requested_at is None
        await bench.settle(first)
        (second,) = await bench.claim()
        assert second.id == fire.id, "the fire goes before the rest of the backfill"
        await bench.settle(second)
        (third,) = await bench.claim()
        assert third.origin == _MARCH

    async def test_a_fire_does_not_wait_where_overlap_is_allowed(self, bench: Bench) -> None:
        await self._schedule(bench, policies={"overlap": "allow"})
        await self._backfill(bench, 3)
        (fire,) = [run for run in await fires(bench) if run.origin == "fire"]
        assert fire.run_at == fire.fire_at
        assert len(await bench.claim()) == 2

    async def test_a_second_fire_is_judged_by_the_first_and_not_by_the_backfill(self, bench: Bench) -> None:
        await self._schedule(bench)
        await self._backfill(bench, 2)
        await bench.claim()
        first, second = [run for run in await fires(bench, 2) if run.origin == "fire"]
        assert (second.reason, second.yielded_to) == (Reason.OVERLAP, first.id)

    async def test_a_backfill_waits_for_what_runs(self, bench: Bench) -> None:
        await self._schedule(bench)
        await fires(bench)
        (running,) = await bench.claim()
        await self._backfill(bench, 1)
        assert await bench.claim() == []
        await bench.settle(running)
        assert [run.origin for run in await bench.claim()] == [_MARCH]

    async def test_a_request_by_hand_goes_before_the_rest(self, bench: Bench) -> None:
        await self._schedule(bench)
        await self._backfill(bench, 2)
        (first,) = await bench.claim()
        asked = await trigger(bench)
        await bench.settle(first)
        assert ids(await bench.claim()) == [asked.id]

    async def test_a_retry_waits_among_its_own(self, bench: Bench) -> None:
        await self._schedule(bench, policies={"overlap": "allow"})
        await self._backfill(bench, 2)
        (first,) = await bench.claim()
        await bench.settle(first)
        (second,) = await bench.claim()
        assert waits(await bench.store.retry_run(first.id))
        await bench.settle(second)
        assert ids(await bench.claim()) == [first.id]

    async def test_a_pause_ends_what_has_not_started(self, bench: Bench) -> None:
        await self._schedule(bench)
        await self._backfill(bench, 3)
        await bench.claim()
        await bench.store.edit_schedule("s", pausing(None))
        assert [run.reason for run in await bench.runs()] == [None, Reason.PAUSED, Reason.PAUSED]
        with pytest.raises(Conflict, match="paused"):
            await self._backfill(bench, 9)

    async def test_removal_ends_what_has_not_started(self, bench: Bench) -> None:
        await self._schedule(bench)
        await self._backfill(bench, 2)
        await bench.store.remove_schedule("s")
        assert {run.reason for run in await bench.runs()} == {Reason.REMOVED}
        with pytest.raises(NotFound):
            await self._backfill(bench, 1)

    async def test_a_node_that_dies_with_one_of_them_does_not_end_it(self, bench: Bench) -> None:
        await self._schedule(bench)
        await self._backfill(bench, 2)
        (first,) = await bench.claim()
        await bench.kill("a")
        await bench.node("b")
        (again,) = await bench.claim("b")
        assert (again.id, again.attempt) == (first.id, 2)

    async def _schedule(self, bench: Bench, **fields: Any) -> None:
        await bench.node()
        await bench.schedule(trigger=Every(seconds=1, start=bench.later(-60)), **fields)
        await bench.fire_after(0, by_policy)

    async def _backfill(self, bench: Bench, count: int, origin: str = _MARCH) -> int:
        return await bench.store.backfill("s", origin, [bench.later(-seconds) for seconds in range(1, count + 1)])
