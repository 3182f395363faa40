"""Firing: a due schedule becomes runs, once, and its cursor moves on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from hourbell.errors import StoreRejected
from hourbell.model.editing import Edit, pausing, updating
from hourbell.model.plan import Fired, FirePlan, PlannedRun
from hourbell.model.run_state import Origin, Outcome, Reason, RunState
from hourbell.model.schedule import ScheduleState, Source
from hourbell.testing.conformance.bench import LEASE, TASK, Bench, ids
from hourbell.testing.conformance.planners import (
    every_fire,
    latest_fire,
    no_fire,
    noting,
    planned,
    with_grace,
)
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import At, Every

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.plan import FireFacts
    from hourbell.model.schedule import Schedule


class FiringConformance(Conformance):
    """`ScheduleStore.fire_due`, but for what is skipped and for races."""

    async def test_no_schedule_is_due(self, bench: Bench) -> None:
        await bench.schedule()
        report = await bench.fire()
        assert (report.now, report.locked, report.fired, report.skipped, report.unreadable) == (
            bench.now,
            0,
            (),
            (),
            (),
        )
        assert await bench.runs() == []

    async def test_a_fire_becomes_a_queued_run(self, bench: Bench) -> None:
        await bench.schedule(args={"to": "x", "n": [1, None, {"ü": 0.5}]})
        report = await bench.fire_after(1)
        (run,) = await bench.runs()
        assert report.fired == (Fired(run.id, "s", TASK, "default", bench.now, bench.now),)
        assert (run.task, run.schedule_id, run.args) == (TASK, "s", {"to": "x", "n": [1, None, {"ü": 0.5}]})
        assert (run.state, run.origin, run.reason, run.attempt) == (RunState.QUEUED, Origin.FIRE, None, 0)
        assert (run.created_at, run.fire_at, run.run_at, run.start_by) == (bench.now, bench.now, bench.now, None)
        assert (run.covers_until, run.covers_count, run.finished_at, run.node_id) == (None, None, None, None)

    async def test_the_run_takes_the_policies_that_the_schedule_inherits(self, bench: Bench) -> None:
        inherited = {"queue": "slow", "priority": 5, "lost_limit": 2}
        await bench.schedule(inherited=inherited, policies={"priority": -3, "on_lost": "fail"})
        await bench.schedule("plain")
        await bench.fire_after(1)
        (run,) = await bench.runs(schedule_id="s")
        assert (run.queue, run.priority, run.on_lost, run.lost_limit) == ("slow", -3, "fail", 2)
        (plain,) = await bench.runs(schedule_id="plain")
        assert (plain.queue, plain.priority, plain.on_lost, plain.lost_limit) == ("default", 0, "retry", 5)

    async def test_the_plan_decides_when_a_run_may_start(self, bench: Bench) -> None:
        def plan(schedule: Schedule, _facts: FireFacts, now: datetime) -> FirePlan:
            start = now + timedelta(minutes=3)
            return planned(schedule, (PlannedRun(now, start, start + timedelta(hours=1)),), (), now)

        await bench.schedule()
        report = await bench.fire_after(1, plan)
        (run,) = await bench.runs()
        assert (run.fire_at, run.run_at, run.start_by) == (bench.now, bench.later(180), bench.later(3780))
        assert report.fired[0].run_at == bench.later(180)

    async def test_the_cursor_advances(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10))
        await bench.fire_after(10)
        schedule = await bench.store.get_schedule("s")
        assert (schedule.last_fire_at, schedule.next_fire_at) == (bench.now, bench.later(10))
        assert (await bench.fire()).locked == 0
        await bench.fire_after(10)
        assert [run.fire_at for run in await bench.runs()] == [bench.later(-10), bench.now]

    async def test_several_fires_at_once(self, bench: Bench) -> None:
        await bench.schedule()
        report = await bench.fire_after(3)
        assert sorted(fired.fire_at for fired in report.fired) == [bench.later(-2), bench.later(-1), bench.now]
        assert [run.fire_at for run in await bench.runs()] == [bench.later(-2), bench.later(-1), bench.now]

    async def test_a_fire_is_due_at_its_very_instant_and_not_before(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10))
        assert (await bench.fire_after(9.999999)).locked == 0
        assert (await bench.fire_after(0.000001)).locked == 1

    async def test_the_earliest_are_fired_first(self, bench: Bench) -> None:
        for name, seconds in (("z", 1), ("m", 3), ("a", 2)):
            await bench.schedule(name, trigger=Every(seconds=seconds))
        bench.clock.advance(5)
        first = await bench.fire(latest_fire, limit=2)
        assert first.locked == 2
        assert {fired.schedule_id for fired in first.fired} == {"z", "a"}
        assert {fired.schedule_id for fired in (await bench.fire(latest_fire, limit=2)).fired} == {"m"}

    async def test_of_none_at_all_nothing_is_locked(self, bench: Bench) -> None:
        await bench.schedule()
        bench.clock.advance(1)
        for beside in (False, True):
            report = await bench.store.fire_due(0, every_fire, beside=beside)
            assert (report.locked, report.fired, report.taken) == (0, (), ())
        assert (await bench.fire(limit=1)).locked == 1

    async def test_excluded_schedules_are_passed_over(self, bench: Bench) -> None:
        await bench.schedule("a")
        await bench.schedule("b")
        bench.clock.advance(1)
        report = await bench.store.fire_due(10, every_fire, exclude=["a", "it's none"])
        assert (report.locked, ids(await bench.runs(schedule_id="a"))) == (1, [])
        assert len(await bench.runs(schedule_id="b")) == 1
        assert (await bench.fire()).locked == 1

    async def test_what_is_not_active_does_not_fire(self, bench: Bench) -> None:
        await bench.schedule("paused", paused=True)
        await bench.schedule("stopped")
        await bench.schedule("ended", trigger=Every(seconds=1, start=bench.later(-9), end=bench.later(-1)))
        await bench.store.edit_schedule("stopped", pausing(None))
        assert (await bench.fire_after(60)).locked == 0

    async def test_a_schedule_ends_with_its_last_fire(self, bench: Bench) -> None:
        await bench.schedule(trigger=At(bench.later(5)))
        await bench.fire_after(5)
        schedule = await bench.store.get_schedule("s")
        assert (schedule.state, schedule.next_fire_at, schedule.last_fire_at) == (
            ScheduleState.FINISHED,
            None,
            bench.now,
        )
        assert (await bench.fire_after(60)).locked == 0
        assert len(await bench.runs()) == 1

    async def test_a_plan_may_set_the_schedule_aside(self, bench: Bench) -> None:
        def plan(schedule: Schedule, facts: FireFacts, now: datetime) -> FirePlan:
            return replace(no_fire(Reason.UNDECLARED)(schedule, facts, now), state=ScheduleState.UNDECLARED)

        await bench.schedule()
        await bench.fire_after(1, plan)
        assert (await bench.store.get_schedule("s")).state is ScheduleState.UNDECLARED
        assert (await bench.fire_after(5)).locked == 0

    async def test_unfinished_runs_are_counted_for_the_plan(self, bench: Bench) -> None:
        facts: dict[str, FireFacts] = {}
        await bench.schedule()
        await bench.fire_after(1, noting(facts))
        assert facts["s"].others.total == 0
        await bench.fire_after(1, noting(facts))
        assert facts["s"].others.total == 1
        await bench.node()
        running, waiting = await bench.claim()
        await bench.fail_and_retry(waiting, delay=3600)
        await bench.enqueue(schedule_id="s")
        await bench.fire_after(1, noting(facts))
        assert facts["s"].others.total == 3
        await bench.settle(running)
        await bench.fire_after(1, noting(facts))
        assert facts["s"].others.total == 3, "one has ended, one was fired"

    async def test_each_schedule_has_its_own_count(self, bench: Bench) -> None:
        facts: dict[str, FireFacts] = {}
        for name in ("a", "b"):
            await bench.schedule(name, trigger=Every(seconds=5))
        await bench.schedule("any", trigger=Every(seconds=5), policies={"overlap": "allow"})
        await bench.enqueue(schedule_id="b")
        await bench.enqueue(schedule_id="any")
        await bench.enqueue()
        await bench.fire_after(5, noting(facts))
        assert {name: facts[name].others.total for name in facts} == {"a": 0, "b": 1, "any": 0}

    async def test_overlap_is_inherited_too(self, bench: Bench) -> None:
        facts: dict[str, FireFacts] = {}
        await bench.schedule("a", inherited={"overlap": "allow"})
        await bench.schedule("b", inherited={"overlap": "allow"}, policies={"overlap": "skip"})
        for name in ("a", "b"):
            await bench.enqueue(schedule_id=name)
        await bench.fire_after(1, noting(facts))
        assert (facts["a"].others.total, facts["b"].others.total) == (0, 1)

    async def test_the_plan_learns_whether_the_code_still_declares(self, bench: Bench) -> None:
        facts: dict[str, FireFacts] = {}
        for node in ("a", "b"):
            await bench.node(node)
            await bench.store.declare(node, [bench.declaration("code")])
        await bench.schedule("call")
        await bench.fire_after(1, noting(facts))
        assert (facts["code"].declared, facts["call"].declared) == (True, True)
        await bench.store.retire_node("a")
        await bench.fire_after(1, noting(facts))
        assert facts["code"].declared, "another node is live"
        await bench.kill("b")
        await bench.fire_after(1, noting(facts))
        assert (facts["code"].declared, facts["call"].declared) == (False, True)

    async def test_a_node_that_leaves_a_schedule_out_declares_it_no_more(self, bench: Bench) -> None:
        facts: dict[str, FireFacts] = {}
        await bench.node()
        await bench.store.declare("a", [bench.declaration("old"), bench.declaration("kept")])
        await bench.store.declare("a", [bench.declaration("kept"), bench.declaration("new")])
        await bench.fire_after(1, noting(facts))
        assert {name: facts[name].declared for name in facts} == {"old": False, "kept": True, "new": True}

    async def test_what_cannot_be_planned_is_left_alone(self, bench: Bench) -> None:
        def plan(schedule: Schedule, facts: FireFacts, now: datetime) -> FirePlan | None:
            return None if schedule.id == "bad" else every_fire(schedule, facts, now)

        await bench.schedule("good")
        before = await bench.schedule("bad")
        report = await bench.fire_after(1, plan)
        assert (report.locked, report.unreadable) == (2, ("bad",))
        assert await bench.store.get_schedule("bad") == before
        assert [run.schedule_id for run in await bench.runs()] == ["good"]
        assert (await bench.fire()).fired[0].schedule_id == "bad", "another node can still fire it"

    async def test_what_another_version_wrote_stops_nobody(self, bench: Bench) -> None:
        def plan(schedule: Schedule, facts: FireFacts, now: datetime) -> FirePlan | None:
            try:
                _ = schedule.effective
                return every_fire(schedule, facts, now)
            except ValueError:
                return None

        await bench.schedule("good")
        await bench.schedule("policy", policies={"of_the_future": 1})
        await bench.schedule("trigger")
        await bench.store.edit_schedule(
            "trigger", lambda schedule, _: Edit(replace(schedule, trigger_spec={"kind": "moon"}))
        )
        report = await bench.fire_after(1, plan)
        assert sorted(report.unreadable) == ["policy", "trigger"]
        assert [fired.schedule_id for fired in report.fired] == ["good"]

    async def test_a_fire_that_is_recorded_already_is_not_recorded_twice(self, bench: Bench) -> None:
        grid = Every(seconds=10, start=bench.now)
        await bench.schedule(trigger=grid)
        await bench.fire_after(10)
        await bench.store.remove_schedule("s")
        bench.clock.bend(-5)
        await bench.schedule(trigger=grid)
        report = await bench.fire_after(15)
        assert [fired.fire_at for fired in report.fired] == [bench.now]
        assert [run.fire_at for run in await bench.runs()] == [bench.later(-10), bench.now]
        schedule = await bench.store.get_schedule("s")
        assert (schedule.last_fire_at, schedule.next_fire_at) == (bench.now, bench.later(10))

    async def test_a_clock_that_goes_back_fires_nothing_twice(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10))
        await bench.fire_after(10)
        before = await bench.store.get_schedule("s")
        bench.clock.bend(-3600)
        assert (await bench.fire()).locked == 0
        assert await bench.store.get_schedule("s") == before
        bench.clock.advance(3600 + 9)
        assert (await bench.fire()).locked == 0
        await bench.fire_after(1)
        assert [run.fire_at for run in await bench.runs()] == [bench.later(-10), bench.now]

    async def test_a_plan_that_would_stand_still_is_refused_whole(self, bench: Bench) -> None:
        def plan(schedule: Schedule, facts: FireFacts, now: datetime) -> FirePlan:
            good = every_fire(schedule, facts, now)
            return good if schedule.id == "good" else replace(good, next_fire_at=good.last_fire_at)

        before = [await bench.schedule(name) for name in ("good", "still")]
        bench.clock.advance(1)
        with pytest.raises(StoreRejected):
            await bench.fire(plan)
        assert [await bench.store.get_schedule(name) for name in ("good", "still")] == before
        assert await bench.runs() == []

    async def test_instants_are_kept_in_utc(self, bench: Bench) -> None:
        berlin = ZoneInfo("Europe/Berlin")

        def plan(schedule: Schedule, _facts: FireFacts, now: datetime) -> FirePlan:
            local = now.astimezone(berlin)
            upcoming = schedule.trigger.next_after(now)
            assert upcoming is not None
            return FirePlan((PlannedRun(local, local, local),), (), upcoming.astimezone(berlin), local)

        await bench.schedule()
        await bench.fire_after(1, plan)
        (run,), schedule = await bench.runs(), await bench.store.get_schedule("s")
        instants = (run.fire_at, run.run_at, run.start_by, schedule.last_fire_at, run.created_at)
        assert instants == (bench.now,) * 5
        assert {instant.utcoffset() for instant in instants} == {timedelta(0)}
        assert schedule.next_fire_at == bench.later(1)

    async def test_queued_runs_keep_what_they_were_fired_with(self, bench: Bench) -> None:
        await bench.schedule(args={"n": 1}, policies={"priority": 1})
        await bench.fire_after(1)
        await bench.store.edit_schedule("s", updating(args={"n": 2}, policies={"priority": 2}))
        await bench.fire_after(1)
        assert [(run.args, run.priority) for run in await bench.runs()] == [({"n": 1}, 1), ({"n": 2}, 2)]

    async def test_a_lease_that_ran_out_is_a_live_node_until_somebody_says_otherwise(self, bench: Bench) -> None:
        facts: dict[str, FireFacts] = {}
        await bench.node()
        await bench.store.declare("a", [bench.declaration("code", source=Source.CODE)])
        await bench.fire_after(LEASE.total_seconds() * 2, noting(facts))
        assert facts["code"].declared, "two witnesses judge a node, not one late renewal"

    async def test_a_failed_run_is_finished(self, bench: Bench) -> None:
        facts: dict[str, FireFacts] = {}
        await bench.schedule()
        await bench.fire_after(1)
        await bench.node()
        (run,) = await bench.claim()
        await bench.settle(run, Outcome.FAILED, failed=True, error="boom")
        await bench.fire_after(1, noting(facts))
        assert facts["s"].others.total == 0

    async def test_grace_is_written_with_the_run(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.fire_after(1, with_grace(timedelta(seconds=30)))
        (run,) = await bench.runs()
        assert run.start_by == bench.later(30)
