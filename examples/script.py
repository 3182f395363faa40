"""A script beside the application: it looks, asks and changes, and runs nothing itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from hourbell import At, Cron, Scheduler

scheduler = Scheduler()


@scheduler.task(name="invoices")
async def write_invoices(month: str) -> None:
    """The body runs in the application, which registers a task of this name too."""


async def main() -> None:
    async with scheduler:  # the database is open, and this process is no node
        monthly = await scheduler.add_schedule(
            write_invoices, Cron("0 6 1 * *", timezone="Europe/Berlin"), id="invoices-monthly", args={"month": "last"}
        )
        print(monthly.trigger.explain())
        for fire in await scheduler.preview(monthly, 3):
            print(fire.isoformat())

        tomorrow = datetime.now(UTC) + timedelta(days=1)
        once = await scheduler.add_schedule(write_invoices, At(tomorrow), id="invoices-once", args={"month": "2030-01"})
        await scheduler.pause_schedule(once.id, note="the numbers are not there yet")
        await scheduler.remove_schedule(once.id)


asyncio.run(main())
