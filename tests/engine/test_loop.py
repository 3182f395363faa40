"""The one loop: it steps when told to, outlives what its step meets, and cannot be made to spin."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from engine.bench import until
from hourbell.engine.backoff import Backoff
from hourbell.engine.loop import Loop
from hourbell.engine.troubles import Troubles
from hourbell.errors import StoreUnavailable


class Steps:
    """A step that counts, and does next what it is told."""

    def __init__(self, *answers: float | BaseException | None) -> None:
        self.count = 0
        self.answers = list(answers)
        self.going_on = asyncio.Event()
        self.going_on.set()

    async def __call__(self) -> float | None:
        self.count += 1
        await self.going_on.wait()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        return answer


async def test_it_steps_again_after_the_delay_it_was_told() -> None:
    steps = Steps(0.01, 0, 0.01, None)
    loop = Loop("test", steps, Troubles(time.monotonic))
    loop.start()
    await until(lambda: steps.count == 4)
    await asyncio.sleep(0.05)
    assert steps.count == 4
    await loop.stop()


async def test_waking_makes_it_step_at_once() -> None:
    steps = Steps()
    loop = Loop("test", steps, Troubles(time.monotonic))
    loop.start()
    await until(lambda: steps.count == 1)
    loop.wake()
    await until(lambda: steps.count == 2)
    await loop.stop()


async def test_being_woken_during_a_step_means_one_more() -> None:
    steps = Steps()
    steps.going_on.clear()
    loop = Loop("test", steps, Troubles(time.monotonic))
    loop.start()
    await until(lambda: steps.count == 1)
    for _ in range(5):
        loop.wake()
    steps.going_on.set()
    await until(lambda: steps.count == 2)
    await asyncio.sleep(0.02)
    assert steps.count == 2
    await loop.stop()


async def test_a_failing_step_is_tried_again_and_waking_does_not_hurry_it() -> None:
    steps = Steps(*[StoreUnavailable("away")] * 60)
    loop = Loop("test", steps, Troubles(time.monotonic))
    loop.start()
    await until(lambda: steps.count == 1)
    for _ in range(50):
        loop.wake()
        await asyncio.sleep(0.001)
    assert steps.count < 10, "each waking was followed by a try"
    await until(lambda: steps.count >= 4)
    await loop.stop()


async def test_a_trouble_is_told_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="hourbell.engine")
    troubles = Troubles(time.monotonic)
    steps = Steps(*[StoreUnavailable("away")] * 3)
    loop = Loop("renew", steps, troubles)
    loop.start()
    await until(lambda: steps.count == 2)
    assert "away" in (troubles.last() or "")
    await until(lambda: steps.count >= 4)
    await until(lambda: troubles.last() is None)
    await loop.stop()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_fault_of_our_own_ends_no_loop(caplog: pytest.LogCaptureFixture) -> None:
    steps = Steps(ZeroDivisionError("a fault"))
    loop = Loop("test", steps, Troubles(time.monotonic))
    loop.start()
    await until(lambda: steps.count == 2)
    await loop.stop()
    (record,) = caplog.records
    assert record.exc_info is not None


async def test_something_cancelled_within_a_step_ends_no_loop() -> None:
    steps = Steps(asyncio.CancelledError())
    loop = Loop("test", steps, Troubles(time.monotonic))
    loop.start()
    await until(lambda: steps.count == 2)
    await loop.stop()


async def test_stopping_ends_it_between_and_in_steps() -> None:
    steps = Steps()
    loop = Loop("test", steps, Troubles(time.monotonic))
    loop.start()
    await until(lambda: steps.count == 1)
    await loop.stop()
    hanging = Steps()
    hanging.going_on.clear()
    loop = Loop("test", hanging, Troubles(time.monotonic))
    loop.start()
    await until(lambda: hanging.count == 1)
    await loop.stop()
    assert await _nothing_left()


async def test_a_step_under_way_may_be_given_time() -> None:
    steps = Steps()
    steps.going_on.clear()
    loop = Loop("test", steps, Troubles(time.monotonic))
    loop.start()
    await until(lambda: steps.count == 1)
    asyncio.get_running_loop().call_later(0.05, steps.going_on.set)
    await loop.stop(patience=10)
    assert steps.answers == []
    assert await _nothing_left()


async def _nothing_left() -> bool:
    await asyncio.sleep(0)
    return not [task for task in asyncio.all_tasks() if task.get_name().startswith("hourbell-")]


def test_waits_grow_up_to_their_cap_and_begin_again() -> None:
    backoff = Backoff(first=0.1, cap=3.0)
    waits = [backoff.failed() for _ in range(10)]
    full = [min(3.0, 0.1 * 2**n) for n in range(10)]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, full, strict=True))
    backoff.succeeded()
    assert backoff.failed() <= 0.1
