"""What has ended makes way for what is due, for a while: which reports do, for how long, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from engine.test_settling import Desk
from hourbell.engine import reports as reports_module
from hourbell.engine import settling as settling_module
from hourbell.engine import verdict
from hourbell.errors import StoreUnavailable
from hourbell.model.run import Run
from hourbell.model.run_state import RunState

HOUR = 3600.0


def written(desk: Desk) -> list[str]:
    """What was asked of the store with each flush; a first step with nothing to write is a rehearsal."""
    said = desk.bench.faults.in_order
    return [one for one in said if one.startswith("settle ") and one != "settle 0"]


@pytest.fixture(autouse=True)
def long_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst that does not end by itself while a test looks."""
    monkeypatch.setattr(reports_module, "FLOW", HOUR)
    monkeypatch.setattr(reports_module, "LONGEST", HOUR)


async def in_burst(count: int) -> tuple[Desk, Sequence[Run]]:
    """Runs that were taken in the middle of a burst."""
    desk = await Desk.laid()
    runs = await desk.claim(count)
    desk.settling.make_way(runs)
    return desk, runs


async def test_in_a_burst_successes_wait_and_everything_else_is_written() -> None:
    desk, runs = await in_burst(4)
    (other,) = await desk.claim(1)
    for run in (*runs[:3], other):
        desk.succeed(run)
    desk.settling.add(runs[3], verdict.handed_back(runs[3]))
    wait = await desk.settling.step()
    assert wait is not None
    assert wait > HOUR / 2
    assert written(desk) == ["settle 2"]
    assert [await desk.state(run) for run in (*runs, other)] == [
        *[RunState.RUNNING] * 3,
        RunState.QUEUED,
        RunState.SUCCEEDED,
    ]
    assert {one.run_id for one in desk.settling.unwritten()} == {run.id for run in runs[:3]}
    assert set(desk.holdings.reported) == {run.id for run in runs[:3]}, "held here, as far as anybody asks"
    assert desk.settling.backlog() == 0, "no reason to take less"


async def test_the_end_of_the_burst_is_waited_for_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports_module, "FLOW", 0.02)
    desk, runs = await in_burst(3)
    for run in runs:
        desk.succeed(run)
    wait = await desk.settling.step()
    assert wait is not None
    assert 0 < wait <= 0.02
    await asyncio.sleep(wait)
    assert await desk.settling.step() is None
    assert written(desk) == ["settle 3"]


async def test_a_burst_that_goes_on_and_on_holds_up_nothing_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports_module, "LONGEST", 0.03)
    desk, runs = await in_burst(3)
    desk.succeed(runs[0])
    for _ in range(5):
        desk.settling.make_way(runs[1:])
        await asyncio.sleep(0.01)
    desk.succeed(runs[1])
    assert await desk.settling.step() is None
    desk.settling.make_way(runs[2:])
    desk.succeed(runs[2])
    assert await desk.settling.step() is None, "it is the same burst still"
    assert written(desk) == ["settle 2", "settle 1"]


async def test_the_last_flush_waits_for_no_burst() -> None:
    desk, runs = await in_burst(3)
    desk.succeed(runs[0])
    assert await desk.settling.step() is not None
    flush = asyncio.ensure_future(desk.settling.flush(30))
    await asyncio.sleep(0)
    desk.succeed(runs[1])
    desk.settling.make_way(runs)
    desk.succeed(runs[2])
    assert await desk.settling.step() is None, "all of it in one flush"
    assert await flush
    assert {await desk.state(run) for run in runs} == {RunState.SUCCEEDED}


async def test_whoever_another_run_may_wait_for_makes_no_way() -> None:
    desk, runs = await in_burst(1)
    buffered = replace(runs[0], id="00000000-0000-7000-8000-000000000000", policies={"overlap": "buffer_one"})
    desk.settling.make_way([buffered])
    desk.settling.add(buffered, verdict.succeeded(buffered, None, 0.0, 0.0))
    assert await desk.settling.step() is None


async def test_no_more_make_way_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports_module, "MOST", 3)
    desk, runs = await in_burst(5)
    for run in runs:
        desk.succeed(run)
    assert await desk.settling.step() is not None
    assert written(desk) == ["settle 2"]
    assert len(desk.settling.unwritten()) == 3


async def test_after_a_burst_what_is_new_does_not_wait_behind_all_that_made_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settling_module, "BATCH", 4)
    desk, runs = await in_burst(6)
    for run in runs:
        desk.succeed(run)
    assert await desk.settling.step() is not None
    new = await desk.claim(6)
    for run in new:
        desk.succeed(run)
    desk.settling._reports._until = 0.0
    assert await desk.settling.step() == 0
    states = [[await desk.state(run) for run in line] for line in (runs, new)]
    assert [line.count(RunState.SUCCEEDED) for line in states] == [2, 2]
    assert await desk.settling.step() == 0
    assert await desk.settling.step() is None
    assert written(desk) == ["settle 4"] * 3


async def test_a_flush_that_sleeps_hears_of_what_may_be_written() -> None:
    desk, runs = await in_burst(3)
    (other,) = await desk.claim(1)
    woken: list[str] = []
    desk.settling.wake = lambda: woken.append("woken")
    for run in runs:
        desk.succeed(run)
    assert woken == ["woken"], "it has to know until when to sleep"
    desk.succeed(other)
    assert woken == ["woken"] * 2


async def test_what_could_not_be_written_is_neither_lost_nor_doubled() -> None:
    desk, runs = await in_burst(3)
    for run in runs:
        desk.succeed(run)
    desk.settling._reports.hurry()
    desk.bench.faults.before("settle")
    with pytest.raises(StoreUnavailable):
        await desk.settling.step()
    assert sorted(one.run_id for one in desk.settling.unwritten()) == sorted(run.id for run in runs)
    desk.bench.faults.hanging.add("settle")
    flush = asyncio.ensure_future(desk.settling.step())
    await asyncio.sleep(0)
    assert sorted(one.run_id for one in desk.settling.unwritten()) == sorted(run.id for run in runs), "on their way"
    desk.bench.faults.hanging.clear()
    await flush
    assert desk.settling.unwritten() == []
    assert desk.holdings.reported == {}


async def test_a_run_that_is_given_once_more_is_withdrawn_from_either_line() -> None:
    desk, runs = await in_burst(2)
    desk.succeed(runs[0])
    desk.settling.withdraw(runs[0].id)
    assert desk.settling.unwritten() == []
    assert desk.holdings.reported == {}
    assert await desk.settling.step() is None
