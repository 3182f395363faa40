"""Looks at what changes: what is new, what is running, what is asked for by name, and no more than that."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.model.audit import Act, Action
from hourbell.model.change import RunSeen, ScheduleSeen
from hourbell.model.editing import pausing
from hourbell.model.ids import least_run_id, new_run_id
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from hourbell.store.protocol import StoreVerbs
    from hourbell.testing.conformance.bench import Bench

_NEVER = "ffffffff-ffff-7fff-bfff-ffffffffffff"


def _by(bench: Bench, action: Action) -> StoreVerbs:
    return bench.store.audited(Act(id=new_run_id(bench.now), action=action))


class LookingConformance(Conformance):
    """`WatchStore`."""

    async def test_a_run_is_seen_as_it_stands(self, bench: Bench) -> None:
        await bench.schedule("s")
        run = await bench.running(schedule_id="s")
        (seen,) = await bench.store.see_runs(least_run_id(bench.now - timedelta(seconds=9)), [], 10)
        assert seen == RunSeen(
            id=run.id, schedule_id="s", task=run.task, state="running", attempt=run.attempt, reason=None
        )

    async def test_new_ones_running_ones_and_named_ones_are_seen_once_each(self, bench: Bench) -> None:
        running = await bench.running()
        old = [await bench.enqueue() for _ in range(2)]
        bench.clock.advance(60)
        since = least_run_id(bench.now)
        bench.clock.advance(1)
        new = await bench.enqueue()
        seen = await bench.store.see_runs(since, [new.id, running.id], 10)
        assert sorted(one.id for one in seen) == sorted([running.id, new.id])
        seen = await bench.store.see_runs(_NEVER, [old[0].id, "nobody", least_run_id(bench.now)], 10)
        assert {one.id for one in seen} == {old[0].id, running.id}

    async def test_a_look_at_runs_is_bounded(self, bench: Bench) -> None:
        runs = []
        for _ in range(5):
            bench.clock.advance(1)
            runs.append(await bench.enqueue())
        seen = await bench.store.see_runs(least_run_id(bench.now - timedelta(seconds=60)), [], 3)
        assert {one.id for one in seen} == {run.id for run in runs[-3:]}, "the newest"

    async def test_what_waits_is_seen_when_it_is_asked_for(self, bench: Bench) -> None:
        waits = [await bench.enqueue() for _ in range(3)]
        assert await bench.store.see_runs(_NEVER, [], 10) == []
        seen = await bench.store.see_runs(_NEVER, [], 10, waiting=True)
        assert {one.id for one in seen} == {run.id for run in waits}
        assert len(await bench.store.see_runs(_NEVER, [], 2, waiting=True)) == 2

    async def test_an_old_run_is_seen_by_what_was_done_to_it(self, bench: Bench) -> None:
        await bench.schedule("s")
        cancelled, quiet = await bench.enqueue(), await bench.enqueue()
        bench.clock.advance(60)
        since = least_run_id(bench.now)
        assert await bench.store.see_runs(since, [], 10) == []
        bench.clock.advance(1)
        await _by(bench, Action.CANCEL).cancel_run(cancelled.id)
        await _by(bench, Action.PAUSE).edit_schedule("s", pausing(None))
        (seen,) = await bench.store.see_runs(since, [], 10)
        assert (seen.id, seen.state) == (cancelled.id, "cancelled")
        assert (await bench.store.get_run(quiet.id)).state == "queued"

    async def test_schedules_are_seen_by_name_and_by_what_was_done_to_them(self, bench: Bench) -> None:
        for name in ("named", "paused", "removed", "quiet"):
            await bench.schedule(name)
        await _by(bench, Action.PAUSE).edit_schedule("quiet", pausing(None))
        bench.clock.advance(60)
        since = least_run_id(bench.now)
        bench.clock.advance(1)
        await _by(bench, Action.PAUSE).edit_schedule("paused", pausing(None))
        await _by(bench, Action.REMOVE).remove_schedule("removed")
        run = await bench.enqueue()
        await _by(bench, Action.CANCEL).cancel_run(run.id)
        seen = {one.id: one for one in await bench.store.see_schedules(since, ["named", "paused", "nobody"], 10)}
        assert seen.keys() == {"named", "paused", "removed", "nobody"}
        paused = await bench.store.get_schedule("paused")
        assert seen["paused"] == ScheduleSeen(
            id="paused", state="paused", revision=paused.revision, next_fire_at=paused.next_fire_at
        )
        assert seen["removed"] == ScheduleSeen(id="removed")
        assert seen["nobody"] == ScheduleSeen(id="nobody")

    async def test_a_look_at_schedules_is_bounded(self, bench: Bench) -> None:
        for number in range(5):
            await bench.schedule(f"s{number}")
            bench.clock.advance(1)
            await _by(bench, Action.PAUSE).edit_schedule(f"s{number}", pausing(None))
        seen = await bench.store.see_schedules(least_run_id(bench.now - timedelta(seconds=60)), [], 2)
        assert {one.id for one in seen} == {"s3", "s4"}
