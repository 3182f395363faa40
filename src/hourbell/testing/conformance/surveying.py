"""What a store tells of itself and of what may be in trouble."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.model.editing import Edit, pausing
from hourbell.model.run_state import Outcome
from hourbell.model.schedule import ScheduleState
from hourbell.model.survey import FAILING, SURVEYED
from hourbell.testing.conformance.bench import LEASE, TASK
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import Every

if TYPE_CHECKING:
    from hourbell.model.survey import Survey
    from hourbell.testing.conformance.bench import Bench

PATIENCE = timedelta(seconds=10)


async def _surveyed(bench: Bench) -> Survey:
    return await bench.store.survey(PATIENCE)


class SurveyingConformance(Conformance):
    """`NodeStore.survey` and `Store.examine`."""

    async def test_a_migrated_store_is_whole(self, bench: Bench) -> None:
        facts = await bench.store.examine()
        assert facts.version
        assert (facts.pending, facts.lacking, facts.missing, facts.damage, facts.unused) == ((), (), (), (), ())
        assert (facts.read_only, facts.too_old, facts.pooled) == (False, None, False)
        assert all(index.valid for index in facts.indexes)

    async def test_an_empty_store_has_nothing_in_trouble(self, bench: Bench) -> None:
        seen = await _surveyed(bench)
        assert seen.now == bench.now
        assert (seen.nodes, seen.serving, dict(seen.states), seen.schedules) == ((), (), {}, ())
        assert (seen.orphans, seen.waiting, dict(seen.running), seen.stranded) == ((), (), {}, ())

    async def test_what_goes_well_is_not_in_it(self, bench: Bench) -> None:
        await bench.node("a", tasks={TASK: None})
        await bench.schedule(trigger=Every(seconds=60))
        await bench.running("a")
        bench.clock.advance(1)
        seen = await _surveyed(bench)
        assert (dict(seen.states), dict(seen.running)) == ({"active": 1}, {TASK: 1})
        assert (seen.schedules, seen.orphans, seen.waiting) == ((), (), ())

    async def test_what_each_live_node_can_run(self, bench: Bench) -> None:
        await bench.node("a", tasks={"t": 3, "u": None}, queues=("q",))
        await bench.node("b", tasks={"t": 2})
        await bench.node("gone", tasks={"v": None})
        await bench.store.retire_node("gone")
        seen = await _surveyed(bench)
        assert {node.id for node in seen.live()} == {"a", "b"}
        assert {one.node_id: dict(one.tasks) for one in seen.serving} == {"a": {"t": 3, "u": None}, "b": {"t": 2}}
        assert [seen.knows(task) for task in ("t", "u", "v")] == [True, True, False]
        assert [seen.limit_of(task) for task in ("t", "u")] == [2, None]
        (first,) = [one for one in seen.serving if one.node_id == "a"]
        assert [first.takes("t", "q"), first.takes("t", "r"), first.takes("v", "q")] == [True, False, False]

    async def test_a_node_whose_lease_is_over_serves_nothing(self, bench: Bench) -> None:
        await bench.node("a", tasks={TASK: None})
        bench.clock.advance(LEASE.total_seconds() + 1)
        seen = await _surveyed(bench)
        assert ([node.id for node in seen.nodes], seen.live(), seen.serving) == (["a"], [], ())

    async def test_schedules_that_are_late(self, bench: Bench) -> None:
        await bench.node("a", tasks={TASK: None}, lease=timedelta(seconds=60))
        for name in ("late", "rests"):
            await bench.schedule(name, trigger=Every(seconds=5))
        await bench.schedule("well", trigger=Every(seconds=6))
        await bench.store.edit_schedule("rests", pausing("holiday"))
        bench.clock.advance(15)
        assert [one.id for one in (await _surveyed(bench)).schedules] == ["late", "rests"]

    async def test_schedules_that_nobody_declares(self, bench: Bench) -> None:
        await bench.node("a", tasks={TASK: None})
        await bench.schedule(trigger=Every(days=1))
        await bench.store.edit_schedule("s", lambda found, _: Edit(replace(found, state=ScheduleState.UNDECLARED)))
        seen = await _surveyed(bench)
        assert ([one.id for one in seen.schedules], dict(seen.states)) == (["s"], {"undeclared": 1})

    async def test_schedules_of_tasks_that_nobody_knows(self, bench: Bench) -> None:
        await bench.schedule()
        assert [one.id for one in (await _surveyed(bench)).schedules] == ["s"]
        await bench.node("a", tasks={"other": None})
        assert [one.id for one in (await _surveyed(bench)).schedules] == ["s"]
        await bench.node("b", tasks={TASK: None})
        assert (await _surveyed(bench)).schedules == ()

    async def test_schedules_that_fail_each_time(self, bench: Bench) -> None:
        await bench.node("a", tasks={TASK: None}, lease=timedelta(hours=1))
        await bench.schedule(trigger=Every(seconds=60))
        await bench.schedule("well", trigger=Every(seconds=60))
        for count in range(1, FAILING + 1):
            await bench.fire_after(60)
            for run in await bench.claim("a"):
                await bench.settle(run, Outcome.FAILED if run.schedule_id == "s" else Outcome.SUCCEEDED)
            assert (await _surveyed(bench)).failing == (("s",) if count == FAILING else ())
        await bench.fire_after(60)
        for run in await bench.claim("a"):
            await bench.settle(run, Outcome.SUCCEEDED if run.schedule_id == "s" else Outcome.FAILED)
        assert (await _surveyed(bench)).failing == ()

    async def test_schedules_under_calendars(self, bench: Bench) -> None:
        await bench.node("a", tasks={TASK: None})
        await bench.schedule(policies={"blackout": ["holidays"]}, trigger=Every(days=1))
        seen = await _surveyed(bench)
        assert ([one.id for one in seen.schedules], seen.calendars) == (["s"], frozenset())
        await bench.store.put_calendar("holidays", "{}", "error")
        assert (await _surveyed(bench)).calendars == {"holidays"}

    async def test_a_run_of_a_live_node_is_no_orphan(self, bench: Bench) -> None:
        await bench.running("a")
        bench.clock.advance(LEASE.total_seconds() + 1)
        assert (await _surveyed(bench)).orphans == (), "until its node is declared dead it may only be late"
        await bench.kill("a")
        assert (await _surveyed(bench)).orphans == (), "a rescue leaves none"

    async def test_runs_that_wait(self, bench: Bench) -> None:
        await bench.node("a", tasks={TASK: None})
        since = bench.now
        await bench.enqueue()
        await bench.enqueue()
        await bench.enqueue(run_at=bench.later(3600))
        await bench.enqueue("nobody's", queue="far")
        bench.clock.advance(9)
        assert (await _surveyed(bench)).waiting == ()
        bench.clock.advance(1)
        seen = await _surveyed(bench)
        assert [(one.task, one.queue, one.count, one.since) for one in seen.waiting] == [
            (TASK, "default", 2, since),
            ("nobody's", "far", 1, since),
        ]
        assert [(one.task, one.queue) for one in seen.stranded] == [("nobody's", "far")]

    async def test_it_is_bounded(self, bench: Bench) -> None:
        await bench.store.enqueue([bench.request(f"t{number:04}") for number in range(SURVEYED + 1)])
        bench.clock.advance(20)
        assert len((await _surveyed(bench)).waiting) == SURVEYED

    async def test_a_clock_is_known_once_its_node_says_so(self, bench: Bench) -> None:
        await bench.node()
        assert (await _surveyed(bench)).nodes[0].clock_offset is None
        await bench.store.renew("a", LEASE, 0, 1.5)
        await bench.store.renew("a", LEASE, 0)
        assert (await _surveyed(bench)).nodes[0].clock_offset == 1.5
        await bench.store.renew("a", LEASE, 0, -0.25)
        assert (await bench.store.list_nodes())[0].clock_offset == -0.25
