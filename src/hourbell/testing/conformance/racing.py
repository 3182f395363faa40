"""Races: several handles, on one event loop and on several threads, at the same work at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.errors import Conflict
from hourbell.model.editing import Edit, pausing
from hourbell.model.ids import new_claim_id
from hourbell.model.node import NodeState
from hourbell.model.plan import Question
from hourbell.model.retention import Retention
from hourbell.model.run_state import Origin, Outcome, Reason, RunState
from hourbell.model.schedule import Source
from hourbell.model.schedule_filter import ScheduleFilter
from hourbell.testing.conformance.bench import LEASE, TASK, Bench, ids
from hourbell.testing.conformance.planners import every_fire
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import Every

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.plan import Fired
    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule
    from hourbell.store.protocol import Store

_THREADS = 4
_ROUNDS = 5


async def _claimed(store: Store, node_id: str, limit: int) -> list[Run]:
    """What one claim of a live node gives."""
    claim = await store.claim(node_id, new_claim_id(), limit=limit, tasks={TASK: 100}, queues=None, suspects=100)
    assert claim is not None
    return list(claim.runs)


class RacingConformance(Conformance):
    """Whatever happens at once happens as if one after the other."""

    async def test_two_handles_fire_each_fire_once(self, bench: Bench) -> None:
        other = await bench.twin()
        for number in range(20):
            await bench.schedule(str(number))
        fired: list[Fired] = []
        bench.clock.advance(3)
        while (await bench.store.next_work("a", Question((), None))).fire_due:
            reports = await asyncio.gather(
                *(handle.fire_due(7, every_fire) for handle in (bench.store, other, bench.store, other))
            )
            fired += [one for report in reports for one in report.fired]
        await self._fired_once(bench, fired, schedules=20, fires=3)

    async def test_threads_fire_each_fire_once(self, bench: Bench) -> None:
        for number in range(30):
            await bench.schedule(str(number))
        bench.clock.advance(2)

        async def fire(store: Store, _: int) -> list[Fired]:
            fired: list[Fired] = []
            while (await store.next_work("a", Question((), None))).fire_due:
                fired += (await store.fire_due(3, every_fire)).fired
            return fired

        found = await bench.in_threads(_THREADS, fire)
        await self._fired_once(bench, [one for part in found for one in part], schedules=30, fires=2)

    async def _fired_once(self, bench: Bench, fired: list[Fired], *, schedules: int, fires: int) -> None:
        recorded = Counter((run.schedule_id, run.fire_at) for run in await bench.runs())
        assert set(recorded.values()) == {1}
        assert len(recorded) == schedules * fires
        assert Counter((one.schedule_id, one.fire_at) for one in fired) == recorded
        assert {one.run_id for one in fired} == set(ids(await bench.runs()))

    async def test_two_nodes_are_given_each_run_once(self, bench: Bench) -> None:
        other = await bench.twin()
        for node in ("a", "b"):
            await bench.node(node)
        for _ in range(40):
            await bench.enqueue()
        given: list[Run] = []
        while (await bench.store.next_work("a", Question((TASK,), None))).run_due:
            parts = await asyncio.gather(_claimed(bench.store, "a", 7), _claimed(other, "b", 7))
            given += [run for part in parts for run in part]
        assert sorted(ids(given)) == sorted(ids(await bench.runs()))
        assert {run.attempt for run in given} == {1}
        assert {run.id: run.node_id for run in given} == {run.id: run.node_id for run in await bench.runs()}

    async def test_threads_claim_and_settle_each_run_once(self, bench: Bench) -> None:
        for number in range(_THREADS):
            await bench.node(str(number))
        for _ in range(60):
            await bench.enqueue()

        async def drain(store: Store, number: int) -> list[str]:
            done: list[str] = []
            while (await store.next_work(str(number), Question((TASK,), None))).run_due:
                reports = [bench.report(run) for run in await _claimed(store, str(number), 5)]
                done += await store.settle(str(number), reports)
            return done

        parts = await bench.in_threads(_THREADS, drain)
        assert sorted(run_id for part in parts for run_id in part) == sorted(ids(await bench.runs()))
        assert {(run.state, run.attempt) for run in await bench.runs()} == {(RunState.SUCCEEDED, 1)}

    async def test_nodes_that_start_at_once_make_one_row(self, bench: Bench) -> None:
        names = ["c", "a", "b"]

        async def start(store: Store, number: int) -> list[Schedule]:
            await store.register_node(bench.new_node(str(number)))
            mine = names[number % 3 :] + names[: number % 3]
            return list(await store.declare(str(number), [bench.declaration(name) for name in mine]))

        answers = await bench.in_threads(_THREADS, start)
        stored = {schedule.id: schedule for schedule in (await bench.store.list_schedules(ScheduleFilter())).items}
        assert sorted(stored) == ["a", "b", "c"]
        assert all(stored[schedule.id] == schedule for answer in answers for schedule in answer)
        assert {schedule.version for schedule in stored.values()} == {1}

    async def test_a_schedule_is_added_once(self, bench: Bench) -> None:
        async def add(store: Store, number: int) -> Schedule | None:
            stated = bench.declaration(source=Source.CALL, args={"n": number})
            try:
                return await store.add_schedule(stated, "error")
            except Conflict:
                return None

        answers = [schedule for schedule in await bench.in_threads(_THREADS, add) if schedule is not None]
        assert answers == [await bench.store.get_schedule("s")]

    async def test_a_key_makes_one_run(self, bench: Bench) -> None:
        async def request(store: Store, number: int) -> list[str]:
            wanted = [bench.request(key=f"k{place}", args={"n": number}) for place in range(5)]
            return ids(await store.enqueue(wanted if number % 2 else wanted[::-1]))

        answers = [sorted(answer) for answer in await bench.in_threads(_THREADS, request)]
        assert answers == [sorted(ids(await bench.runs()))] * _THREADS
        assert len(await bench.runs()) == 5

    async def test_no_edit_is_lost(self, bench: Bench) -> None:
        def count(schedule: Schedule, _now: datetime) -> Edit:
            return Edit(replace(schedule, args={"n": schedule.args["n"] + 1}))

        async def edit(store: Store, _: int) -> None:
            for _ in range(25):
                await store.edit_schedule("s", count)

        await bench.schedule(args={"n": 0})
        await bench.in_threads(_THREADS, edit)
        assert (await bench.store.get_schedule("s")).args == {"n": 25 * _THREADS}

    async def test_two_rescuers_count_one_loss(self, bench: Bench) -> None:
        runs = [await bench.running("a") for _ in range(10)]
        seen = await bench.renewals()
        bench.clock.advance(LEASE.total_seconds() + 1)
        answers = await bench.in_threads(_THREADS, lambda store, _: store.rescue({"a": seen["a"]}))
        assert sorted(answer.dead for answer in answers) == [()] * (_THREADS - 1) + [("a",)]
        assert sum(answer.requeued for answer in answers) == len(runs)
        assert {run.losses for run in await bench.runs()} == {1}
        assert [len(await bench.attempts(run)) for run in runs] == [1] * len(runs)

    async def test_one_of_two_different_reports_is_accepted(self, bench: Bench) -> None:
        other = await bench.twin()
        for _ in range(_ROUNDS):
            run = await bench.running()
            good, bad = bench.report(run), bench.report(run, Outcome.FAILED, failed=True, error="boom")
            answers = await asyncio.gather(bench.store.settle("a", [good]), other.settle("a", [bad]))
            assert sorted(map(len, answers)) == [0, 1]
            accepted = good if answers[0] else bad
            assert (await bench.get(run)).outcome is accepted.outcome

    async def test_a_report_races_a_rescue(self, bench: Bench) -> None:
        other = await bench.twin()
        for number in range(_ROUNDS):
            run = await bench.running(f"n{number}")
            seen = await bench.renewals()
            bench.clock.advance(LEASE.total_seconds() + 1)
            accepted, rescue = await asyncio.gather(
                bench.store.settle(f"n{number}", [bench.report(run)]), other.rescue({f"n{number}": seen[f"n{number}"]})
            )
            after = await bench.get(run)
            assert rescue.dead == (f"n{number}",)
            assert after.state is (RunState.SUCCEEDED if accepted else RunState.QUEUED)
            assert (after.losses, rescue.requeued) == ((0, 0) if accepted else (1, 1))
            if not accepted:
                await bench.store.cancel_run(run.id)

    async def test_nothing_is_claimed_for_a_node_that_leaves(self, bench: Bench) -> None:
        other = await bench.twin()
        for number in range(_ROUNDS):
            node = await bench.node(f"n{number}")
            for _ in range(5):
                await bench.enqueue()
            await asyncio.gather(
                other.claim(node, "c", limit=9, tasks={TASK: 9}, queues=None, suspects=9),
                bench.store.retire_node(node),
            )
            assert await bench.store.held(node) == []
            assert await bench.runs(state=RunState.RUNNING) == []

    async def test_a_run_is_cancelled_or_claimed(self, bench: Bench) -> None:
        other = await bench.twin()
        await bench.node()
        for _ in range(_ROUNDS):
            run = await bench.enqueue()
            cancelled, given = await asyncio.gather(
                bench.store.cancel_run(run.id), _claimed(other, "a", 1), return_exceptions=True
            )
            assert isinstance(given, list)
            assert not isinstance(cancelled, BaseException)
            stored = await bench.get(run)
            assert stored.state is (RunState.RUNNING if given else RunState.CANCELLED)
            assert stored.cancel_requested_at == bench.now

    async def test_a_run_asked_to_end_while_it_is_tried_again_ends(self, bench: Bench) -> None:
        other = await bench.twin()
        for _ in range(_ROUNDS):
            run = await bench.running()
            retried = bench.report(run, Outcome.FAILED, state=RunState.QUEUED, failed=True)
            cancelled, accepted = await asyncio.gather(
                bench.store.cancel_run(run.id), other.settle("a", [retried]), return_exceptions=True
            )
            assert not isinstance(cancelled, BaseException)
            assert not isinstance(accepted, BaseException)
            stored = await bench.get(run)
            assert (stored.state, stored.reason, stored.failures) == (RunState.CANCELLED, Reason.CANCELLED, 1)
            # Before the report: it became cancelled. After it: the run was queued, and ended there.
            assert (accepted[run.id] is RunState.CANCELLED) == (cancelled.state is RunState.RUNNING)
            assert len(await bench.attempts(run)) == (accepted[run.id] is RunState.QUEUED)

    async def test_triggers_at_once_overlap(self, bench: Bench) -> None:
        async def trigger(store: Store, _: int) -> Run:
            return await store.trigger_schedule(
                "s", lambda schedule: bench.request(origin=Origin.TRIGGER, schedule_id=schedule.id)
            )

        await bench.schedule(policies={"max_running": 2})
        states = Counter(run.state for run in await bench.in_threads(_THREADS, trigger))
        assert states == {RunState.QUEUED: 2, RunState.SKIPPED: _THREADS - 2}

    async def test_a_pause_leaves_no_fire_behind(self, bench: Bench) -> None:
        other = await bench.twin()
        for number in range(_ROUNDS):
            await bench.schedule(str(number), trigger=Every(seconds=1))
            bench.clock.advance(1)
            await asyncio.gather(other.fire_due(10, every_fire), bench.store.edit_schedule(str(number), pausing(None)))
            assert await bench.runs(state=RunState.QUEUED) == []

    async def test_a_removal_leaves_no_fire_behind(self, bench: Bench) -> None:
        other = await bench.twin()
        for number in range(_ROUNDS):
            await bench.schedule(str(number), trigger=Every(seconds=1))
            bench.clock.advance(1)
            await asyncio.gather(other.fire_due(10, every_fire), bench.store.remove_schedule(str(number)))
            assert await bench.runs(state=RunState.QUEUED) == []

    async def test_a_node_registers_once(self, bench: Bench) -> None:
        await bench.in_threads(_THREADS, lambda store, _: store.register_node(bench.new_node("a")))
        assert [(node.id, node.state) for node in await bench.store.list_nodes()] == [("a", NodeState.LIVE)]

    async def test_each_run_is_pruned_once(self, bench: Bench) -> None:
        for _ in range(20):
            await bench.store.cancel_run((await bench.enqueue()).id)
        bench.clock.advance(60)

        async def prune(store: Store, _: int) -> int:
            deleted = 0
            for _ in range(10):
                deleted += (await store.prune(Retention(LEASE), 3)).deleted
            return deleted

        deleted = sum(await bench.in_threads(_THREADS, prune))
        assert deleted + (await bench.store.prune(Retention(LEASE), 100)).deleted == 20
        assert await bench.runs() == []
