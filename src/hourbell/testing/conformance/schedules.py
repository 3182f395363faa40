"""Schedules by hand: add, edit, remove, get and list."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hourbell.errors import Conflict, NotFound, StaleRevision, StoreRejected, TriggerError
from hourbell.model.editing import Edit, expecting, pausing, resuming, updating
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.model.schedule import ScheduleState, Source
from hourbell.model.schedule_filter import ScheduleFilter
from hourbell.testing.conformance.bench import TASK, Bench
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import At, Cron, Every

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.schedule import Schedule


class AddingConformance(Conformance):
    """`ScheduleStore.add_schedule` and `get_schedule`."""

    async def test_a_schedule_is_stored_as_it_was_stated(self, bench: Bench) -> None:
        stated = bench.declaration(
            "s",
            trigger=Cron("0 9 * * mon-fri", timezone="Europe/Berlin"),
            source=Source.CALL,
            args={"to": "ü", "deep": [1, {"x": None}]},
            policies={"grace": 30.0},
            inherited={"retry": {"attempts": 3}},
            note="why",
        )
        schedule = await bench.store.add_schedule(stated, "error")
        assert (schedule.id, schedule.task, schedule.source) == ("s", TASK, Source.CALL)
        assert (schedule.args, schedule.policies) == (stated.args, stated.policies)
        assert (schedule.inherited, schedule.note, schedule.digest) == (stated.inherited, "why", "1")
        assert schedule.trigger == stated.trigger
        assert (schedule.state, schedule.created_at, schedule.updated_at) == (
            ScheduleState.ACTIVE,
            bench.now,
            bench.now,
        )
        assert schedule.next_fire_at == stated.trigger.next_after(bench.now)
        assert (schedule.last_fire_at, schedule.last_skip_id, schedule.last_skip_reason) == (None, None, None)
        assert await bench.store.get_schedule("s") == schedule

    async def test_an_interval_is_anchored_when_it_is_stored(self, bench: Bench) -> None:
        bench.clock.advance(0.75)
        schedule = await bench.schedule(trigger=Every(minutes=10))
        assert schedule.next_fire_at == bench.later(600 - 0.75)
        assert schedule.trigger.declared_spec() == Every(minutes=10).declared_spec()

    async def test_a_trigger_that_would_not_fire_any_more_may_be_stated_again(self, bench: Bench) -> None:
        twice = Every(seconds=1, end=bench.later(5)).limit(2)
        first = await bench.schedule(trigger=twice)
        assert len((await bench.fire_after(10)).fired) == 2
        again = await bench.schedule(trigger=twice, args={"n": 1})
        assert (again.state, again.trigger, again.args) == (ScheduleState.FINISHED, first.trigger, {"n": 1})
        with pytest.raises(TriggerError, match="never fire"):
            await bench.schedule("too late", trigger=twice)
        with pytest.raises(NotFound):
            await bench.store.get_schedule("too late")

    async def test_a_hash_is_bound_to_the_schedule_when_it_is_stored(self, bench: Bench) -> None:
        declared = Cron("H H * * *", "UTC")
        schedule = await bench.schedule("spread", trigger=declared)
        assert schedule.trigger == declared.bound("spread")
        assert schedule.next_fire_at == declared.bound("spread").next_after(bench.now)
        stored = await bench.store.edit_schedule("spread", updating(trigger=Cron("0 H * * *", "UTC")))
        assert stored.trigger == Cron("0 H * * *", "UTC").bound("spread")
        same = await bench.store.edit_schedule("spread", updating(trigger=Cron("0 H * * *", "UTC").bound("other")))
        assert same == stored

    async def test_a_schedule_may_begin_paused(self, bench: Bench) -> None:
        schedule = await bench.schedule(paused=True)
        assert (schedule.state, schedule.next_fire_at) == (ScheduleState.PAUSED, bench.later(1))

    async def test_an_instant_that_has_passed_is_due_at_once(self, bench: Bench) -> None:
        schedule = await bench.schedule(trigger=At(bench.later(-3600)))
        assert (schedule.state, schedule.next_fire_at) == (ScheduleState.ACTIVE, bench.later(-3600))

    async def test_what_has_no_fire_left_is_finished(self, bench: Bench) -> None:
        schedule = await bench.schedule(trigger=Every(seconds=1, start=bench.later(-9), end=bench.later(-1)))
        assert (schedule.state, schedule.next_fire_at) == (ScheduleState.FINISHED, None)

    async def test_hostile_names_are_only_names(self, bench: Bench) -> None:
        for name in ("it's", 'say "x"', "a;b--", "%_", "{schema}.", ":now", "$1", "?", "ü/é", "\\", "a b", "日本"):
            schedule = await bench.schedule(name, args={name: name}, note=name, task=name)
            assert await bench.store.get_schedule(name) == schedule
            assert (schedule.id, schedule.args, schedule.note, schedule.task) == (name, {name: name}, name, name)

    async def test_an_id_that_is_taken(self, bench: Bench) -> None:
        before = await bench.schedule(args={"n": 1})
        other = bench.declaration(source=Source.CALL, args={"n": 2}, trigger=Every(hours=1))
        with pytest.raises(Conflict):
            await bench.store.add_schedule(other, "error")
        assert await bench.store.add_schedule(other, "keep") == before
        assert await bench.store.get_schedule("s") == before

    async def test_adding_again_changes_what_differs(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(minutes=10), args={"n": 1})
        bench.clock.advance(60)
        schedule = await bench.schedule(trigger=Every(minutes=10), args={"n": 2}, policies={"priority": 3}, task="t2")
        assert (schedule.args, schedule.policies, schedule.task) == ({"n": 2}, {"priority": 3}, "t2")
        assert schedule.next_fire_at == bench.later(540), "the same trigger keeps anchor and cursor"
        assert (schedule.created_at, schedule.updated_at) == (bench.later(-60), bench.now)
        schedule = await bench.schedule(trigger=Every(minutes=5), args={"n": 2}, policies={"priority": 3}, task="t2")
        assert schedule.next_fire_at == bench.later(300)

    async def test_adding_the_same_again_changes_nothing(self, bench: Bench) -> None:
        before = await bench.schedule()
        bench.clock.advance(0.5)
        assert await bench.schedule() == before

    async def test_a_cursor_of_other_rules_of_its_zone_is_worked_out_anew(self, bench: Bench) -> None:
        yearly = Cron("0 9 1 7 *", "Africa/Cairo")
        stored = await bench.schedule(trigger=yearly)
        assert stored.next_fire_at is not None
        for before in (stored.next_fire_at - timedelta(hours=1), stored.next_fire_at + timedelta(hours=1)):
            moved = Edit(replace(await bench.store.get_schedule("s"), next_fire_at=before))
            await bench.store.edit_schedule("s", lambda *_, moved=moved: moved)
            assert (await bench.store.get_schedule("s")).next_fire_at == before
            assert (await bench.schedule(trigger=yearly)).next_fire_at == stored.next_fire_at

    async def test_adding_again_wakes_nobody(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.store.edit_schedule("s", pausing("stop"))
        assert (await bench.schedule(args={"n": 1})).state is ScheduleState.PAUSED

    async def test_a_schedule_that_is_answered_is_a_copy(self, bench: Bench) -> None:
        args = {"list": [1]}
        schedule = await bench.schedule(args=args)
        args["list"].append(2)
        schedule.args["list"].append(3)
        assert (await bench.store.get_schedule("s")).args == {"list": [1]}

    async def test_no_such_schedule(self, bench: Bench) -> None:
        with pytest.raises(NotFound):
            await bench.store.get_schedule("s")


class EditingConformance(Conformance):
    """`ScheduleStore.edit_schedule`, but for the ledger and races."""

    async def test_a_change_decides_from_the_row_and_the_instant(self, bench: Bench) -> None:
        seen: list[tuple[Schedule, datetime]] = []

        def change(schedule: Schedule, now: datetime) -> Edit:
            seen.append((schedule, now))
            return Edit(replace(schedule, args={"n": 2}, note="edited"))

        before = await bench.schedule(args={"n": 1})
        bench.clock.advance(0.5)
        after = await bench.store.edit_schedule("s", change)
        assert seen == [(before, bench.now)]
        assert (after.args, after.note, after.version) == ({"n": 2}, "edited", before.version + 1)
        assert await bench.store.get_schedule("s") == after

    async def test_a_change_may_decide_nothing(self, bench: Bench) -> None:
        before = await bench.schedule()
        assert await bench.store.edit_schedule("s", lambda *_: None) == before
        assert await bench.store.get_schedule("s") == before

    async def test_a_change_that_raises_writes_nothing(self, bench: Bench) -> None:
        def change(_schedule: Schedule, _now: datetime) -> Edit:
            raise Conflict("not now")

        before = await bench.schedule()
        with pytest.raises(Conflict, match="not now"):
            await bench.store.edit_schedule("s", change)
        assert await bench.store.edit_schedule("s", updating(args={"n": 1})) != before, "and locks nothing"

    async def test_a_cursor_that_would_stand_still_is_refused_whole(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.fire_after(1)
        before, runs = await bench.store.get_schedule("s"), await bench.runs()
        with pytest.raises(StoreRejected):
            await bench.store.edit_schedule(
                "s",
                lambda schedule, _: Edit(
                    replace(schedule, next_fire_at=schedule.last_fire_at), end_queued=Reason.PAUSED
                ),
            )
        assert (await bench.store.get_schedule("s"), await bench.runs()) == (before, runs)

    async def test_no_such_schedule_to_edit(self, bench: Bench) -> None:
        with pytest.raises(NotFound):
            await bench.store.edit_schedule("s", resuming())

    async def test_an_edit_of_another_revision_than_was_seen_is_refused(self, bench: Bench) -> None:
        seen = await bench.schedule()
        await bench.fire_after(1)
        edited = await bench.store.edit_schedule("s", expecting(seen.revision, updating(args={"n": 1})))
        assert edited.args == {"n": 1}, "firing does not change it"
        with pytest.raises(StaleRevision):
            await bench.store.edit_schedule("s", expecting(seen.revision, updating(args={"n": 2})))
        assert (await bench.store.get_schedule("s")).args == {"n": 1}

    async def test_a_schedule_that_comes_back_is_another_revision(self, bench: Bench) -> None:
        seen = await bench.schedule()
        await bench.store.remove_schedule("s")
        bench.clock.advance(0.001)
        again = await bench.schedule()
        assert (again.version, again.revision == seen.revision) == (seen.version, False)

    async def test_policies_may_be_inherited_again(self, bench: Bench) -> None:
        await bench.schedule(policies={"grace": 5.0, "priority": 1})
        edited = await bench.store.edit_schedule("s", updating(policies={"queue": "q"}, inherit=["grace", "retry"]))
        assert edited.policies == {"priority": 1, "queue": "q"}

    async def test_an_edit_leaves_the_others_alone(self, bench: Bench) -> None:
        other = await bench.schedule("other")
        await bench.schedule()
        await bench.store.edit_schedule("s", pausing(None))
        assert await bench.store.get_schedule("other") == other

    async def test_a_pause_ends_the_queued_fires(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.schedule("other")
        await bench.fire_after(1)
        waiting = await self._waiting_for_its_retry(bench)
        await bench.fire_after(1)
        by_hand = await bench.enqueue(schedule_id="s")
        backfill = await bench.enqueue(schedule_id="s", origin="backfill:7")
        bench.clock.advance(0.5)
        schedule = await bench.store.edit_schedule("s", pausing("holiday"))
        assert (schedule.state, schedule.note) == (ScheduleState.PAUSED, "holiday")
        ended = await bench.runs(schedule_id="s", state=RunState.SKIPPED)
        assert {run.id for run in ended} >= {waiting, backfill.id}
        assert len(ended) == 3
        assert {(run.reason, run.finished_at, run.covers_count) for run in ended} == {(Reason.PAUSED, bench.now, None)}
        assert await bench.get(by_hand) == by_hand
        assert len(await bench.runs(schedule_id="other", state=RunState.QUEUED)) == 1
        assert sorted(run.schedule_id or "" for run in await bench.claim()) == ["other", "s"]

    async def _waiting_for_its_retry(self, bench: Bench) -> str:
        """One run of each schedule was claimed; that of ``s`` failed and waits, the other goes on."""
        (run,) = [run for run in await bench.claim() if run.schedule_id == "s"]
        await bench.fail_and_retry(run, delay=3600)
        return run.id

    async def test_a_pause_lets_running_bodies_be(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(1)
        (run,) = await bench.claim()
        await bench.store.edit_schedule("s", pausing(None))
        assert await bench.get(run) == run
        assert await bench.settle(run)

    async def test_a_pause_keeps_the_cursor(self, bench: Bench) -> None:
        schedule = await bench.schedule(trigger=Every(seconds=10))
        bench.clock.advance(3)
        paused = await bench.store.edit_schedule("s", pausing(None))
        assert paused.next_fire_at == schedule.next_fire_at
        assert (await bench.fire_after(60)).locked == 0

    async def test_after_a_resume_it_fires_on(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10))
        await bench.store.edit_schedule("s", pausing("holiday"))
        bench.clock.advance(35)
        schedule = await bench.store.edit_schedule("s", resuming())
        assert (schedule.state, schedule.note) == (ScheduleState.ACTIVE, None)
        assert (schedule.last_fire_at, schedule.next_fire_at) == (bench.later(-5), bench.later(5))
        assert (await bench.fire()).locked == 0
        assert [fired.fire_at for fired in (await bench.fire_after(5)).fired] == [bench.now]

    async def test_another_trigger_leaves_what_is_due(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10))
        bench.clock.advance(12)
        schedule = await bench.store.edit_schedule("s", updating(trigger=Every(hours=1)))
        assert schedule.next_fire_at == bench.later(-2), "that fire was promised and is still owed"
        await bench.fire()
        schedule = await bench.store.get_schedule("s")
        assert (schedule.last_fire_at, schedule.next_fire_at) == (bench.later(-2), bench.later(3600))

    async def test_another_trigger_fires_nothing_twice(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10, start=bench.now))
        await bench.fire_after(10)
        await bench.store.edit_schedule("s", updating(trigger=Every(seconds=5, start=bench.later(-10))))
        bench.clock.bend(-8)
        schedule = await bench.store.edit_schedule("s", updating(trigger=Every(seconds=2, start=bench.later(-2))))
        assert schedule.next_fire_at is not None
        assert schedule.last_fire_at is not None
        assert schedule.next_fire_at > schedule.last_fire_at == bench.later(8)

    async def test_another_trigger_wakes_what_was_finished(self, bench: Bench) -> None:
        await bench.schedule(trigger=At(bench.later(1)))
        await bench.fire_after(1)
        schedule = await bench.store.edit_schedule("s", updating(trigger=At(bench.later(60))))
        assert (schedule.state, schedule.next_fire_at) == (ScheduleState.ACTIVE, bench.later(60))


class RemovingConformance(Conformance):
    """`ScheduleStore.remove_schedule`."""

    async def test_a_removed_schedule_is_gone(self, bench: Bench) -> None:
        schedule = await bench.schedule()
        other = await bench.schedule("other")
        assert await bench.store.remove_schedule("s") == schedule
        with pytest.raises(NotFound):
            await bench.store.get_schedule("s")
        with pytest.raises(NotFound):
            await bench.store.remove_schedule("s")
        assert (await bench.store.list_schedules(ScheduleFilter())).items == (other,)
        assert [fired.schedule_id for fired in (await bench.fire_after(1)).fired] == ["other"]

    async def test_only_the_revision_that_was_seen_is_removed(self, bench: Bench) -> None:
        seen = await bench.schedule()
        now = await bench.store.edit_schedule("s", updating(args={"n": 1}))
        with pytest.raises(StaleRevision):
            await bench.store.remove_schedule("s", seen.revision)
        assert await bench.store.get_schedule("s") == now
        assert await bench.store.remove_schedule("s", now.revision) == now

    async def test_its_runs_stay_and_what_was_queued_ends(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(1)
        (done,) = await bench.claim()
        await bench.settle(done)
        await bench.fire_after(1)
        (running,) = await bench.claim()
        await bench.fire_after(1)
        by_hand = await bench.enqueue(schedule_id="s", delay=None)
        foreign = await bench.enqueue()
        bench.clock.advance(0.5)
        await bench.store.remove_schedule("s")
        runs = await bench.runs(schedule_id="s")
        assert [run.state for run in runs] == [
            RunState.SUCCEEDED,
            RunState.RUNNING,
            RunState.SKIPPED,
            RunState.SKIPPED,
        ]
        assert {(run.reason, run.finished_at) for run in runs[2:]} == {(Reason.REMOVED, bench.now)}
        assert runs[3].id == by_hand.id
        assert await bench.get(foreign) == foreign
        assert await bench.settle(running, Outcome.SUCCEEDED)

    async def test_one_that_comes_back_fires_only_after_now(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10, start=bench.now))
        bench.clock.advance(25)
        await bench.store.remove_schedule("s")
        schedule = await bench.schedule(trigger=Every(seconds=10, start=bench.later(-25)))
        assert (schedule.next_fire_at, schedule.last_fire_at) == (bench.later(5), None)
        assert (await bench.fire()).locked == 0
