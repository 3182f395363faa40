"""Claiming: due runs are given to live nodes, each to one, with the next attempt number."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hourbell.model.run import ROOM_FOR_SUSPECTS
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.testing.conformance.bench import TASK, Bench, ids
from hourbell.testing.conformance.planners import with_grace
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GRACE = timedelta(seconds=30)


class ClaimingConformance(Conformance):
    """`RunStore.claim`, `claimed`, `held` and `note_started`, but for races."""

    async def test_a_due_run_is_given(self, bench: Bench) -> None:
        await bench.node()
        queued = await bench.enqueue(args={"x": [1, {"y": None}]}, key="k", priority=3, tracking_id="t")
        claim = await bench.store.claim("a", "c", limit=5, tasks={TASK: 1}, queues=None, suspects=1)
        assert claim is not None
        assert (claim.now, claim.missed) == (bench.now, ())
        assert claim.runs == (replace(queued, state=RunState.RUNNING, attempt=1, node_id="a"),)
        assert await bench.get(queued) == claim.runs[0]

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
        await bench.node("stopped")
        await bench.store.retire_node("stopped")
        await bench.node("dead")
        await bench.kill("dead")
        for node in ("unknown", "stopped", "dead"):
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

    async def test_the_room_of_a_task_holds_for_lost_runs_too(self, bench: Bench) -> None:
        await self._lost(bench, times=3)
        await bench.enqueue()
        assert len(await bench.claim("survivor", tasks={TASK: 1}, suspects=1)) == 1

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

    async def test_a_run_that_comes_too_late_is_missed(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(1, with_grace(_GRACE))
        bench.clock.advance(_GRACE.total_seconds() + 0.000001)
        claim = await bench.store.claim("a", "c", limit=5, tasks={TASK: 5}, queues=None, suspects=5)
        assert claim is not None
        assert claim.runs == ()
        (missed,) = claim.missed
        assert (missed.state, missed.reason, missed.finished_at) == (RunState.SKIPPED, Reason.MISSED, bench.now)
        assert (missed.attempt, missed.node_id) == (0, None)
        assert await bench.get(missed) == missed
        assert await bench.store.claimed("a", "c") == []

    async def test_grace_includes_its_last_instant(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(1, with_grace(_GRACE))
        bench.clock.advance(_GRACE.total_seconds())
        assert len(await bench.claim()) == 1

    async def test_grace_is_judged_on_the_first_attempt_only(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(1, with_grace(_GRACE))
        (run,) = await bench.claim()
        await bench.settle(run, Outcome.HANDED_BACK)
        bench.clock.advance(_GRACE.total_seconds() * 10)
        (again,) = await bench.claim()
        assert (again.id, again.attempt) == (run.id, 2)

    async def test_missed_runs_do_not_hide_others(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(5, with_grace(_GRACE))
        bench.clock.advance(3600)
        due = await bench.enqueue()
        found: list[str] = []
        for _ in range(6):
            found += ids(await bench.claim(limit=1))
        assert found == [due.id]

    async def test_few_suspects_are_given_at_a_time(self, bench: Bench) -> None:
        await self._lost(bench, times=3)
        await bench.enqueue()
        assert await self._losses(bench, suspects=0) == [0]
        assert await self._losses(bench, suspects=1) == [3]
        assert await self._losses(bench, suspects=9) == [3, 3]

    async def test_the_room_for_suspects_is_one_for_all_tasks_and_queues(self, bench: Bench) -> None:
        await self._lost(bench, 3, [{"task": f"task-{place}", "queue": f"queue-{place}"} for place in range(3)])
        tasks = [f"task-{place}" for place in range(3)]
        assert len(await bench.claim("survivor", tasks=tasks, suspects=2)) == 2

    async def test_a_run_that_the_next_loss_fails_takes_all_the_room(self, bench: Bench) -> None:
        await self._lost(bench, times=4)
        await bench.enqueue()
        assert await self._losses(bench, suspects=ROOM_FOR_SUSPECTS - 1) == [0]
        assert await self._losses(bench, suspects=ROOM_FOR_SUSPECTS) == [4]
        assert await self._losses(bench, suspects=ROOM_FOR_SUSPECTS) == [4]

    async def test_a_suspect_that_does_not_fit_is_not_passed_over_for_one_that_would(self, bench: Bench) -> None:
        await self._lost(bench, 3, [{"priority": 0}, {"priority": 1, "lost_limit": 4}, {"priority": 2}])
        claims = [await bench.claim("survivor", suspects=ROOM_FOR_SUSPECTS) for _ in range(3)]
        assert [[run.priority for run in claim] for claim in claims] == [[0], [1], [2]]

    async def test_of_what_starts_at_most_once_no_more_is_given_than_starts_now(self, bench: Bench) -> None:
        await bench.node("a")
        for priority in range(6):
            await bench.enqueue(priority=priority, on_lost="fail" if priority % 2 else "retry")
        claims = [await bench.claim("a", slots=slots) for slots in (0, 2, None)]
        assert [[run.priority for run in claim] for claim in claims] == [[0, 2, 4], [1, 3], [5]]

    async def test_of_what_was_lost_before_no_more_is_given_than_starts_now(self, bench: Bench) -> None:
        await self._lost(bench, 1, [{"priority": priority} for priority in (1, 3, 5)])
        for priority in (0, 2, 4):
            await bench.enqueue(priority=priority)
        claims = [await bench.claim("survivor", slots=slots) for slots in (0, 2, None)]
        assert [[run.priority for run in claim] for claim in claims] == [[0, 2, 4], [1, 3], [5]]

    async def test_two_losses_are_no_suspicion(self, bench: Bench) -> None:
        await self._lost(bench, times=2)
        assert await self._losses(bench, suspects=0) == [2, 2, 2]

    async def test_a_run_that_the_next_loss_fails_is_a_suspect(self, bench: Bench) -> None:
        await self._lost(bench, 1, [{"lost_limit": 2}])
        assert await self._losses(bench, suspects=ROOM_FOR_SUSPECTS - 1) == []
        assert await self._losses(bench, suspects=ROOM_FOR_SUSPECTS) == [1]

    async def test_a_run_that_was_never_lost_is_none_whatever_its_limit(self, bench: Bench) -> None:
        await self._lost(bench, 0, [{"lost_limit": 1}])
        assert await self._losses(bench, suspects=0) == [0]

    async def _lost(self, bench: Bench, times: int, wanted: Sequence[Mapping[str, Any]] = ({}, {}, {})) -> None:
        """Runs that were lost so often, and a live node that lost none of them."""
        tasks = {(await bench.enqueue(**fields)).task for fields in wanted}
        for number in range(times):
            await bench.node(f"victim-{number}")
            assert len(await bench.claim(f"victim-{number}", tasks=tasks)) == len(wanted)
            await bench.kill(f"victim-{number}")
        await bench.node("survivor")

    async def _losses(self, bench: Bench, suspects: int) -> list[int]:
        return [run.losses for run in await bench.claim("survivor", suspects=suspects)]

    async def test_a_claim_is_read_back_by_its_name(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.node("b")
        await bench.enqueue()
        await bench.enqueue()
        (one,) = await bench.claim("a", claim_id="one", limit=1)
        (two,) = await bench.claim("a", claim_id="two", limit=1)
        assert await bench.store.claimed("a", "one") == [one]
        assert await bench.store.claimed("a", "two") == [two]
        assert await bench.store.claimed("b", "one") == []
        assert await bench.store.claimed("a", "none") == []
        await bench.settle(one)
        await bench.settle(two, Outcome.HANDED_BACK)
        assert await bench.store.claimed("a", "one") == []
        assert await bench.store.claimed("a", "two") == []

    async def test_a_claim_that_is_repeated_loses_nothing(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(3):
            await bench.enqueue()
        given = ids(await bench.claim(claim_id="c", limit=2)) + ids(await bench.claim(claim_id="c", limit=2))
        assert len(set(given)) == 3
        assert sorted(ids(await bench.store.claimed("a", "c"))) == sorted(given)

    async def test_a_later_claim_of_the_same_run_has_another_name(self, bench: Bench) -> None:
        await bench.node()
        await bench.enqueue()
        (run,) = await bench.claim(claim_id="one")
        await bench.settle(run, Outcome.HANDED_BACK)
        (again,) = await bench.claim(claim_id="two")
        assert await bench.store.claimed("a", "one") == []
        assert await bench.store.claimed("a", "two") == [again]

    async def test_what_a_node_holds(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.node("b")
        first = await bench.running("a")
        second = await bench.running("a")
        await bench.running("b")
        await bench.enqueue()
        await bench.settle(second, Outcome.HANDED_BACK)
        (again,) = [run for run in await bench.claim("a") if run.id == second.id]
        held = {one.run_id: one.attempt for one in await bench.store.held("a")}
        assert (held[first.id], held[again.id], len(held)) == (1, 2, 3)
        assert await bench.store.held("unknown") == []

    async def test_the_start_of_a_body_is_noted(self, bench: Bench) -> None:
        run, other = await bench.running(), await bench.running()
        began = bench.now
        bench.clock.advance(5)
        await bench.store.note_started("a", [(run.id, 1, began)])
        assert (await bench.get(run)).started_at == began
        assert (await bench.get(other)).started_at is None

    async def test_a_start_under_another_attempt_or_node_is_passed_over(self, bench: Bench) -> None:
        run, ended = await bench.running(), await bench.running()
        await bench.node("b")
        await bench.settle(ended)
        before = await bench.get(run), await bench.get(ended)
        await bench.store.note_started("a", [(run.id, 2, bench.now), (run.id, 0, bench.now), (ended.id, 1, bench.now)])
        await bench.store.note_started("b", [(run.id, 1, bench.now)])
        await bench.store.note_started("a", [])
        assert (await bench.get(run), await bench.get(ended)) == before

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
