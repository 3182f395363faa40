"""The ledger: every due time that did not run says why, in rows that grow while the reason stays the same."""

from __future__ import annotations

from datetime import timedelta

from hourbell.model.editing import pausing, resuming
from hourbell.model.retention import Retention
from hourbell.model.run_state import Origin, Reason, RunState
from hourbell.testing.conformance.bench import TASK, Bench
from hourbell.testing.conformance.planners import every_fire, in_turn, latest_fire, no_fire
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import Every

_OVERLAP = no_fire(Reason.OVERLAP)
_BLACKOUT = no_fire(Reason.BLACKOUT)


async def _rows(bench: Bench) -> list[tuple[float, float, int, str]]:
    """The skipped rows: first and last due time they cover, in seconds from now, how many, and why."""
    return [
        (
            (run.fire_at - bench.now).total_seconds(),
            (run.covers_until - bench.now).total_seconds(),
            run.covers_count,
            run.reason or "",
        )
        for run in await bench.runs(state=RunState.SKIPPED)
        if run.fire_at and run.covers_until and run.covers_count
    ]


class SkippingConformance(Conformance):
    """What `ScheduleStore.fire_due` and `edit_schedule` write about due times that do not run."""

    async def test_a_skip_is_a_final_row_with_its_reason(self, bench: Bench) -> None:
        await bench.schedule(args={"n": 1})
        report = await bench.fire_after(1, _OVERLAP)
        (run,) = await bench.runs()
        assert (run.state, run.reason, run.origin) == (RunState.SKIPPED, Reason.OVERLAP, Origin.FIRE)
        assert (run.schedule_id, run.task, run.args) == ("s", TASK, {"n": 1})
        assert (run.fire_at, run.covers_until, run.covers_count) == (bench.now, bench.now, 1)
        assert (run.finished_at, run.attempt, run.node_id, run.started_at) == (bench.now, 0, None, None)
        assert report.fired == ()
        assert [(name, skip.reason) for name, skip in report.skipped] == [("s", Reason.OVERLAP)]

    async def test_a_gap_is_one_row(self, bench: Bench) -> None:
        await bench.schedule()
        report = await bench.fire_after(100, latest_fire)
        assert await _rows(bench) == [(-99, -1, 99, Reason.COALESCED)]
        assert len(report.fired) == 1
        assert [skip.covers_count for _, skip in report.skipped] == [99]

    async def test_skips_for_one_reason_grow_one_row(self, bench: Bench) -> None:
        await bench.schedule()
        for _ in range(3):
            await bench.fire_after(2, _OVERLAP)
        assert await _rows(bench) == [(-5, 0, 6, Reason.OVERLAP)]
        (run,) = await bench.runs()
        assert run.finished_at == bench.now, "retention counts from the last due time that the row covers"

    async def test_another_reason_begins_another_row(self, bench: Bench) -> None:
        await bench.schedule()
        for plan in (_OVERLAP, _BLACKOUT, _OVERLAP, _OVERLAP):
            await bench.fire_after(1, plan)
        assert await _rows(bench) == [(-3, -3, 1, "overlap"), (-2, -2, 1, "blackout"), (-1, 0, 2, "overlap")]

    async def test_a_run_between_begins_another_row(self, bench: Bench) -> None:
        await bench.schedule()
        for plan in (_OVERLAP, every_fire, _OVERLAP, _OVERLAP):
            await bench.fire_after(1, plan)
        assert await _rows(bench) == [(-3, -3, 1, "overlap"), (-1, 0, 2, "overlap")]

    async def test_each_schedule_grows_its_own_row(self, bench: Bench) -> None:
        for name in ("a", "b"):
            await bench.schedule(name)
        for _ in range(2):
            await bench.fire_after(1, _OVERLAP)
        assert await _rows(bench) == [(-1, 0, 2, "overlap")] * 2
        assert {run.schedule_id for run in await bench.runs()} == {"a", "b"}

    async def test_skips_of_one_plan_grow_together(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.fire_after(3, in_turn(Reason.OVERLAP, Reason.OVERLAP, Reason.OVERLAP))
        assert await _rows(bench) == [(-2, 0, 3, "overlap")]
        await bench.fire_after(3, in_turn(Reason.OVERLAP, Reason.OVERLAP, Reason.OVERLAP))
        assert await _rows(bench) == [(-5, 0, 6, "overlap")]

    async def test_a_plan_is_written_in_the_order_of_its_fires(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.fire_after(1, _OVERLAP)
        await bench.fire_after(5, in_turn(Reason.OVERLAP, None, Reason.OVERLAP, Reason.BLACKOUT, Reason.OVERLAP))
        expected = [(-5, -4, 2, "overlap"), (-2, -2, 1, "overlap"), (-1, -1, 1, "blackout"), (0, 0, 1, "overlap")]
        assert await _rows(bench) == expected
        await bench.fire_after(1, _OVERLAP)
        assert (await _rows(bench))[-1] == (-1, 0, 2, "overlap"), "the last row of the plan goes on"
        assert len(await _rows(bench)) == 4

    async def test_a_run_at_the_end_of_a_plan_ends_the_row(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.fire_after(2, in_turn(Reason.OVERLAP, None))
        await bench.fire_after(1, _OVERLAP)
        assert await _rows(bench) == [(-2, -2, 1, "overlap"), (0, 0, 1, "overlap")]

    async def test_a_run_by_hand_is_no_due_time(self, bench: Bench) -> None:
        await bench.schedule(policies={"overlap": "allow"})
        await bench.fire_after(1, _OVERLAP)
        await bench.enqueue(schedule_id="s")
        await bench.fire_after(1, _OVERLAP)
        assert await _rows(bench) == [(-1, 0, 2, "overlap")]

    async def test_a_row_that_was_pruned_is_not_needed(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=3600))
        await bench.fire_after(3600, _OVERLAP)
        bench.clock.advance(1800)
        assert (await bench.store.prune(Retention(timedelta(minutes=10)), 100)).deleted == 1
        await bench.fire_after(1800, _OVERLAP)
        assert await _rows(bench) == [(0, 0, 1, "overlap")], "a due time without a row would be lost"

    async def test_what_a_pause_passed_over_is_one_row(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.store.edit_schedule("s", pausing("holiday"))
        bench.clock.advance(10)
        await bench.store.edit_schedule("s", resuming())
        assert await _rows(bench) == [(-9, 0, 10, "paused")]
        schedule = await bench.store.get_schedule("s")
        assert (schedule.last_fire_at, schedule.next_fire_at) == (bench.now, bench.later(1))

    async def test_a_pause_after_a_pause_grows_its_row(self, bench: Bench) -> None:
        await bench.schedule()
        for _ in range(2):
            await bench.store.edit_schedule("s", pausing(None))
            bench.clock.advance(5)
            await bench.store.edit_schedule("s", resuming())
        assert await _rows(bench) == [(-9, 0, 10, "paused")]
        await bench.fire_after(1, _OVERLAP)
        assert (await _rows(bench))[1:] == [(0, 0, 1, "overlap")]

    async def test_a_pause_that_passed_over_nothing_leaves_nothing(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10))
        await bench.store.edit_schedule("s", pausing(None))
        bench.clock.advance(5)
        await bench.store.edit_schedule("s", resuming())
        assert await bench.runs() == []
        await bench.fire_after(5)
        assert [run.fire_at for run in await bench.runs()] == [bench.now]

    async def test_every_due_time_stands_in_exactly_one_row(self, bench: Bench) -> None:
        await bench.schedule()
        begun = bench.now
        for step, plan in enumerate((every_fire, latest_fire, _OVERLAP, _OVERLAP, latest_fire, _BLACKOUT, every_fire)):
            await bench.fire_after(1 + step, plan)
        told: list[float] = []
        for run in await bench.runs():
            assert run.fire_at
            first = (run.fire_at - begun).total_seconds()
            told.extend(first + more for more in range(run.covers_count or 1))
        assert told == list(range(1, 1 + int((bench.now - begun).total_seconds())))
