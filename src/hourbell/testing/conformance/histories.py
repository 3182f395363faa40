"""Histories: any sequence of what nodes and operators do keeps what the store promises."""

from __future__ import annotations

import random
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import pytest

from hourbell.errors import Conflict
from hourbell.model.editing import pausing, resuming
from hourbell.model.ids import new_claim_id
from hourbell.model.run import ROOM_FOR_SUSPECTS
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.testing.conformance.planners import every_fire, latest_fire, no_fire
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import Every

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule
    from hourbell.testing.conformance.bench import Bench

_LEASE = timedelta(seconds=5)
_PLANS = (every_fire, latest_fire, no_fire(Reason.OVERLAP), no_fire(Reason.BLACKOUT))
_OUTCOMES = (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.HANDED_BACK, Outcome.CANCELLED)


class Step(StrEnum):
    """One thing that happens. The number beside it says to whom, how much or how."""

    WAIT = "wait"
    BEND = "bend"
    FIRE = "fire"
    CLAIM = "claim"
    SETTLE = "settle"
    SETTLE_AGAIN = "settle again"
    RENEW = "renew"
    RESCUE = "rescue"
    LEAVE = "leave"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"


class History:
    """Plays steps on a bench and checks after each. ``name`` keeps it apart from others on the same store."""

    def __init__(self, bench: Bench, name: str) -> None:
        self._bench = bench
        self._name = name
        self._task = f"{name}-task"
        self._born: dict[str, Schedule] = {}
        self._nodes: list[str] = []
        self._lives = 0
        self._seen: dict[str, int] = {}
        self._given: list[Run] = []
        self._accepted: dict[tuple[str, int], tuple[str | None, Outcome]] = {}
        self._before: dict[str, Run] = {}

    async def play(self, steps: Sequence[tuple[Step, int]]) -> None:
        """Begin with two schedules and two nodes, take every step, and leave nothing that goes on."""
        for number, period in enumerate((1, 3)):
            name = f"{self._name}-{number}"
            self._born[name] = await self._bench.schedule(name, trigger=Every(seconds=period), task=self._task)
        for _ in range(2):
            self._nodes.append(await self._new_node())
        witness = await self._bench.node(f"{self._name}-witness", lease=timedelta(days=1))
        for step, number in steps:
            await self._take(step, number, witness)
            await self._check()
        await self._check_attempts()
        for name in self._born:
            await self._bench.store.remove_schedule(name)
        for node in (*self._nodes, witness):
            await self._bench.store.retire_node(node)

    async def _new_node(self, replaces: str | None = None) -> str:
        self._lives += 1
        return await self._bench.node(f"{self._name}-node-{self._lives}", lease=_LEASE, replaces=replaces)

    async def _take(self, step: Step, number: int, witness: str) -> None:
        bench, place = self._bench, number % 2
        match step:
            case Step.WAIT:
                bench.clock.advance(number / 2)
            case Step.BEND:
                bench.clock.bend(-number)
            case Step.FIRE:
                await bench.fire(_PLANS[number % len(_PLANS)], limit=1 + place)
            case Step.CLAIM:
                await self._claim(place, 1 + number // 2)
            case Step.SETTLE | Step.SETTLE_AGAIN:
                await self._settle(number, again=step is Step.SETTLE_AGAIN)
            case Step.RENEW:
                await self._renew(place, witness)
            case Step.RESCUE:
                mine = {name: seen for name, seen in self._seen.items() if name.startswith(f"{self._name}-node")}
                await bench.store.rescue(mine)
            case Step.LEAVE:
                await bench.store.retire_node(self._nodes[place])
                self._nodes[place] = await self._new_node()
            case Step.PAUSE | Step.RESUME:
                change = pausing(None) if step is Step.PAUSE else resuming()
                await bench.store.edit_schedule(f"{self._name}-{place}", change)
            case Step.CANCEL | Step.RETRY:
                await self._by_hand(step, number)

    async def _renew(self, place: int, witness: str) -> None:
        """As nodes do: one that is too late comes back under another id. The witness looks at the renewal numbers."""
        if await self._bench.store.renew(self._nodes[place], _LEASE, 0) is None:
            self._nodes[place] = await self._new_node(replaces=self._nodes[place])
        self._seen = await self._bench.renewals(witness)

    async def _claim(self, place: int, limit: int) -> None:
        claim = await self._bench.store.claim(
            self._nodes[place],
            new_claim_id(),
            limit=limit,
            tasks={self._task: 9},
            queues=None,
            suspects=ROOM_FOR_SUSPECTS,
        )
        for run in claim.runs if claim is not None else ():
            known = self._before.get(run.id)
            assert known is None or run.attempt > known.attempt or known.state is not RunState.RUNNING
            self._given.append(run)

    async def _settle(self, number: int, *, again: bool) -> None:
        """Report the run that was given last or, ``again``, one that was given long ago, in its node's name."""
        if not self._given:
            return
        run = self._given[number % len(self._given)] if again else self._given[-1]
        outcome = _OUTCOMES[number % len(_OUTCOMES)]
        if not await self._bench.settle(run, outcome, failed=outcome is Outcome.FAILED):
            return
        said = (run.node_id, outcome)
        first = self._accepted.setdefault((run.id, run.attempt), said)
        assert first == said, "two different reports of one attempt were accepted"

    async def _by_hand(self, step: Step, number: int) -> None:
        if not self._before:
            return
        run_id = sorted(self._before)[number % len(self._before)]
        try:
            if step is Step.CANCEL:
                await self._bench.store.cancel_run(run_id)
            else:
                again = await self._bench.store.retry_run(run_id)
                self._before[run_id] = again
        except Conflict:
            assert (await self._bench.store.get_run(run_id)) == self._before[run_id]

    async def _check(self) -> None:
        for name, born in self._born.items():
            schedule = await self._bench.store.get_schedule(name)
            rows = await self._bench.runs(schedule_id=name)
            assert schedule.next_fire_at is not None
            assert schedule.last_fire_at is None or schedule.next_fire_at > schedule.last_fire_at
            told = [moment for row in rows for moment in _covered(born, row)]
            assert told == _due(born, schedule.last_fire_at), "each due time stands in exactly one row"
            assert schedule.next_fire_at == _after(born, schedule.last_fire_at)
            for row in rows:
                _check_row(row, self._before.get(row.id))
            self._before.update({row.id: row for row in rows})

    async def _check_attempts(self) -> None:
        for run_id, run in self._before.items():
            kept = [attempt.attempt for attempt in await self._bench.store.list_attempts(run_id)]
            assert kept == sorted(set(kept))
            in_the_row = run.node_id is not None
            assert len(kept) + in_the_row == run.attempt, "every attempt is told once"


def _due(born: Schedule, last: datetime | None) -> list[datetime]:
    """All due times up to the last one that was recorded."""
    times: list[datetime] = []
    moment = born.next_fire_at
    while moment is not None and last is not None and moment <= last:
        times.append(moment)
        moment = born.trigger.next_after(moment)
    return times


def _after(born: Schedule, last: datetime | None) -> datetime | None:
    return born.next_fire_at if last is None else born.trigger.next_after(last)


def _covered(born: Schedule, row: Run) -> list[datetime]:
    """The due times that one row stands for."""
    assert row.fire_at is not None
    if row.covers_until is None:
        return [row.fire_at]
    times = [moment for moment in _due(born, row.covers_until) if moment >= row.fire_at]
    assert len(times) == row.covers_count
    return times


def _check_row(row: Run, before: Run | None) -> None:
    assert (row.state is RunState.RUNNING) <= (row.node_id is not None and row.attempt > 0)
    assert (row.state is RunState.QUEUED) <= (row.node_id is None)
    assert row.state.final == (row.finished_at is not None)
    if before is None:
        return
    assert row.attempt >= before.attempt, "an attempt number never falls"
    if before.state.final:
        assert (row.state, row.outcome, row.attempt) == (before.state, before.outcome, before.attempt)


_WEIGHTS: Mapping[Step, int] = {Step.WAIT: 4, Step.FIRE: 4, Step.CLAIM: 4, Step.SETTLE: 4, Step.RENEW: 2}


class HistoriesConformance(Conformance):
    """The guarantees together, under random histories that are the same in every run of the suite."""

    @pytest.mark.parametrize("seed", range(6))
    async def test_a_random_history_keeps_the_promises(self, bench: Bench, seed: int) -> None:
        dice = random.Random(seed)
        weighted = [step for step in Step for _ in range(_WEIGHTS.get(step, 1))]
        await History(bench, f"h{seed}").play([(dice.choice(weighted), dice.randrange(10)) for _ in range(80)])
