"""Catching up: what an outage of every node leaves behind, by the product's own planner, and how fast it is started."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from hourbell.engine.planning import plan_fires
from hourbell.model.run_state import Reason, RunState
from hourbell.testing.conformance.bench import LEASE, Bench
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import At, Cron, Every

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.model.run import Run
    from hourbell.triggers import Trigger

_plan = partial(plan_fires, lease=LEASE)
_ten_a_second = partial(plan_fires, lease=LEASE, apart=timedelta(milliseconds=100))
_HOURLY: Mapping[str, Trigger] = {"cron": Cron("0 * * * *"), "every": Every(hours=1)}


def _told(runs: list[Run]) -> list[tuple[str, int]]:
    """What each row says, oldest first: how it stands and for how many due times."""
    return [(run.reason or run.state.value, run.covers_count or 1) for run in runs]


class CatchingUpConformance(Conformance):
    """`catch_up` and `grace` after an outage, on triggers of each kind; and the pace of what is caught up."""

    @pytest.mark.parametrize("kind", list(_HOURLY))
    @pytest.mark.parametrize(
        "policies, told",
        [
            ({}, [("coalesced", 2), ("queued", 1)]),
            ({"catch_up": "latest"}, [("coalesced", 2), ("queued", 1)]),
            ({"catch_up": "skip"}, [("missed", 3)]),
            ({"catch_up": "all", "overlap": "allow"}, [("queued", 1)] * 3),
            ({"catch_up": "all", "overlap": "buffer_all"}, [("queued", 1)] * 3),
            ({"catch_up": "all"}, [("queued", 1), ("overlap", 2)]),
            (
                {"catch_up": "all", "catch_up_limit": 2, "overlap": "allow"},
                [("catch_up_limit", 1), ("queued", 1), ("queued", 1)],
            ),
            ({"grace": 60.0}, [("missed", 3)]),
            ({"grace": 1800.0}, [("missed", 2), ("queued", 1)]),
            (
                {"grace": 2.0 * 3600, "catch_up": "all", "overlap": "allow"},
                [("missed", 1), ("queued", 1), ("queued", 1)],
            ),
            ({"grace": 2.0 * 3600}, [("missed", 1), ("coalesced", 1), ("queued", 1)]),
        ],
    )
    async def test_three_hours_down(
        self, bench: Bench, kind: str, policies: dict[str, Any], told: list[tuple[str, int]]
    ) -> None:
        bench.clock.advance(to=datetime(2030, 5, 5, 12, tzinfo=UTC))
        await bench.schedule(trigger=_HOURLY[kind], policies=policies)
        await bench.fire_after(3 * 3600 + 900, _plan)
        runs = await bench.runs()
        assert _told(runs) == told
        assert sum(run.covers_count or 1 for run in runs) == 3, "each of the three hours stands in one row"
        last = runs[-1].covers_until or runs[-1].fire_at
        assert last == datetime(2030, 5, 5, 15, tzinfo=UTC)
        schedule = await bench.store.get_schedule("s")
        assert schedule.next_fire_at == datetime(2030, 5, 5, 16, tzinfo=UTC)
        assert (await bench.fire(_plan)).locked == 0

    @pytest.mark.parametrize(
        "policies, late, told",
        [
            ({}, 10, [("queued", 1)]),
            ({}, 86_400, [("queued", 1)]),
            ({"catch_up": "all"}, 86_400, [("queued", 1)]),
            ({"catch_up": "skip"}, 86_400, [("missed", 1)]),
            ({"catch_up": "skip"}, 10, [("queued", 1)]),
            ({"grace": 60.0}, 86_400, [("missed", 1)]),
            ({"grace": 60.0}, 10, [("queued", 1)]),
        ],
    )
    async def test_a_one_off_that_nobody_was_there_for(
        self, bench: Bench, policies: dict[str, Any], late: float, told: list[tuple[str, int]]
    ) -> None:
        await bench.schedule(trigger=At(bench.later(5)), policies=policies)
        await bench.fire_after(5 + late, _plan)
        assert _told(await bench.runs()) == told
        assert (await bench.store.get_schedule("s")).state == "finished"

    @pytest.mark.parametrize("trigger", [Every(seconds=1), Cron("* * * * * *")], ids=["every", "cron"])
    async def test_a_long_outage_of_a_fast_schedule_is_one_run_and_one_row(
        self, bench: Bench, trigger: Trigger
    ) -> None:
        await bench.schedule(trigger=trigger)
        await bench.fire_after(30 * 86_400, _plan)
        skipped, ran = await bench.runs()
        assert (skipped.reason, ran.fire_at) == (Reason.COALESCED, bench.now)
        assert (skipped.covers_count or 0) >= 10_000, "counted up to a bound, never walked"

    async def test_what_is_a_moment_late_is_not_missed(self, bench: Bench) -> None:
        await bench.schedule(policies={"catch_up": "skip", "overlap": "allow"})
        await bench.fire_after(14, _plan)
        assert _told(await bench.runs()) == [("queued", 1)] * 14

    async def test_what_was_caught_up_is_not_caught_up_again(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(hours=1), policies={"catch_up": "all", "overlap": "allow"})
        await bench.fire_after(3 * 3600, _plan)
        await bench.fire_after(3600, _plan)
        assert _told(await bench.runs()) == [("queued", 1)] * 4

    # The pace

    async def test_many_schedules_are_caught_up_one_after_the_other(self, bench: Bench) -> None:
        for number in range(25):
            await bench.schedule(f"s{number:02}", trigger=Every(hours=1))
        bench.clock.advance(5 * 3600)
        other = await bench.twin()
        while (await bench.fire(_ten_a_second, limit=7)).locked:
            await other.fire_due(6, _ten_a_second)
        starts = sorted(run.run_at for run in await bench.runs(state=RunState.QUEUED) if run.run_at is not None)
        assert starts[0] <= bench.now, "the first need not wait"
        assert starts[1:] == [bench.later(number / 10) for number in range(1, 25)]

    async def test_the_line_is_empty_again_after_a_while(self, bench: Bench) -> None:
        for name in ("a", "b"):
            await bench.schedule(name, trigger=Every(hours=1))
        await bench.fire_after(3 * 3600, _ten_a_second)
        await bench.fire_after(3 * 3600, _ten_a_second)
        late = [run.run_at for run in await bench.runs(state=RunState.QUEUED) if run.run_at and run.run_at > bench.now]
        assert late == [], "overlap skipped them: nothing was caught up, nothing has to wait"

    async def test_what_is_late_and_not_missed_waits_for_nobody(self, bench: Bench) -> None:
        for name in ("a", "b", "c"):
            await bench.schedule(name, trigger=Every(seconds=10))
        await bench.fire_after(20, _ten_a_second)
        assert all(run.run_at == run.fire_at for run in await bench.runs(state=RunState.QUEUED))

    async def test_the_line_is_at_most_an_hour_long(self, bench: Bench) -> None:
        slow = partial(plan_fires, lease=LEASE, apart=timedelta(minutes=30))
        for number in range(6):
            await bench.schedule(str(number), trigger=Every(hours=1))
            bench.clock.advance(0.001)
        bench.clock.advance(5 * 3600)
        for _ in range(6):
            await bench.fire(slow, limit=1)
        starts = [run.run_at for run in await bench.runs(state=RunState.QUEUED)]
        assert max(start for start in starts if start is not None) == bench.later(3600)

    async def test_no_line_makes_a_fire_missed_that_was_within_its_grace(self, bench: Bench) -> None:
        await bench.node(lease=timedelta(hours=2))
        for number in range(12):
            await bench.schedule(str(number), trigger=Every(hours=1), policies={"grace": 60})
        slow = partial(plan_fires, lease=LEASE, apart=timedelta(seconds=10))
        await bench.fire_after(3600 + 40, slow)
        starts = sorted(run.run_at for run in await bench.runs(state=RunState.QUEUED) if run.run_at is not None)
        assert starts == [bench.later(-40), *[bench.later(10)] * 11]
        bench.clock.advance(11)
        assert len(await bench.claim()) == 12

    async def test_a_jump_of_the_clock_does_not_lengthen_the_line(self, bench: Bench) -> None:
        await bench.schedule("a", trigger=Every(hours=1))
        await bench.fire_after(365 * 86_400, _ten_a_second)
        bench.clock.bend(-364 * 86_400)
        await bench.schedule("b", trigger=Every(hours=1))
        await bench.fire_after(3 * 3600, _ten_a_second)
        (run,) = await bench.runs(schedule_id="b", state=RunState.QUEUED)
        assert run.run_at is not None
        assert run.run_at <= bench.later(3600)

    async def test_what_waits_for_its_turn_takes_no_place(self, bench: Bench) -> None:
        await bench.schedule("a", trigger=Every(hours=1), policies={"catch_up": "all", "overlap": "buffer_all"})
        await bench.fire_after(4 * 3600, _ten_a_second)
        await bench.schedule("b", trigger=Every(seconds=1))
        await bench.fire_after(20, _ten_a_second)
        (run,) = await bench.runs(schedule_id="b", state=RunState.QUEUED)
        assert run.run_at == run.fire_at
