"""The database's clock is set forward by more than a lease: what that costs, as the page on how it is built says."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from engine.bench import Bench, until
from hourbell.clock import SystemClock
from hourbell.model.run_state import Outcome, RunState


class SteppedClock(SystemClock):
    """The host's clock, which somebody sets; elapsed time goes on as ever."""

    def __init__(self) -> None:
        self.step = timedelta(0)
        super().__init__()

    def host_now(self) -> datetime:
        return super().host_now() + self.step


async def test_a_step_forward_costs_each_body_an_attempt_and_doubles_no_success() -> None:
    clock = SteppedClock()
    one = Bench(clock, max_runs=2)
    other = one.neighbour(max_runs=2)
    begun: list[int] = []
    leave = asyncio.Event()

    async def long() -> None:
        begun.append(1)
        await leave.wait()

    for bench in (one, other):
        bench.task(long)
    runs = await one.enqueue_many("long", 4)
    async with one.running(), other.running():
        await until(lambda: len(begun) == 4)
        clock.step = timedelta(seconds=60)
        await until(lambda: len(begun) == 8)
        leave.set()
        ended = [await one.final(run.id) for run in runs]
        for run in ended:
            assert (run.state, run.attempt) == (RunState.SUCCEEDED, run.losses + 1)
            assert run.losses >= 1
            assert {lost.outcome for lost in await one.store.list_attempts(run.id)} == {Outcome.LOST}
