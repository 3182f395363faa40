"""Limits over all nodes: how they are told to claims, and who takes a place that has become free."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.bench import Bench, until, until_async
from engine.test_claiming import Rig
from hourbell.engine.limiting import Limiting
from hourbell.executors.choice import Kind
from hourbell.model.ids import new_claim_id
from hourbell.model.limit import Limit
from hourbell.model.run import Claim
from hourbell.model.run_state import RunState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NEVER = 3600.0
"""A poll that no test waits for: whatever happens under it happens without."""


class Gate:
    """A body that waits to be let go, and knows how many of it ever ran at once."""

    def __init__(self, pause: float | None = None) -> None:
        self.inside = self.most = self.done = 0
        self.pause = pause
        self.let_go = asyncio.Semaphore(0)

    async def body(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await (asyncio.sleep(self.pause) if self.pause is not None else self.let_go.acquire())
        finally:
            self.inside -= 1
        self.done += 1


def two_nodes(most: int, gate: Gate, **settings: Any) -> tuple[Bench, Bench]:
    one = Bench(**settings)
    other = one.neighbour(**settings)
    for bench in (one, other):
        bench.task(gate.body, "limited", concurrency=most)
    return one, other


async def asleep(bench: Bench) -> None:
    """Wait until this node has claimed and asks for nothing any more: it was turned away and sleeps."""
    asked = bench.faults.asked
    await until(lambda: asked["claim"] >= 1 and asked["next_work"] >= 1)
    while True:
        before = asked["claim"], asked["next_work"]
        await asyncio.sleep(0.5)
        if (asked["claim"], asked["next_work"]) == before:
            return


async def test_two_nodes_together_keep_a_limit_and_lose_nothing() -> None:
    gate = Gate(pause=0.001)
    one, other = two_nodes(3, gate, poll=NEVER, poll_with_hints=NEVER)
    await one.enqueue_many("limited", 60)
    async with one.running(), other.running():
        await until(lambda: gate.done == 60)
    assert gate.most == 3
    assert {run.state for run in await one.runs()} == {RunState.SUCCEEDED}


async def test_a_place_that_becomes_free_is_taken_without_a_poll() -> None:
    gate = Gate()
    bench = Bench(poll=NEVER, poll_with_hints=NEVER)
    bench.task(gate.body, "limited", concurrency=1)
    async with bench.running():
        await bench.enqueue_many("limited", 3)
        for number in range(3):
            await until(lambda: gate.inside == 1)
            gate.let_go.release()
            await until(lambda number=number: gate.done == number + 1)  # type: ignore[misc]
    assert gate.most == 1


async def test_a_limit_that_is_reached_makes_no_node_spin() -> None:
    gate = Gate()
    one, other = two_nodes(1, gate, poll=0.1, poll_with_hints=0.1)
    await one.enqueue_many("limited", 5)
    async with one.running(), other.running():
        await until(lambda: gate.inside == 1)
        asked = other.faults.asked
        start = asked.copy()
        await until(lambda: asked["next_work"] - start["next_work"] >= 8)
        assert asked["claim"] - start["claim"] <= asked["next_work"] - start["next_work"] + 2
        for _ in range(5):
            gate.let_go.release()
        await until(lambda: gate.done == 5)
    assert gate.most == 1


async def test_a_limited_task_keeps_no_other_waiting() -> None:
    gate, free = Gate(), Gate(pause=0.0)
    bench = Bench(poll=NEVER, poll_with_hints=NEVER, max_runs=5)
    bench.task(gate.body, "limited", concurrency=2)
    bench.task(free.body, "free")
    await bench.enqueue_many("limited", 50, priority=-10)
    await bench.enqueue_many("free", 50)
    async with bench.running():
        await until(lambda: free.done == 50)
        assert (gate.inside, gate.done) == (2, 0)
        for _ in range(50):
            gate.let_go.release()
        await until(lambda: gate.done == 50)
    assert gate.most == 2


async def test_a_node_without_room_tells_the_others_of_a_free_place() -> None:
    """The node that ends a limited run is full with other work, and the other has slept since it was turned away."""
    gate, long = Gate(), Gate()
    one = Bench(poll=NEVER, poll_with_hints=NEVER, max_runs=1)
    other = one.neighbour(poll=NEVER, poll_with_hints=NEVER)
    for bench in (one, other):
        bench.task(gate.body, "limited", concurrency=1)
    one.task(long.body, "long")
    await one.enqueue("limited", priority=-1)
    async with one.running():
        await until(lambda: gate.inside == 1)
        await one.enqueue("long", priority=-5)
        second = await one.enqueue("limited")
        async with other.running():
            one.faults.hanging.add("settle")
            gate.let_go.release()
            await until(lambda: long.inside == 1)
            await asleep(other)
            one.faults.hanging.clear()
            gate.let_go.release()
            await other.final(second.id)
            long.let_go.release()


async def test_nodes_of_other_queues_are_told_of_a_free_place() -> None:
    gate = Gate()
    one = Bench(poll=NEVER, poll_with_hints=NEVER, queues=("a",))
    other = one.neighbour(poll=NEVER, poll_with_hints=NEVER, queues=("b",))
    for bench in (one, other):
        bench.task(gate.body, "limited", concurrency=1)
    await one.enqueue("limited", queue="a")
    async with one.running():
        await until(lambda: gate.inside == 1)
        second = await one.enqueue("limited", queue="b")
        async with other.running():
            await asleep(other)
            gate.let_go.release()
            gate.let_go.release()
            await other.final(second.id)
    assert gate.most == 1


async def test_a_retry_that_waits_frees_its_place() -> None:
    bench = Bench(poll=NEVER, poll_with_hints=NEVER)
    gate = Gate(pause=0.0)

    async def failing() -> None:
        await gate.body()
        raise ValueError("not now")

    bench.task(failing, "limited", concurrency=1, retry={"attempts": 2, "first": 3600.0, "jitter": False})
    await bench.enqueue_many("limited", 3)
    async with bench.running():
        await until(lambda: gate.done == 3)


async def test_a_task_that_another_node_is_claiming_is_asked_for_again() -> None:
    bench = Bench()
    bench.task(Gate().body, "limited", concurrency=1)
    again: list[Kind] = []
    limiting = Limiting(bench.parts(), again=again.append, elsewhere=lambda: None)
    limiting.learn()
    for round_ in range(1, 4):
        for _ in range(5):
            limiting.claimed(Kind.ASYNC, Claim(NOW, (), (), ("limited",)))
        await until(lambda round_=round_: len(again) >= round_)  # type: ignore[misc]
        await asyncio.sleep(0)
        assert again == [Kind.ASYNC] * round_, "one question more, however many claims passed it over"


async def test_places_that_missed_runs_took_are_filled_without_a_poll() -> None:
    async with Rig() as rig:
        rig.bench.task(Gate(pause=0.0).body, "limited", concurrency=1)
        missed: list[Kind] = []
        limiting = Limiting(rig.bench.parts(), again=missed.append, elsewhere=lambda: None)
        limiting.learn()
        (late,) = await rig.bench.enqueue_many("limited", 1)
        limiting.claimed(Kind.ASYNC, Claim(NOW, (), (late,)))
        limiting.claimed(Kind.THREAD, Claim(NOW, (), (late,)))
        assert missed == [Kind.ASYNC]


async def test_a_node_states_what_it_can_run() -> None:
    one = Bench()
    one.task(Gate().body, "limited", concurrency=2)
    await one.trust()
    other = one.neighbour()
    node = (await other.trust()).node_id
    await one.enqueue_many("limited", 5)
    claim = await other.store.claim(
        node, new_claim_id(), limit=9, tasks={"limited": 9}, queues=None, suspects=0,
        limits=[Limit(("limited",), 4)],
    )  # fmt: skip
    assert len(claim.runs) == 2, "the least limit that a live node states counts"


@pytest.mark.parametrize("settings", [{"max_runs": 0}, {}])
async def test_a_node_that_executes_nothing_states_nothing(settings: dict[str, Any]) -> None:
    one = Bench(**settings)
    one.task(Gate().body, "limited", concurrency=1)
    await one.trust()
    other = one.neighbour()
    await one.enqueue_many("limited", 5)
    claim = await other.store.claim(
        (await other.trust()).node_id, new_claim_id(), limit=9, tasks={"limited": 9}, queues=None, suspects=0,
        limits=[Limit(("limited",), 3)],
    )  # fmt: skip
    assert len(claim.runs) == (3 if settings else 1)


@pytest.mark.slow
async def test_a_run_under_a_limit_is_taken_over_from_a_dead_node() -> None:
    gate = Gate()
    one, other = two_nodes(1, gate)
    await one.enqueue_many("limited", 2)
    dead = (await one.trust()).node_id
    taken = await one.store.claim(
        dead, new_claim_id(), limit=9, tasks={"limited": 9}, queues=None, suspects=0, limits=[Limit(("limited",), 1)]
    )
    assert len(taken.runs) == 1
    gate.let_go.release()
    gate.let_go.release()
    async with other.running():
        await until_async(lambda: _all_done(other))
    (lost,) = [run for run in await other.runs() if run.losses]
    assert lost.id == taken.runs[0].id
    assert gate.most == 1
    assert lost.finished_at is not None
    assert lost.finished_at - taken.now >= timedelta(seconds=3)


async def _all_done(bench: Bench) -> bool:
    return all(run.state is RunState.SUCCEEDED for run in await bench.runs())
