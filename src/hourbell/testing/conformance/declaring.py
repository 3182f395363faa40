"""Declaring: the schedules of a node's code meet what is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.model.editing import Edit, pausing, updating
from hourbell.model.plan import PlannedSkip
from hourbell.model.retention import Retention
from hourbell.model.run_state import Reason, RunState
from hourbell.model.schedule import ScheduleState, Source
from hourbell.testing.conformance.bench import LEASE, Bench, ids
from hourbell.testing.conformance.planners import planned
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import At, Cron, Every

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.plan import FireFacts, FirePlan
    from hourbell.model.schedule import Schedule


class DeclaringConformance(Conformance):
    """`ScheduleStore.declare`, but for races and for versions of one schedule that differ."""

    async def test_a_new_schedule_is_created(self, bench: Bench) -> None:
        await bench.node()
        stated = bench.declaration(args={"n": 1}, policies={"priority": 1}, note="why")
        (schedule,) = await bench.store.declare("a", [stated])
        assert (schedule.id, schedule.source, schedule.state) == ("s", Source.CODE, ScheduleState.ACTIVE)
        assert (schedule.args, schedule.policies, schedule.digest) == ({"n": 1}, {"priority": 1}, "1")
        assert (schedule.declared, schedule.next_fire_at) == (stated.spoken(), bench.later(1))
        assert await bench.store.get_schedule("s") == schedule

    async def test_the_answer_has_the_order_of_the_declarations(self, bench: Bench) -> None:
        await bench.node()
        names = ["m", "z", "a", "Z"]
        await bench.store.declare("a", [bench.declaration("z")])
        stated = [bench.declaration(name) for name in names]
        assert ids(await bench.store.declare("a", stated)) == names
        assert ids(await bench.store.declare("a", stated)) == names

    async def test_nothing_is_declared(self, bench: Bench) -> None:
        await bench.node()
        assert list(await bench.store.declare("a", [])) == []

    async def test_the_same_again_changes_nothing(self, bench: Bench) -> None:
        await bench.node("a")
        before = await bench.store.declare("a", [bench.declaration(trigger=Every(minutes=5))])
        bench.clock.advance(60)
        await bench.node("b")
        for node in ("a", "b"):
            assert list(await bench.store.declare(node, [bench.declaration(trigger=Every(minutes=5))])) == list(before)

    async def test_changed_code_wins(self, bench: Bench) -> None:
        await bench.node()
        await bench.store.declare("a", [bench.declaration(args={"n": 1}, policies={"priority": 1, "queue": "x"})])
        changed = bench.declaration(digest="2", args={"n": 2}, policies={"priority": 2}, trigger=Every(hours=1))
        (schedule,) = await bench.store.declare("a", [changed])
        assert (schedule.args, schedule.policies, schedule.digest) == ({"n": 2}, {"priority": 2}, "2")
        assert (schedule.next_fire_at, schedule.declared) == (bench.later(3600), changed.spoken())

    async def test_changed_code_keeps_the_cursor_of_the_same_trigger(self, bench: Bench) -> None:
        await bench.node()
        await bench.store.declare("a", [bench.declaration(trigger=Every(minutes=5))])
        bench.clock.advance(60)
        (schedule,) = await bench.store.declare(
            "a", [bench.declaration(trigger=Every(minutes=5), digest="2", args={"n": 2})]
        )
        assert (schedule.args, schedule.next_fire_at) == ({"n": 2}, bench.later(240))

    async def test_a_declared_cursor_of_other_rules_of_its_zone_is_worked_out_anew(self, bench: Bench) -> None:
        await bench.node()
        stated = bench.declaration(trigger=Cron("0 9 1 7 *", "Africa/Cairo"))
        (stored,) = await bench.store.declare("a", [stated])
        assert stored.next_fire_at is not None
        early = stored.next_fire_at - timedelta(hours=1)
        await bench.store.edit_schedule("s", lambda one, now: Edit(replace(one, next_fire_at=early)))
        (aligned,) = await bench.store.declare("a", [stated])
        assert aligned.next_fire_at == stored.next_fire_at

    async def test_a_cursor_that_is_due_is_owed_whatever_the_zone_says_by_now(self, bench: Bench) -> None:
        await bench.node()
        stated = bench.declaration(trigger=Cron("0 9 1 7 *", "Africa/Cairo"))
        await bench.store.declare("a", [stated])
        due = bench.now
        await bench.store.edit_schedule("s", lambda one, now: Edit(replace(one, next_fire_at=due)))
        (owed,) = await bench.store.declare("a", [stated])
        assert owed.next_fire_at == due

    async def test_a_trigger_that_cannot_be_read_keeps_nobody_from_declaring(self, bench: Bench) -> None:
        await bench.node()
        stated = [bench.declaration("s"), bench.declaration("t")]
        before, _ = await bench.store.declare("a", stated)
        strange = replace(before, trigger_spec={"kind": "moon"}, state=ScheduleState.UNDECLARED)
        await bench.store.edit_schedule("s", lambda one, now: Edit(strange))
        bench.clock.advance(5)
        there, other = await bench.store.declare("a", stated)
        assert (there.state, there.next_fire_at) == (ScheduleState.ACTIVE, before.next_fire_at)
        assert (other.id, other.state) == ("t", ScheduleState.ACTIVE)

    async def test_a_pause_by_an_operator_survives(self, bench: Bench) -> None:
        await bench.node()
        await bench.store.declare("a", [bench.declaration()])
        await bench.store.edit_schedule("s", pausing("stop"))
        for digest in ("1", "2"):
            (schedule,) = await bench.store.declare("a", [bench.declaration(digest=digest, args={"d": digest})])
            assert (schedule.state, schedule.note) == (ScheduleState.PAUSED, "stop")

    async def test_an_edit_by_an_operator_survives_where_the_code_says_the_same(self, bench: Bench) -> None:
        await bench.node()
        first = bench.declaration(args={"n": 1}, policies={"priority": 1, "queue": "x"})
        await bench.store.declare("a", [first])
        await bench.store.edit_schedule("s", updating(args={"n": 99}, policies={"queue": "mine"}))
        (schedule,) = await bench.store.declare("a", [first])
        assert (schedule.args, schedule.policies) == ({"n": 99}, {"priority": 1, "queue": "mine"})
        second = bench.declaration(digest="2", args={"n": 1}, policies={"priority": 2, "queue": "x"})
        (schedule,) = await bench.store.declare("a", [second])
        assert (schedule.args, schedule.policies) == ({"n": 99}, {"priority": 2, "queue": "mine"})

    async def test_a_schedule_that_nobody_declared_wakes_when_somebody_does(self, bench: Bench) -> None:
        await bench.node()
        await bench.store.declare("a", [bench.declaration()])
        await bench.store.retire_node("a")
        await self._set_aside(bench)
        bench.clock.advance(10)
        await bench.node("b")
        (schedule,) = await bench.store.declare("b", [bench.declaration()])
        assert (schedule.state, schedule.next_fire_at) == (ScheduleState.ACTIVE, bench.later(1))
        (skip,) = await bench.runs()
        assert (skip.state, skip.reason, skip.covers_count) == (RunState.SKIPPED, Reason.UNDECLARED, 11)
        assert (skip.fire_at, skip.covers_until) == (bench.later(-10), bench.now)
        assert len((await bench.fire_after(1)).fired) == 1

    async def _set_aside(self, bench: Bench) -> None:
        """Fire as a planner does that learns that nobody declares the schedule."""
        await bench.fire_after(
            1,
            lambda schedule, _, now: replace(
                planned(schedule, (), (PlannedSkip(Reason.UNDECLARED, now, now, 1),), now),
                state=ScheduleState.UNDECLARED,
            ),
        )

    async def test_a_one_off_that_fired_does_not_fire_again(self, bench: Bench) -> None:
        await bench.node("a")
        once = bench.declaration(trigger=At(bench.later(1)))
        await bench.store.declare("a", [once])
        await bench.fire_after(1)
        bench.clock.advance(1)
        await bench.node("b")
        (schedule,) = await bench.store.declare("b", [once])
        assert (schedule.state, schedule.next_fire_at) == (ScheduleState.FINISHED, None)
        assert (await bench.fire_after(60)).locked == 0

    async def test_a_removed_schedule_comes_back_with_the_code(self, bench: Bench) -> None:
        await bench.node()
        await bench.store.declare("a", [bench.declaration()])
        await bench.store.remove_schedule("s")
        (schedule,) = await bench.store.declare("a", [bench.declaration()])
        assert (schedule.state, schedule.next_fire_at) == (ScheduleState.ACTIVE, bench.later(1))

    async def test_what_a_call_said_first_was_said_before(self, bench: Bench) -> None:
        await bench.schedule(args={"v": 1}, digest="1")
        for node in ("a", "b"):
            await bench.node(node)
        await bench.store.declare("a", [bench.declaration(args={"v": 2}, digest="2")])
        (schedule,) = await bench.store.declare("b", [bench.declaration(args={"v": 1}, digest="1")])
        assert (schedule.digest, schedule.args) == ("2", {"v": 2})

    async def test_a_call_takes_over_what_the_code_had_declared(self, bench: Bench) -> None:
        await bench.node("old")
        await bench.store.declare("old", [bench.declaration()])
        called = bench.declaration(source=Source.CALL, args={"n": 1}, digest="call")
        assert (await bench.store.add_schedule(called, "update")).source is Source.CALL
        await bench.store.declare("old", [bench.declaration()])  # a process of the older version, started once more
        assert (await bench.store.get_schedule("s")).args == {"n": 1}
        await bench.store.retire_node("old")
        told: list[bool] = []

        def plan(schedule: Schedule, facts: FireFacts, now: datetime) -> FirePlan | None:
            told.append(facts.declared)
            return None

        await bench.fire_after(1, plan)
        assert told == [True]

    async def test_a_call_wakes_what_nobody_declares_any_more(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.store.declare("a", [bench.declaration()])
        await bench.store.retire_node("a")
        await self._set_aside(bench)
        bench.clock.advance(10)
        called = bench.declaration(source=Source.CALL, digest="call")
        schedule = await bench.store.add_schedule(called, "update")
        assert (schedule.state, schedule.next_fire_at) == (ScheduleState.ACTIVE, bench.later(1))
        (skip,) = await bench.runs()
        assert (skip.reason, skip.covers_count, skip.covers_until) == (Reason.UNDECLARED, 11, bench.now)
        assert len((await bench.fire_after(1)).fired) == 1

    async def test_the_code_takes_over_what_a_call_had_made(self, bench: Bench) -> None:
        await bench.schedule(args={"n": 1}, digest="call")
        await bench.node()
        (schedule,) = await bench.store.declare("a", [bench.declaration(args={"n": 2})])
        assert (schedule.source, schedule.args) == (Source.CODE, {"n": 2})

    async def test_when_the_last_declarer_left_is_told_to_the_planner(self, bench: Bench) -> None:
        for node in ("stops", "dies"):
            await bench.node(node)
            await bench.store.declare(node, [bench.declaration(node)])
        seen = await bench.renewals()
        await bench.store.retire_node("stops")
        ended = bench.now + LEASE
        bench.clock.advance(LEASE.total_seconds() + 1)
        await bench.store.rescue({"dies": seen["dies"]})
        await bench.schedule("call")
        told: dict[str, tuple[bool, object]] = {}

        def plan(schedule: Schedule, facts: FireFacts, now: datetime) -> FirePlan | None:
            told[schedule.id] = facts.declared, facts.left_at
            return None

        bench.clock.advance(1)
        report = await bench.fire(plan)
        assert told == {"stops": (False, ended), "dies": (False, ended), "call": (True, None)}
        assert (sorted(report.awaited), report.unreadable) == (["dies", "stops"], ("call",))
        assert (await bench.store.get_schedule("stops")).next_fire_at == ended - LEASE + timedelta(seconds=1)
        await bench.store.prune(Retention(timedelta(days=30)), 10)
        assert len((await bench.fire(plan)).awaited) == 2, "what they declared is remembered for a while"
        await bench.node("back")
        await bench.store.declare("back", [bench.declaration("stops"), bench.declaration("dies")])
        assert {one.schedule_id for one in (await bench.fire()).fired} >= {"stops", "dies"}

    async def test_declarations_of_long_ago_are_forgotten(self, bench: Bench) -> None:
        await bench.node()
        await bench.store.declare("a", [bench.declaration()])
        await bench.store.retire_node("a")
        bench.clock.advance(2 * 86400)
        await bench.store.prune(Retention(timedelta(days=30)), 10)
        report = await bench.fire(lambda schedule, facts, now: None)
        assert (report.awaited, report.unreadable) == ((), ("s",))

    async def test_what_others_declare_is_left_alone(self, bench: Bench) -> None:
        for node in ("a", "b"):
            await bench.node(node)
        (other,) = await bench.store.declare("a", [bench.declaration("other")])
        by_call = await bench.schedule("call")
        await bench.store.declare("b", [bench.declaration("mine")])
        await bench.store.declare("b", [])
        assert await bench.store.get_schedule("other") == other
        assert await bench.store.get_schedule("call") == by_call
        assert (await bench.store.get_schedule("mine")).state is ScheduleState.ACTIVE, "nothing is deleted"
