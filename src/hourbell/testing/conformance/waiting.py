"""What there is to wait for: due now, and the next instants at which something will be."""

from __future__ import annotations

from datetime import timedelta

from hourbell.model.editing import pausing
from hourbell.model.plan import Question
from hourbell.model.run_state import Outcome
from hourbell.model.stranded import Stranded
from hourbell.testing.conformance.bench import TASK, Bench
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import Every


class WaitingConformance(Conformance):
    """`NodeStore.next_work`."""

    async def test_nothing_at_all(self, bench: Bench) -> None:
        work = await bench.store.next_work("a", Question((TASK,), None))
        assert (work.now, work.fire_due, work.next_fire_at) == (bench.now, False, None)
        assert (work.run_due, work.next_run_at) == (False, None)

    async def test_the_next_fire(self, bench: Bench) -> None:
        await bench.schedule("slow", trigger=Every(seconds=10))
        await bench.schedule("fast", trigger=Every(seconds=4))
        work = await bench.store.next_work("a", Question((), None))
        assert (work.fire_due, work.next_fire_at) == (False, bench.later(4))
        bench.clock.advance(4)
        work = await bench.store.next_work("a", Question((), None))
        assert (work.fire_due, work.next_fire_at) == (True, bench.later(6)), "later than now, not now"
        bench.clock.advance(60)
        work = await bench.store.next_work("a", Question((), None))
        assert (work.fire_due, work.next_fire_at) == (True, None)

    async def test_how_many_are_due_next(self, bench: Bench) -> None:
        async def counted(most: int = 10) -> int:
            return (await bench.store.next_work("a", Question((), None, fires=most))).next_fires

        assert await counted() == 0
        for number in range(4):
            await bench.schedule(f"s{number}", trigger=Every(seconds=10))
        await bench.schedule("later", trigger=Every(seconds=11))
        await bench.schedule("paused", trigger=Every(seconds=10))
        await bench.store.edit_schedule("paused", pausing(None))
        assert [await counted(most) for most in (10, 4, 3, 0)] == [4, 4, 3, 0]
        assert (await bench.store.next_work("a", Question((), None))).next_fires == 0, "nobody asked"
        bench.clock.advance(10)
        assert await counted() == 1, "what is due already is not waited for"
        bench.clock.advance(1)
        assert await counted() == 0

    async def test_what_does_not_fire_is_not_waited_for(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.store.edit_schedule("s", pausing(None))
        for _ in range(2):
            work = await bench.store.next_work("a", Question((), None))
            assert (work.fire_due, work.next_fire_at) == (False, None)
            bench.clock.advance(60)

    async def test_the_next_run(self, bench: Bench) -> None:
        for seconds in (30, 10, 20):
            await bench.enqueue(delay=timedelta(seconds=seconds))
        work = await bench.store.next_work("a", Question((TASK,), None))
        assert (work.run_due, work.next_run_at) == (False, bench.later(10))
        bench.clock.advance(10)
        work = await bench.store.next_work("a", Question((TASK,), None))
        assert (work.run_due, work.next_run_at) == (True, bench.later(10))
        bench.clock.advance(60)
        work = await bench.store.next_work("a", Question((TASK,), None))
        assert (work.run_due, work.next_run_at) == (True, None)

    async def test_a_later_run_is_seen_behind_due_ones(self, bench: Bench) -> None:
        for number in range(20):
            await bench.enqueue(priority=number % 3)
        await bench.enqueue(priority=1, delay=timedelta(seconds=9))
        await bench.enqueue(priority=2, delay=timedelta(seconds=5))
        work = await bench.store.next_work("a", Question((TASK,), None))
        assert (work.run_due, work.next_run_at) == (True, bench.later(5))

    async def test_only_known_tasks_and_queues_count(self, bench: Bench) -> None:
        await bench.enqueue("unknown")
        await bench.enqueue("unknown", delay=timedelta(seconds=1))
        await bench.enqueue(queue="mail")
        await bench.enqueue(queue="mail", delay=timedelta(seconds=2))
        await bench.enqueue(queue="default", delay=timedelta(seconds=3))
        work = await bench.store.next_work(
            "a",
            Question(
                (TASK,),
                (
                    "default",
                    "it's none",
                ),
            ),
        )
        assert (work.run_due, work.next_run_at) == (False, bench.later(3))
        work = await bench.store.next_work("a", Question((TASK,), None))
        assert (work.run_due, work.next_run_at) == (True, bench.later(2))
        work = await bench.store.next_work("a", Question((), None))
        assert (work.run_due, work.next_run_at) == (False, None)
        work = await bench.store.next_work("a", Question((TASK,), ()))
        assert (work.run_due, work.next_run_at) == (False, None)

    async def test_what_runs_or_has_ended_is_not_waited_for(self, bench: Bench) -> None:
        run = await bench.running()
        work = await bench.store.next_work("a", Question((TASK,), None))
        assert (work.run_due, work.next_run_at) == (False, None)
        await bench.settle(run)
        assert not (await bench.store.next_work("a", Question((TASK,), None))).run_due

    async def test_retries_are_waited_for(self, bench: Bench) -> None:
        run, other = await bench.running(), await bench.running()
        await bench.fail_and_retry(run, delay=60)
        work = await bench.store.next_work("a", Question((TASK,), None))
        assert (work.run_due, work.next_run_at) == (False, bench.later(60))
        await bench.settle(other, Outcome.HANDED_BACK)
        assert (await bench.store.next_work("a", Question((TASK,), None))).run_due

    async def test_lost_runs_are_waited_for_like_others(self, bench: Bench) -> None:
        await bench.enqueue()
        for number in range(3):
            await bench.node(f"n{number}")
            await bench.claim(f"n{number}")
            await bench.kill(f"n{number}")
        assert (await bench.store.next_work("a", Question((TASK,), None))).run_due

    async def test_runs_that_no_live_node_may_take(self, bench: Bench) -> None:
        await bench.node("a", tasks={"known": None, "limited": 1}, queues=("x",))
        await bench.node("gone", tasks={"lost": None})
        await bench.store.retire_node("gone")
        for task, queue in (("known", "x"), ("known", "y"), ("lost", "x"), ("lost", "x"), ("limited", "x")):
            await bench.enqueue(task, queue=queue)
        await bench.enqueue("later", queue="x", delay=timedelta(seconds=31))
        since = bench.now
        assert await bench.store.stranded(timedelta(seconds=30)) == []
        bench.clock.advance(30)
        assert list(await bench.store.stranded(timedelta(seconds=30))) == [
            Stranded(queue="x", task="lost", since=since, count=2, known=False),
            Stranded(queue="y", task="known", since=since, count=1, known=True),
        ]
        await bench.node("b", tasks={"lost": 3, "known": None}, queues=None)
        assert list(await bench.store.stranded(timedelta(seconds=30))) == []
        await bench.kill("b")
        assert [one.task for one in await bench.store.stranded(timedelta(seconds=30))] == ["lost", "known"]

    async def test_the_schedules_of_runs_that_no_live_node_may_take(self, bench: Bench) -> None:
        await bench.node("web", tasks={}, queues=())
        await bench.schedule("one")
        await bench.schedule("two")
        await bench.fire_after(2)
        await bench.enqueue()
        bench.clock.advance(30)
        (found,) = await bench.store.stranded(timedelta(seconds=30))
        assert (found.task, found.known, found.schedules) == (TASK, False, ("one", "two"))
        assert found.count == len(await bench.runs())

    async def test_an_unregistered_node_may_ask(self, bench: Bench) -> None:
        await bench.enqueue()
        assert (await bench.store.next_work("unknown", Question((TASK,), None))).run_due
