"""Pauses that say when they end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hourbell.errors import InvalidArguments
from hourbell.model.editing import Edit, pausing, resuming, updating
from hourbell.model.plan import Question
from hourbell.model.run_state import Reason, RunState
from hourbell.model.schedule import ScheduleState, Source
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import At, Every

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.plan import Resumption
    from hourbell.model.schedule import Schedule
    from hourbell.store.protocol import Store
    from hourbell.testing.conformance.bench import Bench


class PausingConformance(Conformance):
    """`ScheduleStore.resume_due`, and who is told that it is time for it."""

    async def test_a_pause_ends_when_it_said(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10))
        until = bench.later(30)
        paused = await bench.store.edit_schedule("s", pausing("holiday", until))
        assert (paused.state, paused.resume_at, paused.note) == (ScheduleState.PAUSED, until, "holiday")
        assert not (await bench.fire_after(29)).pause_over
        assert (await bench.store.resume_due(10)).resumed == ()
        assert (await bench.fire_after(1)).pause_over
        (resumed,) = (await bench.store.resume_due(10)).resumed
        assert resumed.id == "s"
        stored = await bench.store.get_schedule("s")
        assert (stored.state, stored.resume_at, stored.note) == (ScheduleState.ACTIVE, None, None)
        assert stored.version == paused.version + 1
        (skip,) = await bench.runs(schedule_id="s")
        assert (skip.state, skip.reason, skip.covers_count) == (RunState.SKIPPED, Reason.PAUSED, 2)
        assert [fired.fire_at for fired in (await bench.fire()).fired] == [until], "what is due at its end fires"
        assert not (await bench.fire()).pause_over

    async def test_what_was_due_after_its_end_is_owed_however_late_that_is_noticed(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10))
        await bench.store.edit_schedule("s", pausing(None, bench.later(25)))
        bench.clock.advance(47)
        await bench.store.resume_due(10)
        stored = await bench.store.get_schedule("s")
        assert (stored.last_fire_at, stored.next_fire_at) == (bench.later(-27), bench.later(-17))
        assert len((await bench.fire()).fired) == 2

    async def test_who_resumes_by_hand_what_ended_by_itself_takes_no_fire_away(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=10))
        await bench.store.edit_schedule("s", pausing(None, bench.later(25)))
        bench.clock.advance(47)
        schedule = await bench.store.edit_schedule("s", resuming())
        assert (schedule.state, schedule.updated_at) == (ScheduleState.ACTIVE, bench.now)
        (skip,) = await bench.runs(schedule_id="s")
        assert (skip.reason, skip.covers_count) == (Reason.PAUSED, 2)
        assert [fired.fire_at for fired in (await bench.fire()).fired] == [bench.later(-17), bench.later(-7)]

    async def test_a_pause_outlives_a_trigger_without_a_further_fire(self, bench: Bench) -> None:
        await bench.schedule(trigger=Every(seconds=100))
        await bench.store.edit_schedule("s", pausing("not now"))
        over = Every(seconds=1, start=bench.later(-9), end=bench.later(-5))
        paused = await bench.store.edit_schedule("s", updating(trigger=over))
        assert (paused.state, paused.next_fire_at) == (ScheduleState.PAUSED, None)
        paused = await bench.store.edit_schedule("s", updating(trigger=Every(seconds=10)))
        assert (paused.state, paused.note, paused.next_fire_at) == (ScheduleState.PAUSED, "not now", bench.later(10))
        await bench.store.edit_schedule("s", updating(trigger=over))
        finished = await bench.store.edit_schedule("s", resuming())
        assert (finished.state, finished.note) == (ScheduleState.FINISHED, None)

    async def test_what_nobody_declared_before_a_pause_was_not_paused(self, bench: Bench) -> None:
        schedule = await bench.schedule(trigger=Every(seconds=10))
        await bench.store.edit_schedule(
            "s", lambda one, now: Edit(replace(schedule, state=ScheduleState.UNDECLARED, source=Source.CODE))
        )
        bench.clock.advance(35)
        await bench.store.edit_schedule("s", pausing("not now"))
        bench.clock.advance(20)
        await bench.store.edit_schedule("s", resuming())
        told = [(run.reason, run.covers_count) for run in await bench.runs(schedule_id="s")]
        assert told == [(Reason.UNDECLARED, 3), (Reason.PAUSED, 2)]

    async def test_nothing_was_passed_over(self, bench: Bench) -> None:
        before = await bench.schedule(trigger=Every(seconds=100))
        await bench.store.edit_schedule("s", pausing(None, bench.later(5)))
        bench.clock.advance(5)
        await bench.store.resume_due(10)
        assert (await bench.store.get_schedule("s")).next_fire_at == before.next_fire_at
        assert list(await bench.runs(schedule_id="s")) == []

    async def test_a_pause_over_the_last_fire_ends_the_schedule(self, bench: Bench) -> None:
        await bench.schedule(trigger=At(bench.later(5)))
        await bench.store.edit_schedule("s", pausing(None, bench.later(6)))
        bench.clock.advance(6)
        await bench.store.resume_due(10)
        assert (await bench.store.get_schedule("s")).state is ScheduleState.FINISHED
        assert [run.reason for run in await bench.runs(schedule_id="s")] == [Reason.PAUSED]

    async def test_the_last_word_counts(self, bench: Bench) -> None:
        for name in ("resumed", "longer", "open"):
            await bench.schedule(name, trigger=Every(hours=1))
            await bench.store.edit_schedule(name, pausing(None, bench.later(5)))
        await bench.store.edit_schedule("resumed", resuming())
        await bench.store.edit_schedule("longer", pausing("more", bench.later(10)))
        await bench.store.edit_schedule("open", pausing(None))
        await bench.store.edit_schedule("longer", updating(args={"n": 1}))
        assert not (await bench.fire_after(5)).pause_over
        assert (await bench.store.resume_due(10)).resumed == ()
        bench.clock.advance(5)
        assert [schedule.id for schedule in (await bench.store.resume_due(10)).resumed] == ["longer"]
        again = await bench.store.edit_schedule("resumed", pausing(None))
        assert again.resume_at is None

    async def test_an_end_that_has_passed_is_refused(self, bench: Bench) -> None:
        before = await bench.schedule()
        for seconds in (0, -1):
            with pytest.raises(InvalidArguments):
                await bench.store.edit_schedule("s", pausing(None, bench.later(seconds)))
        assert await bench.store.get_schedule("s") == before

    async def test_the_watch_knows_of_it(self, bench: Bench) -> None:
        node = await bench.node()
        await bench.schedule(trigger=Every(seconds=100))
        until = bench.later(40)
        await bench.store.edit_schedule("s", pausing(None, until))
        work = await bench.store.next_work(node, Question((), None))
        assert (work.fire_due, work.next_fire_at) == (False, until)
        sooner = bench.later(30)
        await bench.schedule("sooner", trigger=Every(seconds=30))
        assert (await bench.store.next_work(node, Question((), None))).next_fire_at == sooner
        await bench.store.remove_schedule("sooner")
        bench.clock.advance(40)
        work = await bench.store.next_work(node, Question((), None))
        assert (work.fire_due, work.next_fire_at) == (True, None)

    async def test_what_cannot_be_read_is_left_and_named(self, bench: Bench) -> None:
        for name in ("a", "strange", "z"):
            await bench.schedule(name, trigger=Every(hours=1))
            await bench.store.edit_schedule(name, pausing(None, bench.later(5)))
        await bench.store.edit_schedule("strange", _of_another_version)
        bench.clock.advance(5)
        found = await bench.store.resume_due(10)
        assert (sorted(one.id for one in found.resumed), found.unreadable) == (["a", "z"], ("strange",))
        assert (await bench.fire()).pause_over
        assert not (await bench.store.fire_due(10, lambda *_: None, {"strange"})).pause_over
        left = await bench.store.resume_due(10, {"strange"})
        assert (left.resumed, left.unreadable) == ((), ())

    async def test_no_more_than_asked_for_at_once(self, bench: Bench) -> None:
        for number in range(5):
            await bench.schedule(str(number), trigger=Every(hours=1))
            await bench.store.edit_schedule(str(number), pausing(None, bench.later(5 - number)))
        bench.clock.advance(5)
        seen = [[one.id for one in (await bench.store.resume_due(2)).resumed] for _ in range(4)]
        assert seen == [["4", "3"], ["2", "1"], ["0"], []]

    async def test_many_nodes_end_a_pause_once(self, bench: Bench) -> None:
        names = [str(number) for number in range(10)]
        for name in names:
            await bench.schedule(name, trigger=Every(seconds=1))
            await bench.store.edit_schedule(name, pausing(None, bench.later(5)))
        bench.clock.advance(5)

        async def resume(store: Store, _number: int) -> Resumption:
            return await store.resume_due(10)

        found = await bench.in_threads(4, resume)
        rest = await bench.store.resume_due(10)
        resumed = [schedule.id for one in [*found, rest] for schedule in one.resumed]
        assert sorted(resumed) == names
        runs = await bench.runs()
        assert ({run.covers_count for run in runs}, len(runs)) == ({4}, 10)


def _of_another_version(schedule: Schedule, _now: datetime) -> Edit:
    return Edit(replace(schedule, trigger_spec={"kind": "of another version"}))
