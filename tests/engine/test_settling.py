"""Group commit under the fence, and a batch that survives its worst row."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pytest

from engine.bench import Bench
from engine.faulty_store import FaultyStore
from hourbell.clock import ManualClock
from hourbell.engine import settling, verdict
from hourbell.engine.holding import Holdings
from hourbell.engine.notes import Notes
from hourbell.engine.noting import Noting
from hourbell.engine.settling import Settling
from hourbell.engine.trust import Trust
from hourbell.errors import StoreRejected, StoreUnavailable
from hourbell.events import RunFailed, RunRetried, RunSucceeded
from hourbell.executors.choice import Kind
from hourbell.executors.protocol import Ending, How
from hourbell.model.policies import Policies
from hourbell.model.retry import Retry
from hourbell.model.run import Run, Settlement
from hourbell.model.run_state import Outcome, RunState
from hourbell.store.memory import MemoryStore


class Picky(FaultyStore):
    """Refuses a whole batch when one row of it has a result that it does not like, as a database does."""

    async def settle(self, node_id: str, settlements: Sequence[Settlement]) -> frozenset[str]:
        self.faults.in_order.append(f"settle {len(settlements)}")
        for one in settlements:
            if "poison" in (one.result or "") or "always" in one.run_id:
                raise StoreRejected("the row is too much")
        accepted: frozenset[str] = await self._faulty("settle", self._store.settle)(node_id, settlements)
        return accepted


class Desk:
    """Claimed runs, and a settling stepped by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.bench = Bench(self.clock, Picky(MemoryStore(self.clock)), lease=15.0)
        self.holdings = Holdings()
        self.queued = 0
        self.trust: Trust
        self.settling: Settling

    @classmethod
    async def laid(cls) -> Desk:
        desk = cls()
        desk.trust = await desk.bench.trust()
        store, parts = desk.bench.store, desk.bench.parts()
        noting = Noting(store, parts, desk.trust, Notes(parts.settings, desk.clock))
        desk.settling = Settling(store, parts, desk.trust, desk.holdings, noting, queued=desk._was_queued)
        return desk

    async def claim(self, count: int) -> Sequence[Run]:
        await self.bench.enqueue_many("ring", count)
        claim = await self.bench.store.claim(
            self.trust.node_id, "c", limit=count, tasks={"ring": count}, queues=None, suspects=1
        )
        assert claim is not None
        return claim.runs

    def succeed(self, run: Run, result: str | None = None) -> None:
        now = self.clock.now().timestamp()
        self.settling.add(run, verdict.succeeded(run, result, now, now))

    async def state(self, run: Run) -> RunState:
        return (await self.bench.run(run.id)).state

    def _was_queued(self) -> None:
        self.queued += 1


async def test_what_the_first_report_would_wait_for_is_made_ready_before_it() -> None:
    desk = await Desk.laid()
    desk.bench.faults.before("settle")
    with pytest.raises(StoreUnavailable):
        await desk.settling.step()
    for _ in range(3):
        assert await desk.settling.step() is None
    assert _sizes(desk) == ["settle 0", "settle 0"], "once, when it was not in vain"
    (run,) = await desk.claim(1)
    desk.succeed(run)
    await desk.settling.step()
    await desk.settling.step()
    assert _sizes(desk)[2:] == ["settle 1"]


async def test_who_has_a_report_already_needs_no_rehearsal() -> None:
    desk = await Desk.laid()
    (run,) = await desk.claim(1)
    desk.succeed(run)
    for _ in range(2):
        await desk.settling.step()
    assert _sizes(desk) == ["settle 1"]
    assert await desk.state(run) is RunState.SUCCEEDED


def _sizes(desk: Desk) -> list[str]:
    return [said for said in desk.bench.faults.in_order if said.startswith("settle ")]


async def test_what_comes_together_is_written_together() -> None:
    desk = await Desk.laid()
    woken: list[str] = []
    desk.settling.wake = lambda: woken.append("woken")
    runs = await desk.claim(20)
    for run in runs:
        desk.succeed(run)
    assert len(woken) == 1
    assert len(desk.holdings.reported) == 20
    assert await desk.settling.step() is None
    assert desk.bench.faults.in_order.count("settle 20") == 1
    assert desk.holdings.reported == {}
    assert {await desk.state(run) for run in runs} == {RunState.SUCCEEDED}
    assert await desk.settling.step() is None


