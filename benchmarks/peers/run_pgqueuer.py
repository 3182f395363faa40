"""PgQueuer, as its own benchmark runs it: asyncpg, uvloop, large batches, no limit on tasks."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta
from typing import Any

import asyncpg
import child
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.models import Job, Schedule
from pgqueuer.queries import Queries

BATCH = 500


async def queries(options: child.Options) -> tuple[Queries, asyncpg.Connection]:
    connection = await asyncpg.connect(options["url"])
    return Queries.from_asyncpg_connection(connection), connection


async def prepare(options: child.Options) -> None:
    asked, connection = await queries(options)
    await asked.install()
    await connection.close()


async def enqueue(options: child.Options) -> child.Options:
    asked, connection = await queries(options)
    try:
        if options.get("one_by_one"):

            async def one(now: float) -> None:
                await asked.enqueue("body", json.dumps(child.arguments(options, now)).encode())

            return await child.paced(options, one)
        due = child.due_times(options)
        began = time.perf_counter()
        for first in range(0, len(due), 1000):
            batch = due[first : first + 1000]
            payloads = [json.dumps(child.arguments(options, at)).encode() for at in batch]
            now = time.time()
            after = [timedelta(seconds=at - now) if at is not None else None for at in batch]
            await asked.enqueue(["body"] * len(batch), payloads, [0] * len(batch), after)
        return {"seconds": time.perf_counter() - began}
    finally:
        await connection.close()


async def work(options: child.Options) -> child.Options:
    working = child.Working(options)
    queuer = PgQueuer.from_asyncpg_connection(await asyncpg.connect(options["url"]))

    @queuer.entrypoint("body")
    async def body(job: Job) -> None:
        await working.body(**json.loads(job.payload or b"{}"))

    if options.get("tick"):

        @queuer.schedule("tick", "* * * * * *")
        async def tick(schedule: Schedule) -> None:
            working.late.append(time.time() - int(time.time()))

    running: list[asyncio.Task[Any]] = []

    async def begin() -> None:
        running.append(asyncio.create_task(queuer.run(batch_size=BATCH)))

    result = await working.until_told(begin)
    queuer.shutdown.set()
    await asyncio.wait(running, timeout=10)
    return result


child.main({"prepare": prepare, "enqueue": enqueue, "work": work}, run=uvloop.run)
