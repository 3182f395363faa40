"""The life of a store's handles: open, migrate, ping, twin, close."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hourbell.model.run_state import RunState
from hourbell.model.schedule_filter import ScheduleFilter
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from hourbell.testing.conformance.bench import Bench

if TYPE_CHECKING:
    from hourbell.model.run import NewRun


async def _asked(bench: Bench, wanted: list[NewRun]) -> None:
    await bench.store.enqueue(wanted)


class OpeningConformance(Conformance):
    """What `Store` says about itself."""

    async def test_a_fresh_store_is_empty(self, bench: Bench) -> None:
        assert (await bench.store.list_schedules(ScheduleFilter())).items == ()
        assert list(await bench.store.list_nodes()) == []
        assert await bench.runs() == []

    async def test_it_answers_the_instant_of_its_database(self, bench: Bench) -> None:
        assert await bench.store.ping() == bench.now
        bench.clock.advance(0.000001)
        assert await bench.store.ping() == bench.now
        bench.clock.bend(-86_400)
        assert await bench.store.ping() == bench.now

    async def test_migrating_again_applies_nothing(self, bench: Bench) -> None:
        schedule = await bench.schedule()
        assert list(await bench.store.migrate()) == []
        assert await bench.store.get_schedule("s") == schedule

    async def test_nothing_is_pending_once_it_is_migrated(self, bench: Bench) -> None:
        assert list(await bench.store.pending()) == []

    async def test_many_may_migrate_at_once(self, bench: Bench) -> None:
        answers = await bench.in_threads(4, lambda store, _: store.migrate())
        assert [list(answer) for answer in answers] == [[]] * 4

    async def test_twins_see_the_same(self, bench: Bench) -> None:
        twin = await bench.twin()
        schedule = await bench.schedule()
        assert await twin.get_schedule("s") == schedule
        await twin.remove_schedule("s")
        assert (await bench.store.list_schedules(ScheduleFilter())).items == ()
        second = twin.twin()
        await second.open()
        try:
            assert await second.ping() == bench.now
        finally:
            await second.close()

    async def test_a_closed_twin_leaves_the_store_open(self, bench: Bench) -> None:
        twin = await bench.twin()
        await bench.schedule()
        await twin.close()
        await twin.close()
        assert (await bench.store.get_schedule("s")).id == "s"

    async def test_statements_are_counted(self, bench: Bench) -> None:
        counts = [bench.store.statements]
        await bench.store.ping()
        counts.append(bench.store.statements)
        await bench.schedule()
        counts.append(bench.store.statements)
        await bench.store.get_schedule("s")
        counts.append(bench.store.statements)
        assert counts == sorted(set(counts))
        await asyncio.sleep(0.05)
        assert bench.store.statements == counts[-1], "nobody asked for anything"

    async def test_a_verb_that_is_cancelled_happens_whole_or_not_at_all(self, bench: Bench) -> None:
        for turns in range(8):
            wanted = [bench.request(f"task-{turns}", key=str(number)) for number in range(5)]
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(_asked(bench, wanted))
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking.cancel()
            assert len(await bench.runs(task=f"task-{turns}")) in (0, 5)
            runs = await bench.store.enqueue(wanted)
            assert {run.state for run in runs} == {RunState.QUEUED}
            assert len(await bench.runs(task=f"task-{turns}")) == 5
