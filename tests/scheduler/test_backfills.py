"""Backfills by the scheduler's verb, on every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hourbell import At, Calendar, Conflict, Cron, Every, InvalidArguments, NotFound, Scheduler

MARCH = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def daily(scheduler: Scheduler) -> Scheduler:
    await scheduler.add_schedule("greet", Cron("0 0 * * *"), id="daily", args={"name": "ada"})
    return scheduler


async def test_both_ends_are_included(daily: Scheduler) -> None:
    backfill = await daily.backfill_schedule("daily", MARCH, MARCH + 2 * DAY)
    assert backfill.fires == (MARCH, MARCH + DAY, MARCH + 2 * DAY)
    assert (backfill.made, backfill.schedule_id) == (3, "daily")
    runs = await daily.list_runs(schedule_id="daily")
    assert sorted(run.fire_at for run in runs if run.fire_at) == list(backfill.fires)
    assert {(run.origin, run.task, run.args["name"]) for run in runs} == {(backfill.origin, "greet", "ada")}


async def test_a_key_makes_asking_again_safe(daily: Scheduler) -> None:
    first = await daily.backfill_schedule("daily", MARCH, MARCH + DAY, key="k")
    more = await daily.backfill_schedule("daily", MARCH, MARCH + 3 * DAY, key="k")
    assert (first.origin, first.made, more.made) == ("backfill:k", 2, 2)
    assert len(await daily.list_runs(schedule_id="daily")) == 4


async def test_without_a_key_each_call_is_another_backfill(daily: Scheduler) -> None:
    first = await daily.backfill_schedule("daily", MARCH, MARCH)
    second = await daily.backfill_schedule("daily", MARCH, MARCH)
    assert first.id != second.id
    assert len(await daily.list_runs(schedule_id="daily")) == 2


async def test_a_dry_run_makes_nothing(daily: Scheduler) -> None:
    backfill = await daily.backfill_schedule("daily", MARCH, MARCH + 9 * DAY, dry_run=True)
    assert (len(backfill.fires), backfill.made) == (10, 0)
    assert list(await daily.list_runs()) == []


async def test_many_are_made_in_order(daily: Scheduler) -> None:
    await daily.add_schedule("greet", Every(seconds=1, start=MARCH), id="fast")
    backfill = await daily.backfill_schedule("fast", MARCH, MARCH + timedelta(seconds=1200))
    assert backfill.made == 1201
    newest = await daily.list_runs(schedule_id="fast", limit=1000)
    oldest = await daily.list_runs(schedule_id="fast", limit=1000, cursor=newest.next_cursor)
    going = [run.fire_at for run in [*newest, *oldest] if run.run_at is not None]
    assert going == [MARCH], "one at once, the oldest first"


async def test_what_a_blackout_covers_is_left_out(daily: Scheduler) -> None:
    await daily.add_calendar("leap", Calendar(days=["2024-03-02"]))
    await daily.update_schedule("daily", blackout=["leap"])
    backfill = await daily.backfill_schedule("daily", MARCH, MARCH + 2 * DAY)
    assert backfill.fires == (MARCH, MARCH + 2 * DAY)


async def test_too_many_are_refused_before_anything_is_made(daily: Scheduler) -> None:
    await daily.add_schedule("greet", Every(seconds=1, start=MARCH), id="fast")
    with pytest.raises(InvalidArguments, match="more than 10,000 due times"):
        await daily.backfill_schedule("fast", MARCH, MARCH + timedelta(seconds=10_000))
    assert list(await daily.list_runs()) == []
    most = await daily.backfill_schedule("fast", MARCH, MARCH + timedelta(seconds=9_999), dry_run=True)
    assert len(most.fires) == 10_000


@pytest.mark.parametrize(
    "start, end, why",
    [
        (datetime(2024, 3, 1), MARCH, "start=.*aware"),  # noqa: DTZ001 - the point of this case
        (MARCH, datetime(2024, 3, 2), "end=.*aware"),  # noqa: DTZ001 - as above
        (MARCH, MARCH - DAY, "later than end"),
        (MARCH, datetime(2124, 3, 1, tzinfo=UTC), "in the future"),
        (datetime(1, 1, 1, tzinfo=UTC), MARCH, "year 1"),
        ("2024-03-01", MARCH, "start=.*aware"),
    ],
)
async def test_a_range_that_cannot_be(daily: Scheduler, start: datetime, end: datetime, why: str) -> None:
    with pytest.raises(InvalidArguments, match=why):
        await daily.backfill_schedule("daily", start, end)


async def test_a_key_that_cannot_be(daily: Scheduler) -> None:
    for key in ("", "x" * 201, "a\nb"):
        with pytest.raises(InvalidArguments, match="key"):
            await daily.backfill_schedule("daily", MARCH, MARCH, key=key)


async def test_a_schedule_that_rests_or_is_not_there(daily: Scheduler) -> None:
    with pytest.raises(NotFound):
        await daily.backfill_schedule("nightly", MARCH, MARCH)
    await daily.pause_schedule("daily")
    with pytest.raises(Conflict, match="paused"):
        await daily.backfill_schedule("daily", MARCH, MARCH, dry_run=True)


async def test_a_schedule_that_is_over_can_be_backfilled(daily: Scheduler) -> None:
    await daily.add_schedule("greet", Every(days=1, start=MARCH, end=MARCH + 3 * DAY), id="over")
    assert (await daily.get_schedule("over")).state == "finished"
    assert (await daily.backfill_schedule("over", MARCH, MARCH + 30 * DAY)).made == 4


async def test_a_range_without_due_times_makes_nothing(daily: Scheduler) -> None:
    await daily.add_schedule("greet", At(MARCH), id="once")
    assert (await daily.backfill_schedule("once", MARCH + DAY, MARCH + 2 * DAY)).made == 0