async def test_what_comes_during_a_flush_is_written_by_the_next() -> None:
    desk = await Desk.laid()
    first, second = await desk.claim(2)
    desk.succeed(first)
    flush = asyncio.ensure_future(desk.settling.step())
    await asyncio.sleep(0)
    desk.succeed(second)
    assert await flush == 0
    assert await desk.settling.step() is None
    assert await desk.state(second) is RunState.SUCCEEDED


async def test_a_few_wait_for_those_that_are_about_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "GATHER", 0.1)
    monkeypatch.setattr(settling, "FEW", 3)
    desk = await Desk.laid()
    *runs, waiting = await desk.claim(7)
    desk.holdings.add(Kind.ASYNC, [waiting])
    desk.succeed(runs[0])
    flush = asyncio.ensure_future(desk.settling.step())
    await asyncio.sleep(0.01)
    desk.succeed(runs[1])
    assert await flush is None
    monkeypatch.setattr(settling, "GATHER", 3600)
    for run in runs[2:5]:
        desk.succeed(run)  # enough: these wait for nobody
    assert await asyncio.wait_for(desk.settling.step(), 30) is None
    desk.holdings.take(Kind.ASYNC)
    desk.succeed(runs[5])  # nothing is about to end any more
    assert await asyncio.wait_for(desk.settling.step(), 30) is None
    sizes = [said for said in desk.bench.faults.in_order if said.startswith("settle ")]
    assert sizes == ["settle 2", "settle 3", "settle 1"]


async def test_a_batch_is_halved_until_the_bad_row_is_alone(caplog: pytest.LogCaptureFixture) -> None:
    desk = await Desk.laid()
    runs = await desk.claim(8)
    for place, run in enumerate(runs):
        desk.succeed(run, '"poison"' if place == 5 else '"fine"')
    assert await desk.settling.step() is None
    states = [await desk.state(run) for run in runs]
    assert states == [RunState.SUCCEEDED] * 5 + [RunState.FAILED] + [RunState.SUCCEEDED] * 2
    bad = await desk.bench.run(runs[5].id)
    assert (bad.error or "").startswith(verdict.REFUSED)
    assert "too much" in (bad.error or "")
    sizes = [said for said in desk.bench.faults.in_order if said.startswith("settle ")]
    assert sizes == ["settle 8", "settle 4", "settle 4", "settle 2", "settle 1", "settle 1", "settle 1", "settle 2"]
    assert len(caplog.records) == 1


async def test_what_cannot_be_written_at_all_is_said_and_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    desk = await Desk.laid()
    (run,) = await desk.claim(1)
    stranger = Run(**{**_fields(run), "id": "always refused"})
    desk.succeed(stranger)
    desk.succeed(run)
    assert await desk.settling.step() is None
    assert await desk.state(run) is RunState.SUCCEEDED
    assert "cannot be settled at all" in caplog.text
    assert desk.holdings.reported == {}


async def test_a_database_that_is_away_is_asked_again_and_nothing_is_told_twice() -> None:
    desk = await Desk.laid()
    heard: list[Any] = []
    desk.bench.events.on(RunSucceeded, heard.append)
    runs = await desk.claim(4)
    for run in runs:
        desk.succeed(run)
    desk.bench.faults.before("settle")
    desk.bench.faults.after("settle")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await desk.settling.step()
        assert len(desk.holdings.reported) == 4
        assert len(desk.settling.unwritten()) == 4
    assert await desk.settling.step() is None
    assert [event.run.id for event in heard] == [run.id for run in runs]
    assert desk.settling.unwritten() == []


async def test_half_a_batch_that_was_written_is_not_told_twice() -> None:
    desk = await Desk.laid()
    heard: list[Any] = []
    desk.bench.events.on(RunSucceeded, heard.append)
    runs = await desk.claim(4)
    for place, run in enumerate(runs):
        desk.succeed(run, '"poison"' if place == 3 else None)
    desk.bench.faults.after("settle", times=1)  # of the first half
    with pytest.raises(StoreUnavailable):
        await desk.settling.step()
    assert await desk.settling.step() is None
    assert sorted(event.run.id for event in heard) == sorted(run.id for run in runs[:3])


