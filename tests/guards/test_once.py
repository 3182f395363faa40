"""Work that is done once in a period: by one caller, for the others to have what came of it."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.bench import until
from guards.conftest import Stranger, in_memory, look
from hourbell import Busy, Context, Cron, Every, HourbellError, InvalidArguments, LeaseLost, Scheduler, TriggerError
from hourbell.clock import ManualClock
from hourbell.errors import ResultRejected


async def test_one_does_it_and_the_others_get_what_came_of_it(scheduler: Scheduler) -> None:
    done = 0

    async def work() -> tuple[bool, Any]:
        nonlocal done
        async with scheduler.once("aggregate", period="day") as first:
            if first:
                await asyncio.sleep(0.02)
                done += 1
                first.keep({"rows": done})
        return bool(first), first.result

    told = await asyncio.gather(*(work() for _ in range(10)))
    assert done == 1
    assert sorted(told, key=str) == [(False, {"rows": 1})] * 9 + [(True, {"rows": 1})]


async def test_what_fails_is_done_by_the_next(scheduler: Scheduler) -> None:
    tried = []

    async def work(number: int) -> bool:
        async with scheduler.once("aggregate") as first:
            if first:
                tried.append((number, first.fence))
                await asyncio.sleep(0.02)
                if len(tried) < 3:
                    raise ValueError(f"no\n{number}")
        return bool(first)

    told = await asyncio.gather(*(work(number) for number in range(6)), return_exceptions=True)
    assert [type(one) for one in told].count(ValueError) == 2
    assert told.count(True) == 1
    assert told.count(False) == 3, "whoever waited knows that it has been done"
    fences = [fence for _, fence in tried]
    assert fences == [fences[0], fences[0] + 1, fences[0] + 2]
    kept = await look(scheduler, "aggregate")
    assert (kept.state, kept.result, kept.error) == ("done", None, None)


@in_memory
async def test_who_does_not_want_to_wait_is_told(scheduler: Scheduler) -> None:
    async def work() -> bool:
        async with scheduler.once("aggregate", wait=0) as first:
            return bool(first)

    async with scheduler.once("aggregate") as first:
        assert first
        with pytest.raises(Busy, match="once 'aggregate' is held by"):
            await asyncio.create_task(work())
    assert not await work(), "what has been done needs no waiting"


@in_memory
async def test_a_cancelled_one_lets_the_next_do_it(scheduler: Scheduler) -> None:
    began = asyncio.Event()

    async def work() -> None:
        async with scheduler.once("aggregate"):
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with scheduler.once("aggregate", wait=0) as first:
        assert first


async def test_a_block_that_was_taken_over_is_cancelled_and_keeps_nothing(
    scheduler: Scheduler, stranger: Stranger
) -> None:
    async def work(*, patient: bool) -> None:
        async with scheduler.once(f"patient {patient}") as first:
            await stranger.takes(first)
            first.keep("mine")
            if patient:
                async with asyncio.timeout(30):
                    await asyncio.Event().wait()

    for patient in (True, False):
        with pytest.raises(LeaseLost, match=f"once 'patient {patient}'"):
            await work(patient=patient)
        left = await look(scheduler, f"patient {patient}")
        assert (left.state, left.owner, left.result) == ("held", "stranger", None)


async def test_for_a_time_after_it_was_done(database_url: str) -> None:
    clock = ManualClock()
    async with Scheduler(database_url, clock=clock) as scheduler:

        async def work() -> bool:
            async with scheduler.once("aggregate", period=timedelta(minutes=10), wait=0) as first:
                return bool(first)

        assert await work()
        clock.advance(599)
        assert not await work()
        clock.advance(1)
        assert await work()


async def test_outside_of_runs_the_day_is_that_of_the_scheduler_or_as_told(database_url: str) -> None:
    clock = ManualClock(datetime(2030, 6, 1, 22, 30, tzinfo=UTC))
    async with Scheduler(database_url, clock=clock, timezone="Europe/Berlin") as scheduler:

        async def day(timezone: str | None) -> str:
            async with scheduler.once(f"aggregate {timezone}", period="day", timezone=timezone) as first:
                assert first
                guard: Any = first
                return str(guard._guard.period)

        assert await day(None) == "day 2030-06-02"
        assert await day("UTC") == "day 2030-06-01"


async def test_in_a_run_the_day_is_that_of_its_due_time_in_the_zone_of_its_schedule(database_url: str) -> None:
    scheduler = Scheduler(database_url, lease=3, poll=0.2, timezone="Asia/Tokyo")
    days: list[tuple[str, str]] = []

    @scheduler.task(name="aggregate")
    async def aggregate(context: Context, name: str) -> None:
        for how in (context, scheduler):
            async with how.once(f"{name} {type(how).__name__}", period="day") as first:
                guard: Any = first
                days.append((name, guard._guard.period))

    async with scheduler.lifespan():
        start = datetime(2020, 1, 1, 18, tzinfo=UTC)
        await scheduler.add_schedule(
            aggregate, Cron("0 18 * * *", timezone="America/Los_Angeles"), id="cron", args={"name": "cron"}
        )
        await scheduler.add_schedule(
            aggregate, Every(days=1, start=start), id="every", args={"name": "every"}, catch_up="skip"
        )
        for schedule in ("cron", "every"):
            await scheduler.backfill_schedule(schedule, start, start + timedelta(hours=12))
        await until(lambda: len(days) == 4)
    # 18:00 in Los Angeles is the next day in UTC; 18:00 in UTC is the next day in Tokyo, the scheduler's zone.
    assert sorted(set(days)) == [("cron", "day 2020-01-01"), ("every", "day 2020-01-02")]


async def test_in_plain_functions_and_on_the_second_attempt(database_url: str) -> None:
    scheduler = Scheduler(database_url, lease=3, poll=0.2, retry=3)
    tried: list[tuple[bool, Any]] = []

    @scheduler.task
    def mail(context: Context) -> None:
        with context.once("mail 7", period="day") as first:
            if first:
                first.keep(["sent", 7])
        tried.append((bool(first), first.result))
        if len(tried) < 3:
            raise ValueError("after the block")

    async with scheduler.lifespan():
        run = await scheduler.wait(await mail.enqueue(), timeout=60)
        assert (run.state, run.attempt) == ("succeeded", 3)
    assert tried == [(True, ["sent", 7]), (False, ["sent", 7]), (False, ["sent", 7])]


async def test_in_threads(scheduler: Scheduler) -> None:
    done: list[int] = []
    start = threading.Barrier(4)

    def work() -> bool:
        start.wait(30)
        with scheduler.once("aggregate") as first:
            if first:
                done.append(1)
        return bool(first)

    async with asyncio.timeout(60):
        told = await asyncio.gather(*(asyncio.to_thread(work) for _ in range(4)))
    assert (sorted(told), done) == ([False, False, False, True], [1])


@in_memory
async def test_what_cannot_be_is_refused(scheduler: Scheduler) -> None:
    with pytest.raises(InvalidArguments, match="period='year': give 'hour'"):
        scheduler.once("a", period="year")
    with pytest.raises(InvalidArguments, match="ten years"):
        scheduler.once("a", period=timedelta(0))
    with pytest.raises(InvalidArguments, match="1 to 200 printable"):
        scheduler.once("")
    with pytest.raises(TriggerError, match="Europe/Berlin"):
        scheduler.once("a", timezone="Europe/Berln")
    with pytest.raises(HourbellError, match="made by hand"):
        Context(run_id="r", task="t", schedule_id=None, fire_at=None, attempt=1, tracking_id="r").once("a")
    with pytest.raises(HourbellError, match="would block the event loop"), scheduler.once("a"):
        pass
    async with scheduler.once("a") as first:
        with pytest.raises(HourbellError, match="would wait for itself"):
            async with scheduler.once("a"):
                pass
        with pytest.raises(ResultRejected):
            first.keep(object())
        with pytest.raises(ResultRejected):
            first.keep("x" * 70_000)
    async with scheduler.once("a") as second:
        assert not second
        with pytest.raises(HourbellError, match="whoever does the work"):
            second.keep(1)
    with pytest.raises(HourbellError, match="used before"):
        await second.__aenter__()
