"""Catch-up as it is inherited: from the scheduler to the task to the schedule, and what an outage then makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from hourbell import Cron, InvalidArguments, Scheduler
from hourbell.clock import ManualClock
from hourbell.engine.planning import plan_fires

NOON = datetime(2030, 5, 5, 12, tzinfo=UTC)


async def after_three_hours(scheduler: Scheduler, clock: ManualClock) -> list[tuple[str, int]]:
    """What is recorded of an hourly schedule when everybody was away for three hours."""
    clock.advance(3 * 3600 + 900)
    plan = partial(plan_fires, lease=timedelta(seconds=scheduler.settings.lease))
    await scheduler._core.store.fire_due(250, plan)
    runs = sorted(await scheduler.list_runs(schedule_id="hourly"), key=lambda run: run.fire_at or run.created_at)
    return [(run.reason or run.state.value, run.covers_count or 1) for run in runs]


LATEST = [("coalesced", 2), ("queued", 1)]
ALL = [("queued", 1)] * 3
SKIP = [("missed", 3)]


@pytest.mark.parametrize(
    "of_scheduler, of_task, of_schedule, told",
    [
        ({}, {}, {}, LATEST),
        ({"catch_up": "skip"}, {}, {}, SKIP),
        ({"catch_up": "skip"}, {"catch_up": "all", "overlap": "allow"}, {}, ALL),
        ({"catch_up": "skip"}, {"catch_up": "all", "overlap": "allow"}, {"catch_up": "latest"}, LATEST),
        ({"catch_up": "all", "overlap": "allow"}, {}, {"catch_up_limit": 1}, [("catch_up_limit", 2), ("queued", 1)]),
        ({"grace": 60}, {}, {}, SKIP),
        ({"grace": 60}, {"grace": None}, {}, LATEST),
        ({"grace": 60}, {"grace": None}, {"grace": timedelta(minutes=1)}, SKIP),
    ],
)
async def test_the_nearest_wins(
    database_url: str,
    of_scheduler: dict[str, Any],
    of_task: dict[str, Any],
    of_schedule: dict[str, Any],
    told: list[tuple[str, int]],
) -> None:
    clock = ManualClock(NOON)
    scheduler = Scheduler(database_url, clock=clock, **of_scheduler)
    scheduler.task(name="tick", **of_task)(lambda: None)
    async with scheduler:
        await scheduler.add_schedule("tick", Cron("0 * * * *"), id="hourly", **of_schedule)
        assert await after_three_hours(scheduler, clock) == told


async def test_an_edit_counts_from_the_next_fire(database_url: str) -> None:
    clock = ManualClock(NOON)
    scheduler = Scheduler(database_url, clock=clock)
    scheduler.task(name="tick")(lambda: None)
    async with scheduler:
        await scheduler.add_schedule("tick", Cron("0 * * * *"), id="hourly")
        await scheduler.update_schedule("hourly", catch_up="skip")
        assert await after_three_hours(scheduler, clock) == SKIP


def test_the_rate_is_a_setting_of_the_scheduler() -> None:
    assert Scheduler("memory://").settings.catch_up_rate == 100
    assert Scheduler("memory://", catch_up_rate=0).settings.catch_up_rate == 0
    with pytest.raises(InvalidArguments, match="catch_up_rate"):
        Scheduler("memory://", catch_up_rate=-1)