async def test_without_trust_nothing_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    desk = await Desk.laid()
    (run,) = await desk.claim(1)
    desk.succeed(run)
    desk.clock.advance(14)
    assert await desk.settling.step() is None
    assert "LeaseLost" in caplog.text
    assert await desk.state(run) is RunState.RUNNING
    assert desk.holdings.reported == {}


async def test_many_that_end_too_late_are_few_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    desk = await Desk.laid()
    for run in await desk.claim(14):
        desk.succeed(run)
    desk.clock.advance(14)
    assert await desk.settling.step() is None
    assert [line.split(":")[0] for line in caplog.messages] == ["LeaseLost"] * 11
    assert "4 more runs" in caplog.messages[-1]


async def test_what_another_node_took_over_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    desk = await Desk.laid()
    heard: list[Any] = []
    desk.bench.events.on(RunSucceeded, heard.append)
    (run,) = await desk.claim(1)
    await desk.bench.store.retire_node(desk.trust.node_id)
    desk.succeed(run)
    assert await desk.settling.step() is None
    assert "LeaseLost" in caplog.text
    assert await desk.state(run) is RunState.QUEUED
    assert heard == []


async def test_what_an_effect_has_committed_is_told_although_the_lease_is_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = await Desk.laid()
    heard: list[RunSucceeded] = []
    desk.bench.events.on(RunSucceeded, heard.append)
    committed, lost = await desk.claim(2)
    for run in (committed, lost):
        now = desk.clock.now().timestamp()
        said = verdict.succeeded(run, None, now, now)
        desk.settling.add(run, said, stands=run is committed)
    desk.trust.end()
    assert await desk.settling.step() is None
    assert [event.run.id for event in heard] == [committed.id]
    assert f"run {lost.id}" in caplog.text
    assert committed.id not in caplog.text, "nothing of it was refused"
    assert desk.holdings.reported == {}


async def test_each_kind_of_end_is_told() -> None:
    desk = await Desk.laid()
    heard: list[Any] = []
    for kind in (RunSucceeded, RunFailed, RunRetried):
        desk.bench.events.on(kind, heard.append)
    good, bad, again, back = await desk.claim(4)
    ending, now = Ending(How.RAISED, error=ValueError("no")), desk.clock.now().timestamp()
    desk.succeed(good, "[1]")
    desk.settling.add(bad, verdict.failed(bad, Policies(), ending, now, now))
    desk.settling.add(again, verdict.failed(again, Policies(retry=Retry(first=2, jitter=False)), ending, now, now))
    desk.settling.add(back, verdict.handed_back(back))
    await desk.settling.step()
    assert [(type(event), event.run.id) for event in heard] == [
        (RunSucceeded, good.id),
        (RunFailed, bad.id),
        (RunRetried, again.id),
    ]
    assert heard[0].run.result == [1]
    assert heard[1].run.error.startswith("ValueError: no")
    assert heard[2].delay == 2
    assert (heard[2].run.state, heard[2].run.failures) == (RunState.QUEUED, 1)
    assert desk.queued == 1


async def test_text_is_cleaned_before_the_store_sees_it() -> None:
    desk = await Desk.laid()
    (run,) = await desk.claim(1)
    ending, now = Ending(How.RAISED, error=ValueError("nul \x00 and half \ud800")), desk.clock.now().timestamp()
    desk.settling.add(run, verdict.failed(run, Policies(), ending, now, now))
    (settlement,) = desk.settling.unwritten()
    assert settlement.error is not None
    assert "\x00" not in settlement.error
    settlement.error.encode()


async def test_a_run_claimed_again_before_its_settlement_was_known_stays_held() -> None:
    desk = await Desk.laid()
    (run,) = await desk.claim(1)
    desk.settling.add(run, verdict.handed_back(run))
    flush = asyncio.ensure_future(desk.settling.step())
    await asyncio.sleep(0)
    desk.holdings.reported[run.id] = run.attempt + 1
    await flush
    assert desk.holdings.reported == {run.id: run.attempt + 1}


async def test_outcomes_are_what_the_store_expects() -> None:
    desk = await Desk.laid()
    (run,) = await desk.claim(1)
    desk.succeed(run, "3")
    await desk.settling.step()
    stored = await desk.bench.run(run.id)
    assert (stored.outcome, stored.result, stored.node_id) == (Outcome.SUCCEEDED, 3, desk.trust.node_id)


def _fields(run: Run) -> dict[str, Any]:
    return {field.name: getattr(run, field.name) for field in fields(run)}
