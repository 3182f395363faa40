"""Claiming: due runs are given to live nodes, each to one, with the next attempt number."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hourbell.model.run_state import Outcome, RunState
from hourbell.testing.conformance.bench import TASK, Bench, ids
from hourbell.testing.conformance.suite import Conformance


class ClaimingConformance(Conformance):
    """`RunStore.claim`: which runs a node is given, and in which order, but for races."""

    async def test_a_due_run_is_given(self, bench: Bench) -> None:
        await bench.node()
        queued = await bench.enqueue(args={"x": [1, {"y": None}]}, key="k", priority=3, tracking_id="t")
        claim = await bench.store.claim("a", "c", limit=5, tasks={TASK: 1}, queues=None, suspects=1)
        assert claim is not None
        assert (claim.now, claim.missed) == (bench.now, ())
        assert claim.runs == (replace(queued, state=RunState.RUNNING, attempt=1, node_id="a"),)
        assert await bench.get(queued) == claim.runs[0]

    async def test_a_run_is_told_as_it_stands_also_when_it_was_asked_for_long_before(self, bench: Bench) -> None:
        await bench.node()
        await bench.enqueue(delay=timedelta(seconds=10), args={"to": ["x", 1]}, priority=3, tracking_id="t")
        bench.clock.advance(60)
        (run,) = await bench.claim()
        assert await bench.get(run) == run
        assert run.run_at is not None
        assert (run.created_at, run.run_at) == (bench.later(-60), bench.later(-50))

    async def test_a_run_is_told_as_it_stands_whether_or_not_that_is_usual(self, bench: Bench) -> None:
        await bench.node()
        usual = await bench.enqueue(queue="default", priority=0, on_lost="retry", lost_limit=5)
        other = await bench.enqueue(queue="other", priority=1, on_lost="fail", lost_limit=4)
        tried = await bench.enqueue(priority=2)
        claimed = {run.id: run for run in await bench.claim()}
        await bench.fail_and_retry(claimed[tried.id])
        (claimed[tried.id],) = await bench.claim()
        for run in (usual, other, tried):
            assert await bench.get(run) == claimed[run.id]
        told = claimed[usual.id]
        assert (told.queue, told.priority, told.on_lost, told.lost_limit) == ("default", 0, "retry", 5)
        told = claimed[other.id]
        assert (told.queue, told.priority, told.on_lost, told.lost_limit) == ("other", 1, "fail", 4)
        assert (claimed[tried.id].failures, claimed[usual.id].failures, claimed[usual.id].losses) == (1, 0, 0)

    async def test_no_run_is_due(self, bench: Bench) -> None:
        await bench.node()
        assert await bench.claim() == []

    async def test_a_run_is_due_at_its_very_instant_and_not_before(self, bench: Bench) -> None:
        await bench.node()
        await bench.enqueue(delay=timedelta(seconds=10))
        bench.clock.advance(9.999999)
        assert await bench.claim() == []
        bench.clock.advance(0.000001)
        assert len(await bench.claim()) == 1

    async def test_a_run_is_given_once(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.node("b")
        await bench.enqueue()
        assert len(await bench.claim("a")) == 1
        assert await bench.claim("a") == []
        assert await bench.claim("b") == []

    async def test_a_node_that_is_not_live_is_given_nothing(self, bench: Bench) -> None:
        run = await bench.enqueue()
        for node in await bench.gone_nodes():
            answer = await bench.store.claim(node, "c", limit=5, tasks={TASK: 5}, queues=None, suspects=5)
            assert answer is None, node
            assert await bench.store.claimed(node, "c") == []
        assert await bench.get(run) == run

    async def test_a_node_without_room_is_still_live(self, bench: Bench) -> None:
        await bench.node()
        await bench.enqueue()
        assert await bench.claim(limit=0) == []
        assert await bench.claim(tasks={}) == []
        assert await bench.claim(tasks={TASK: 0}) == []
        assert await bench.claim(queues=[]) == []

    async def test_only_known_tasks_are_given(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(20):
            await bench.enqueue("unknown", priority=-100)
        known = await bench.enqueue("known")
        assert ids(await bench.claim(tasks=("known", "it's none"), limit=5)) == [known.id]

    async def test_each_task_is_given_as_far_as_it_has_room(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(5):
            for task in ("one", "two", "none"):
                await bench.enqueue(task)
        runs = await bench.claim(tasks={"one": 1, "two": 3, "none": 0})
        assert sorted(run.task for run in runs) == ["one", "two", "two", "two"]

    async def test_the_room_of_a_task_is_one_for_all_queues(self, bench: Bench) -> None:
        await bench.node()
        for queue in ("x", "y", "z"):
            await bench.enqueue(queue=queue)
        assert len(await bench.claim(tasks={TASK: 2})) == 2

    async def test_a_full_task_does_not_hide_another(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(20):
            await bench.enqueue("full", priority=-5)
        other = await bench.enqueue("other")
        assert other.id in ids(await bench.claim(tasks={"full": 1, "other": 1}, limit=2))

    async def test_queues_are_chosen(self, bench: Bench) -> None:
        await bench.node()
        for queue in ("default", "mail", "it's slow"):
            await bench.enqueue(queue=queue)
        assert [run.queue for run in await bench.claim(queues=["it's slow"])] == ["it's slow"]
        assert sorted(run.queue for run in await bench.claim(queues=None)) == ["default", "mail"]

    async def test_lower_priority_numbers_first_then_the_earlier(self, bench: Bench) -> None:
        await bench.node()
        names = {}
        for name, priority, seconds in (("d", 0, 3), ("b", -1, 4), ("c", 0, 2), ("a", -1, 1), ("e", 7, 0)):
            names[(await bench.enqueue(priority=priority, delay=timedelta(seconds=seconds))).id] = name
        bench.clock.advance(10)
        assert [names[run.id] for run in await bench.claim(limit=3)] == ["a", "b", "c"]
        assert [names[run.id] for run in await bench.claim(limit=3)] == ["d", "e"]

    async def test_priority_counts_across_tasks_and_queues(self, bench: Bench) -> None:
        await bench.node()
        await bench.enqueue("one", queue="x", priority=2)
        await bench.enqueue("one", queue="y", priority=1)
        urgent = await bench.enqueue("two", queue="z", priority=0)
        assert ids(await bench.claim(tasks=("one", "two"), limit=1)) == [urgent.id]

    async def test_attempts_rise_and_never_fall(self, bench: Bench) -> None:
        run = await bench.running()
        for expected in (2, 3, 4):
            await bench.settle(run, Outcome.HANDED_BACK)
            assert (await bench.get(run)).attempt == expected - 1
            (run,) = await bench.claim()
            assert run.attempt == expected

    async def test_a_new_attempt_begins_with_a_clean_row(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.store.note_started("a", [(run.id, 1, bench.now)])
        await bench.fail_and_retry(await bench.get(run))
        (again,) = await bench.claim()
        assert (again.started_at, again.finished_at, again.outcome, again.error) == (None, None, None, None)

    async def test_of_what_starts_at_most_once_no_more_is_given_than_starts_now(self, bench: Bench) -> None:
        await bench.node("a")
        for priority in range(6):
            await bench.enqueue(priority=priority, on_lost="fail" if priority % 2 else "retry")
        claims = [await bench.claim("a", slots=slots) for slots in (0, 2, None)]
        assert [[run.priority for run in claim] for claim in claims] == [[0, 2, 4], [1, 3], [5]]

    async def test_what_was_due_before_an_instant_may_be_left_out_and_nothing_else(self, bench: Bench) -> None:
        await bench.node()
        old = await bench.enqueue(run_at=bench.later(-20))
        later = await bench.enqueue(run_at=bench.later(-10))
        latest = await bench.enqueue(run_at=bench.later(-5))
        urgent = await bench.enqueue(run_at=bench.later(-5), priority=-1)
        given = ids(await bench.claim(since=bench.later(-10)))
        assert [one for one in given if one != old.id] == [urgent.id, later.id, latest.id]
        rest = ids(await bench.claim())
        assert sorted([*given, *rest]) == sorted(one.id for one in (old, later, latest, urgent))

    async def test_what_is_due_after_an_instant_may_be_left_out_and_nothing_else(self, bench: Bench) -> None:
        await bench.node()
        old, _, latest = [await bench.enqueue(run_at=bench.later(-at)) for at in (20, 10, 5)]
        future = await bench.enqueue(run_at=bench.later(20))
        given = ids(await bench.claim(since=bench.later(-20), until=bench.later(-10)))
        assert given[0] == old.id
        assert len(given) >= 2
        rest = ids(await bench.claim(until=bench.later(30)))
        assert latest.id in {*given, *rest}
        assert future.id not in {*given, *rest}
