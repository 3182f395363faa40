"""A whole node on a memory store: it fires, claims, executes and settles, and ends without leaving anything."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from typing import Any

import pytest

from engine.bench import Bench, until, until_async
from hourbell.context import Context, current_run
from hourbell.engine.status import Life
from hourbell.errors import MigrationNeeded, StoreMisconfigured, StoreUnavailable
from hourbell.events import NodeLost, RunFailed, RunRetried, RunStarted, RunSucceeded
from hourbell.model.node import NodeState
from hourbell.model.run import Run
from hourbell.model.run_state import Outcome, RunState
from hourbell.triggers import At, Every


async def test_a_schedule_fires_and_its_body_runs() -> None:
    bench = Bench()
    seen: list[Any] = []

    async def ring(context: Context) -> str:
        seen.append((context.schedule_id, context.fire_at, context.attempt))
        return "dong"

    bench.task(ring)
    bench.schedule("ring")
    async with bench.running() as node:
        assert node.status.state is Life.LIVE
        await until(lambda: len(seen) >= 2)
    assert node.status.state is Life.STOPPED
    runs = await bench.runs(state=RunState.SUCCEEDED)
    assert [run.fire_at for run in runs] == [fire_at for _, fire_at, _ in seen]
    assert {run.result for run in runs} == {"dong"}
    assert all(run.started_at and run.finished_at and run.started_at >= run.fire_at for run in runs)


async def test_a_plain_function_runs_in_a_thread_of_its_own() -> None:
    bench = Bench()
    seen: list[Any] = []

    def sweep() -> int:
        run = current_run()
        seen.append((threading.current_thread().name, run.run_id if run else None))
        return 7

    bench.task(sweep)
    async with bench.running() as node:
        run = await bench.enqueue("sweep")
        node.wake()
        done = await bench.final(run.id)
    assert (done.state, done.result) == (RunState.SUCCEEDED, 7)
    assert seen[0][0].startswith("hourbell-body")
    assert seen[0][1] == run.id


async def test_a_thousand_runs_of_both_kinds_are_each_run_once() -> None:
    bench = Bench()
    seen: list[int] = []

    async def ring(n: int) -> None:
        seen.append(n)

    def sweep(n: int) -> None:
        seen.append(n)

    bench.task(ring)
    bench.task(sweep)
    runs = [await bench.enqueue(name, args={"n": n}) for n, name in enumerate(("ring", "sweep") * 500)]
    async with bench.running():
        await until(lambda: len(seen) >= 1_000)
        await until_async(lambda: _all_final(bench, [run.id for run in runs]))
    assert sorted(seen) == list(range(1_000))
    assert all([(await bench.run(run.id)).attempt == 1 for run in runs])


def gaps(runs: list[Run]) -> list[float]:
    """Seconds between the fires that are recorded."""
    fires = sorted(run.fire_at for run in runs if run.fire_at is not None)
    return [round((b - a).total_seconds(), 3) for a, b in itertools.pairwise(fires)]


def sleep_for_two_leases() -> None:
    time.sleep(7)


async def _all_final(bench: Bench, run_ids: list[str]) -> bool:
    return all([(await bench.run(run_id)).state.final for run_id in run_ids])


async def test_what_fails_is_tried_again_and_then_failed() -> None:
    bench = Bench()
    tries: list[int] = []

    async def flaky(context: Context) -> None:
        tries.append(context.attempt)
        raise ValueError(f"no {context.attempt}")

    bench.task(flaky, retry={"attempts": 3, "first": 0.05, "jitter": False})
    heard: list[Any] = []
    for kind in (RunStarted, RunRetried, RunFailed, RunSucceeded):
        bench.events.on(kind, heard.append)
    bench.events.attach(asyncio.get_running_loop())
    async with bench.running() as node:
        run = await bench.enqueue("flaky")
        node.wake()
        done = await bench.final(run.id)
        await until(lambda: len(heard) >= 6)
    assert tries == [1, 2, 3]
    assert (done.state, done.failures, done.outcome) == (RunState.FAILED, 3, Outcome.FAILED)
    assert done.error is not None
    assert done.error.startswith("ValueError: no 3")
    assert "flaky" in done.error
    assert "hourbell/engine" not in done.error
    assert "hourbell/executors" not in done.error
    assert [type(event) for event in heard] == [RunStarted, RunRetried] * 2 + [RunStarted, RunFailed]
    assert len(await bench.store.list_attempts(run.id)) == 2


async def test_a_body_that_takes_too_long_is_timed_out() -> None:
    bench = Bench()
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("async")

    def stuck(context: Context) -> None:
        while not context.cancelled:
            time.sleep(0.01)
        ended.append("thread")

    bench.task(slow, timeout=0.1)
    bench.task(stuck, timeout=0.1)
    async with bench.running() as node:
        runs = [await bench.enqueue("slow"), await bench.enqueue("stuck")]
        node.wake()
        done = [await bench.final(run.id) for run in runs]
        await until(lambda: len(ended) == 2)
    assert [run.state for run in done] == [RunState.FAILED] * 2
    assert [run.outcome for run in done] == [Outcome.TIMED_OUT] * 2
    assert done[0].error == "timed out after 0.1 s"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_what_is_no_ordinary_error_fails_the_run_and_nothing_else(error: BaseException) -> None:
    bench = Bench()

    async def leave() -> None:
        raise error

    def leave_thread() -> None:
        raise error

    bench.task(leave)
    bench.task(leave_thread)
    async with bench.running() as node:
        runs = [await bench.enqueue("leave"), await bench.enqueue("leave_thread")]
        node.wake()
        done = [await bench.final(run.id) for run in runs]
    assert [run.state for run in done] == [RunState.FAILED] * 2
    assert all(type(error).__name__ in (run.error or "") for run in done)


async def test_arguments_that_do_not_fit_fail_the_run_without_a_retry() -> None:
    bench = Bench()

    async def ring(times: int) -> None: ...

    bench.task(ring, retry=5)
    async with bench.running() as node:
        run = await bench.enqueue("ring", args={"times": "many"})
        node.wake()
        done = await bench.final(run.id)
    assert (done.state, done.attempt) == (RunState.FAILED, 1)
    assert "times" in (done.error or "")
    assert done.started_at is None


async def test_a_node_claims_only_what_it_knows() -> None:
    bench = Bench()

    async def known() -> None: ...

    bench.task(known)
    async with bench.running() as node:
        strange = await bench.enqueue("strange")
        run = await bench.enqueue("known")
        node.wake()
        await bench.final(run.id)
        assert (await bench.run(strange.id)).state is RunState.QUEUED
        assert (await bench.run(strange.id)).attempt == 0


async def test_a_node_without_room_for_runs_fires_only() -> None:
    bench = Bench(max_runs=0)

    async def ring() -> None: ...

    bench.task(ring)
    bench.schedule("ring")
    async with bench.running():
        await until_async(bench.runs)
        await asyncio.sleep(0.5)
        assert {run.state for run in await bench.runs()} == {RunState.QUEUED, RunState.SKIPPED} or {
            run.state for run in await bench.runs()
        } == {RunState.QUEUED}
    assert bench.faults.asked["claim"] == 0


async def test_a_run_for_later_starts_when_it_is_due() -> None:
    bench = Bench(poll=5.0, poll_with_hints=5.0)
    started: list[float] = []

    async def ring() -> None:
        started.append(bench.clock.elapsed())

    bench.task(ring)
    async with bench.running() as node:
        asked = bench.clock.elapsed()
        await bench.enqueue("ring", delay=0.7)
        node.wake()
        await until(lambda: bool(started))
    assert started[0] - asked >= 0.7


async def test_bodies_that_finish_within_the_grace_are_drained() -> None:
    bench = Bench()
    going = asyncio.Event()

    async def ring() -> str:
        going.set()
        await asyncio.sleep(0.5)
        return "done"

    bench.task(ring)
    node = bench.node()
    await node.start()
    run = await bench.enqueue("ring")
    node.wake()
    await asyncio.wait_for(going.wait(), 10)
    await node.stop()
    assert (await bench.run(run.id)).result == "done"


async def test_what_the_drain_cuts_short_is_handed_back_without_using_up_a_retry() -> None:
    bench = Bench(drain=0.1)
    going: list[str] = []
    leave = threading.Event()

    async def long() -> None:
        going.append("async")
        await asyncio.sleep(60)

    def stuck() -> None:
        going.append("thread")
        leave.wait(10)

    bench.task(long)
    bench.task(stuck)
    node = bench.node()
    await node.start()
    runs = [await bench.enqueue("long"), await bench.enqueue("stuck")]
    node.wake()
    await until(lambda: len(going) == 2)
    await node.stop()
    leave.set()
    for run in runs:
        now = await bench.run(run.id)
        assert (now.state, now.failures, now.losses, now.attempt) == (RunState.QUEUED, 0, 0, 1)
        (attempt,) = await bench.store.list_attempts(run.id)
        assert attempt.outcome is Outcome.HANDED_BACK
        assert attempt.started_at is not None
    (stopped,) = await bench.store.list_nodes()
    assert stopped.state is NodeState.STOPPED


async def test_a_body_that_may_start_only_once_is_failed_by_the_drain() -> None:
    bench = Bench(drain=0.1)
    going = asyncio.Event()

    async def once() -> None:
        going.set()
        await asyncio.sleep(60)

    bench.task(once)
    node = bench.node()
    await node.start()
    run = await bench.enqueue("once", on_lost="fail")
    node.wake()
    await asyncio.wait_for(going.wait(), 10)
    await node.stop()
    done = await bench.run(run.id)
    assert done.state is RunState.FAILED
    assert "on_lost='fail'" in (done.error or "")


async def test_a_body_that_ignores_its_cancellation_holds_up_the_stop_only_shortly() -> None:
    bench = Bench(drain=0.1)
    going = asyncio.Event()
    leave = asyncio.Event()

    async def stubborn() -> None:
        going.set()
        while not leave.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue

    bench.task(stubborn)
    node = bench.node()
    await node.start()
    run = await bench.enqueue("stubborn")
    node.wake()
    await asyncio.wait_for(going.wait(), 10)
    await asyncio.wait_for(node.stop(), 10)
    assert (await bench.run(run.id)).state is RunState.QUEUED
    leave.set()
    await asyncio.sleep(0.2)
    assert (await bench.run(run.id)).state is RunState.QUEUED


async def test_a_lost_lease_cancels_the_bodies_and_the_node_lives_on_under_a_new_id() -> None:
    bench = Bench()
    seen: list[str] = []

    async def ring(context: Context) -> int:
        seen.append(f"start {context.attempt}")
        try:
            await asyncio.sleep(0 if context.attempt > 1 else 60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return context.attempt

    bench.task(ring)
    bench.schedule("ring", At(bench.clock.now()))
    async with bench.running() as node:
        before = node.status.id
        await until(lambda: bool(seen))
        bench.faults.away = True
        await until(lambda: "cancelled" in seen)
        assert node.status.state is Life.AWAY
        assert node.status.last_error is not None
        bench.faults.away = False
        await until(lambda: node.status.state is Life.LIVE)
        (run,) = await bench.runs()
        done = await bench.final(run.id)
    assert node.status.id != before
    assert seen == ["start 1", "cancelled", "start 2"]
    assert (done.result, done.losses, done.failures) == (2, 1, 0)
    nodes = {one.id: one for one in await bench.store.list_nodes()}
    assert nodes[before].state is NodeState.DEAD
    assert nodes[str(node.status.id)].process == nodes[before].process, "it was late, and not taken for dead"


async def test_a_node_that_the_database_calls_dead_takes_a_new_id() -> None:
    bench = Bench()

    async def ring() -> None: ...

    bench.task(ring)
    async with bench.running() as node:
        before = node.status.id
        await bench.store.retire_node(before)
        await until(lambda: node.status.id != before)
        run = await bench.enqueue("ring")
        node.wake()
        await bench.final(run.id)


async def test_the_answer_of_a_claim_is_lost_and_the_runs_are_still_run_once() -> None:
    bench = Bench()
    seen: list[int] = []

    async def ring(context: Context) -> None:
        seen.append(context.attempt)

    bench.task(ring)
    async with bench.running() as node:
        bench.faults.after("claim", times=3)
        run = await bench.enqueue("ring")
        node.wake()
        await bench.final(run.id)
    assert seen == [1]
    assert bench.faults.asked["claimed"] >= 1


async def test_the_answer_of_a_settle_is_lost_and_the_run_is_still_done_once() -> None:
    bench = Bench()
    seen: list[int] = []

    async def ring(context: Context) -> int:
        seen.append(context.attempt)
        return 1

    bench.task(ring)
    heard: list[Any] = []
    bench.events.on(RunSucceeded, heard.append)
    bench.events.attach(asyncio.get_running_loop())
    async with bench.running() as node:
        bench.faults.after("settle", times=2)
        bench.faults.before("settle", times=1)
        run = await bench.enqueue("ring")
        node.wake()
        done = await bench.final(run.id)
        await until(lambda: bool(heard))
    assert (done.state, seen, len(heard)) == (RunState.SUCCEEDED, [1], 1)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["fire_due", "next_work", "renew", "claim", "settle"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_any_verb_may_fail_and_every_fire_is_still_run_once(verb: str, when: str) -> None:
    bench = Bench()
    seen: list[Any] = []

    async def ring(context: Context) -> None:
        seen.append(context.fire_at)

    bench.task(ring)
    bench.schedule("ring", Every(seconds=0.2), catch_up="all", overlap="allow")
    getattr(bench.faults, when)(verb, times=2)
    getattr(bench.faults, when)(verb, RuntimeError("a fault of our own"))
    async with bench.running():
        await until(lambda: len(seen) >= 5 and bench.faults.nothing_planned())
        count = len(seen)
        await until(lambda: len(seen) >= count + 3)
    assert len(set(seen)) == len(seen)
    runs = await bench.runs()
    assert sorted(run.fire_at for run in runs if run.fire_at and run.state is RunState.SUCCEEDED) == sorted(seen)
    assert set(gaps(runs)) == {0.2}


async def test_it_starts_without_its_database_and_begins_when_that_is_there() -> None:
    bench = Bench()
    seen: list[str] = []

    async def ring() -> None:
        seen.append("dong")

    bench.task(ring)
    bench.schedule("ring")
    bench.faults.away = True
    async with bench.running() as node:
        assert node.status.state is Life.AWAY
        assert node.status.id is None
        await asyncio.sleep(0.3)
        bench.faults.away = False
        await until(lambda: bool(seen))
        assert node.status.state is Life.LIVE
        assert node.status.last_error is None


async def test_a_database_that_does_not_answer_holds_up_the_start_only_shortly() -> None:
    bench = Bench()
    bench.faults.hanging.add("register_node")
    async with bench.running() as node:
        assert node.status.state is Life.AWAY
        bench.faults.hanging.clear()
        await until(lambda: node.status.state is Life.LIVE)


async def test_a_start_that_waiting_would_not_mend_fails_at_once() -> None:
    bench = Bench()
    bench.faults.before("migrate", MigrationNeeded("the schema is too old; run `hourbell migrate`"))
    node = bench.node()
    with pytest.raises(MigrationNeeded):
        await node.start()
    assert node.status.state is Life.STOPPED


async def test_a_node_that_is_stopped_while_it_registers_leaves_no_live_row() -> None:
    bench = Bench()
    bench.faults.after("register_node")
    bench.faults.hanging.add("declare")
    node = bench.node()
    await node.start()
    await node.stop()
    assert {one.state for one in await bench.store.list_nodes()} == {NodeState.STOPPED}


async def test_stopping_while_the_database_is_away_does_not_hang() -> None:
    bench = Bench(drain=0.5)
    bench.faults.away = True
    node = bench.node()
    await node.start()
    await asyncio.wait_for(node.stop(), 10)
    await node.stop()
    assert node.status.state is Life.STOPPED


@pytest.mark.slow
async def test_a_blocked_application_loop_stops_neither_firing_nor_renewal() -> None:
    bench = Bench()
    blocked: list[str] = []

    async def block() -> None:
        blocked.append("yes")
        sleep_for_two_leases()

    async def ring() -> None: ...

    bench.task(block)
    bench.task(ring)
    bench.schedule("ring", catch_up="all", overlap="allow")
    async with bench.running() as node:
        before = node.status.id
        run = await bench.enqueue("block")
        node.wake()
        done = await bench.final(run.id)
        assert node.status.id == before
    assert (done.state, done.attempt) == (RunState.SUCCEEDED, 1)
    assert set(gaps(await bench.runs())) == {1.0}
    late = [(one.created_at - one.fire_at).total_seconds() for one in await bench.runs() if one.fire_at]
    assert max(late) < 3


async def test_two_nodes_share_the_work_and_none_is_run_twice() -> None:
    one = Bench(max_runs=5)
    other = one.neighbour(max_runs=5)
    seen: dict[str, list[int]] = {"one": [], "other": []}

    def ringer(who: str) -> Any:
        async def ring(n: int) -> None:
            seen[who].append(n)
            await asyncio.sleep(0.01)

        return ring

    one.task(ringer("one"), "ring")
    other.task(ringer("other"), "ring")
    for n in range(200):
        await one.enqueue("ring", args={"n": n})
    async with one.running(), other.running():
        await until(lambda: len(seen["one"]) + len(seen["other"]) >= 200)
    assert sorted(seen["one"] + seen["other"]) == list(range(200))
    assert seen["one"]
    assert seen["other"]


async def test_a_node_with_its_hands_full_tells_the_others_of_new_work() -> None:
    far_apart = {"poll": 60.0, "poll_with_hints": 60.0, "lease": 60.0}
    full = Bench(max_runs=1, **far_apart)
    idle = full.neighbour(**far_apart)
    leave = asyncio.Event()

    async def stay() -> None:
        await leave.wait()

    async def ring() -> str:
        return "dong"

    full.task(stay)
    full.task(ring)
    idle.task(ring)
    async with full.running() as node, idle.running():
        await full.enqueue("stay")
        node.wake()
        await until(lambda: full.faults.asked["hint"] > 0)
        await asyncio.sleep(0.5)  # the idle one has looked, found nothing, and sleeps for a minute
        run = await full.enqueue("ring")
        node.wake()
        assert (await full.final(run.id)).result == "dong"
        leave.set()


async def test_a_dead_nodes_runs_are_taken_over() -> None:
    one = Bench()
    other = one.neighbour()
    seen: list[str] = []

    async def hang() -> None:
        seen.append("one")
        await asyncio.sleep(60)

    async def take_over(context: Context) -> str:
        seen.append(f"other {context.attempt}")
        return "taken over"

    one.task(hang, "ring")
    other.task(take_over, "ring")
    lost: list[NodeLost] = []
    other.events.on(NodeLost, lost.append)
    async with one.running() as node:
        run = await one.enqueue("ring")
        node.wake()
        await until(lambda: bool(seen))
        died = node.status.id
        async with other.running() as rescuer:
            one.faults.away = True
            done = await other.final(run.id)
            assert [(event.node_id, event.found_by, event.requeued) for event in lost] == [(died, rescuer.status.id, 1)]
    assert (done.state, done.result, done.losses) == (RunState.SUCCEEDED, "taken over", 1)
    assert seen == ["one", "other 2"]


async def test_a_node_is_back_soon_after_what_somebody_had_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """A role that may log in again, a database that was restored: not half a minute later."""
    bench, waits, sleep = Bench(), [], asyncio.sleep

    async def noted(seconds: float) -> None:
        waits.append(seconds)
        await sleep(min(seconds, 0.01))

    monkeypatch.setattr(asyncio, "sleep", noted)
    bench.faults.before("register_node", StoreUnavailable("away"), times=1)
    bench.faults.before("declare", StoreMisconfigured("no right"), times=20)
    async with bench.running() as node:
        await until(lambda: node.status.state == "live")
    assert len(waits) > 20
    assert max(waits) < 5
