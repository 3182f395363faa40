"""Neighbours whose process is gone are taken over from at once; whoever is only silent keeps its lease."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.bench import Bench, until
from engine.test_leasing import Member
from hourbell.clock import ManualClock
from hourbell.engine.neighbours import AGAIN, MOST_LOOKS, TRIES, Neighbours
from hourbell.engine.process_table import ProcessTable
from hourbell.engine.registering import Registering
from hourbell.errors import StoreUnavailable
from hourbell.model.node import NewNode, NodeState, Sibling
from hourbell.model.process_mark import Fate, ProcessMark
from hourbell.model.run import Run
from hourbell.model.run_state import RunState

OWN = ProcessMark("boot", 1, 2, 10, 100)


class Processes(ProcessTable):
    """A machine whose processes end when a test says so."""

    def __init__(self, own: ProcessMark | None = OWN) -> None:
        self._own = own
        self.fates: dict[int, Fate] = {}
        self.looks: list[int] = []

    def own(self) -> ProcessMark | None:
        return self._own

    def fate(self, mark: ProcessMark, own: ProcessMark) -> Fate:
        assert own == self._own
        self.looks.append(mark.pid)
        return self.fates.get(mark.pid, Fate.ALIVE)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def processes() -> Processes:
    return Processes()


@pytest.fixture
def bench(clock: ManualClock, processes: Processes) -> Bench:
    bench = Bench(clock, lease=15.0, poll=1.0)
    bench.processes = processes
    return bench


async def neighbour(bench: Bench, pid: int, mark: ProcessMark | None = OWN) -> Run:
    """Another node of this machine, which holds a run."""
    process = str(replace(mark, pid=pid)) if mark is not None else None
    node = NewNode(id=f"n{pid}", host="h", pid=pid, lease=timedelta(seconds=15), version="1", process=process)
    await bench.store.register_node(node)
    run = await bench.enqueue("t")
    await bench.store.claim(node.id, f"c{pid}", limit=1, tasks={"t": 1}, queues=None, suspects=1)
    return run


async def state(bench: Bench, run: Run) -> RunState:
    return (await bench.store.get_run(run.id)).state


async def test_whose_process_is_gone_is_taken_over_from_at_the_next_look(
    bench: Bench, clock: ManualClock, processes: Processes, caplog: pytest.LogCaptureFixture
) -> None:
    run = await neighbour(bench, 77)
    one = await Member.join(bench)
    await one.leasing.step()
    assert await one.rescuing.step() <= 1.0, "there is somebody to look at"
    processes.fates[77] = Fate.GONE
    clock.advance(1)
    await one.rescuing.step()
    assert await state(bench, run) is RunState.QUEUED
    assert one.hands.woken == 1
    assert "n77, whose process is gone" in caplog.text
    asked = bench.faults.asked["rescue"]
    clock.advance(1)
    await one.rescuing.step()
    assert bench.faults.asked["rescue"] == asked, "it is done"


@pytest.mark.parametrize("fate", [Fate.ALIVE, Fate.UNKNOWN])
async def test_who_may_live_is_left_to_its_lease(
    bench: Bench, clock: ManualClock, processes: Processes, fate: Fate
) -> None:
    run = await neighbour(bench, 77)
    processes.fates[77] = fate
    one = await Member.join(bench)
    for _ in range(14):
        await one.leasing.step()
        await one.rescuing.step()
        clock.advance(1)
    assert await state(bench, run) is RunState.RUNNING
    clock.advance(1.1)
    await one.rescuing.step()
    assert await state(bench, run) is RunState.QUEUED, "the lease is over, and it has stood still"


@pytest.mark.parametrize(
    "mark",
    [None, replace(OWN, boot="another"), replace(OWN, pids=9), replace(OWN, times=9)],
    ids=["says nothing", "another machine", "another container", "another time"],
)
async def test_who_is_not_near_is_not_looked_at(
    bench: Bench, clock: ManualClock, processes: Processes, mark: ProcessMark | None
) -> None:
    processes.fates[77] = Fate.GONE
    run = await neighbour(bench, 77, mark)
    one = await Member.join(bench)
    await one.leasing.step()
    assert await one.rescuing.step() > 1.0, "nobody to look at: it sleeps as long as it did"
    clock.advance(1)
    await one.rescuing.step()
    assert (await state(bench, run), processes.looks) == (RunState.RUNNING, [])


async def test_a_process_does_not_look_at_itself(bench: Bench, processes: Processes) -> None:
    """Its former self, or another scheduler in it."""
    processes.fates[OWN.pid] = Fate.GONE
    await neighbour(bench, OWN.pid)
    one = await Member.join(bench)
    await one.leasing.step()
    await one.rescuing.step()
    assert processes.looks == []


async def test_without_a_mark_of_its_own_a_node_looks_at_nobody(bench: Bench, clock: ManualClock) -> None:
    bench.processes = nowhere = Processes(None)
    nowhere.fates[77] = Fate.GONE
    await neighbour(bench, 77)
    one = await Member.join(bench)
    await one.leasing.step()
    await one.rescuing.step()
    assert nowhere.looks == []
    assert {node.process for node in await bench.store.list_nodes() if node.id != "n77"} == {None}


async def test_it_costs_no_statement_while_all_live(bench: Bench, clock: ManualClock, processes: Processes) -> None:
    await neighbour(bench, 77)
    one = await Member.join(bench)
    clock.advance(5)  # the first sweep is over
    await one.leasing.step()
    await one.rescuing.step()
    asked = sum(bench.faults.asked.values())
    for _ in range(3):
        clock.advance(1)
        await one.rescuing.step()
    assert sum(bench.faults.asked.values()) == asked
    assert processes.looks == [77] * 4


async def test_a_clock_that_jumps_makes_nobody_gone(bench: Bench, clock: ManualClock, processes: Processes) -> None:
    run = await neighbour(bench, 77)
    one = await Member.join(bench)
    await one.leasing.step()
    for jump in (3600, -7200, 86400):
        clock.bend(jump)
        clock.advance(1)
        await one.rescuing.step()
        assert await state(bench, run) is RunState.RUNNING


async def test_it_does_not_take_a_good_renewal_to_see_a_death(
    bench: Bench, clock: ManualClock, processes: Processes
) -> None:
    """Unlike the witness of leases: what stood still for both is no evidence, that a process is gone is."""
    run = await neighbour(bench, 77)
    one = await Member.join(bench)
    await one.leasing.step()
    bench.faults.before("renew")
    with pytest.raises(StoreUnavailable):
        await one.leasing.step()
    processes.fates[77] = Fate.GONE
    clock.advance(1)
    await one.rescuing.step()
    assert await state(bench, run) is RunState.QUEUED


async def test_a_rescue_that_failed_is_tried_again(bench: Bench, clock: ManualClock, processes: Processes) -> None:
    run = await neighbour(bench, 77)
    one = await Member.join(bench)
    await one.leasing.step()
    processes.fates[77] = Fate.GONE
    bench.faults.before("rescue")
    with pytest.raises(StoreUnavailable):
        await one.rescuing.step()
    clock.advance(AGAIN)
    await one.rescuing.step()
    assert await state(bench, run) is RunState.QUEUED


def siblings(*pids: int) -> list[Sibling]:
    return [Sibling(f"n{pid}", 0, ManualClock().now(), str(replace(OWN, pid=pid))) for pid in pids]


def test_one_that_cannot_be_declared_dead_is_tried_again_and_then_left_to_the_next_renewal(
    processes: Processes,
) -> None:
    neighbours = Neighbours(processes, 1.0)
    neighbours.saw(siblings(77))
    processes.fates[77] = Fate.GONE
    elapsed = 0.0
    for _ in range(TRIES):
        gone = neighbours.gone(elapsed)
        assert list(gone) == ["n77"]
        neighbours.tried(gone, ())
        assert neighbours.gone(elapsed) == {}, "not at once"
        elapsed += AGAIN
    assert neighbours.gone(elapsed) == {}
    assert neighbours.wait(elapsed) is None
    neighbours.saw(siblings(77))
    assert list(neighbours.gone(elapsed + 1)) == ["n77"], "it counts as live still"


def test_many_are_looked_at_in_turn(processes: Processes) -> None:
    neighbours = Neighbours(processes, 1.0)
    everybody = range(1000, 1000 + 2 * MOST_LOOKS + MOST_LOOKS // 2)
    for second in range(3):
        neighbours.saw(siblings(*everybody))  # a renewal in between does not begin from the front
        neighbours.gone(second * 1.0)
        assert len(processes.looks) <= MOST_LOOKS * (second + 1)
    assert set(processes.looks) == set(everybody)


@pytest.mark.slow
async def test_a_process_that_was_taken_for_dead_says_no_more_which_it_is(bench: Bench) -> None:
    """Machines that were cloned while running share the id of their boot, and each takes the other's nodes for gone."""
    bench.processes = ProcessTable()
    async with bench.running() as node:
        (first,) = await bench.store.list_nodes()
        if first.process is None:
            pytest.skip("this system does not tell")
        await bench.store.rescue({}, {first.id: first.process})

        def has_another_id() -> bool:
            return node.status.id not in (None, first.id)

        await until(has_another_id)
        known = {one.id: one for one in await bench.store.list_nodes()}
        assert known[first.id].state is NodeState.DEAD
        assert known[str(node.status.id)].process is None, "so that it is not taken for dead again"


async def test_a_process_that_lost_its_lease_otherwise_says_again_which_it_is(bench: Bench) -> None:
    registering = Registering(bench.store, bench.parts())
    first = await registering.attempt()
    again = await registering.attempt()
    known = {one.id: one.process for one in await bench.store.list_nodes()}
    assert known[first.node_id] == known[again.node_id] == str(OWN)
