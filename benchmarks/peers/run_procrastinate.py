"""Procrastinate with its asynchronous connector; concurrency as high as still helps."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import child
import procrastinate

CONCURRENCY = 30
WAITING = 200


def application(options: child.Options) -> procrastinate.App:
    connector = procrastinate.PsycopgConnector(conninfo=options["url"], min_size=4, max_size=CONCURRENCY)
    return procrastinate.App(connector=connector)


def instant(at: float | None) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at is not None else None


async def prepare(options: child.Options) -> None:
    app = application(options)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def enqueue(options: child.Options) -> child.Options:
    app = application(options)

    @app.task(name="body")
    async def body(due: float | None, pad: str) -> None: ...

    async with app.open_async():
        if options.get("one_by_one"):
            return await child.paced(options, lambda now: body.defer_async(**child.arguments(options, now)))
        due = child.due_times(options)
        began = time.perf_counter()
        if options.get("begin") is None:
            for first in range(0, len(due), 1000):
                wanted = due[first : first + 1000]
                await body.configure().batch_defer_async(*[child.arguments(options, at) for at in wanted])
        else:
            for at in due:
                await body.configure(schedule_at=instant(at)).defer_async(**child.arguments(options, at))
        return {"seconds": time.perf_counter() - began}


async def work(options: child.Options) -> child.Options:
    working = child.Working(options)
    app = application(options)
    app.task(name="body")(working.body)
    concurrency = WAITING if options.get("body") == "wait" else CONCURRENCY
    running: list[asyncio.Task[Any]] = []

    async def begin() -> None:
        worker = app.run_worker_async(
            concurrency=concurrency, install_signal_handlers=False, fetch_job_polling_interval=options.get("poll", 5.0)
        )
        running.append(asyncio.create_task(worker))

    async with app.open_async():
        result = await working.until_told(begin)
        running[0].cancel()
        await asyncio.wait(running, timeout=10)
    return result


child.main({"prepare": prepare, "enqueue": enqueue, "work": work})
