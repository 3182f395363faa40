"""Oban for Python, its open edition: uvloop, and a queue that lets a thousand jobs run at once."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import child
import uvloop
from oban import Oban, worker
from oban.job import Job
from oban.schema import install
from psycopg_pool import AsyncConnectionPool

LIMIT = 1000
WORKING: list[child.Working] = []


@worker(queue="default", max_attempts=1)
class Body:
    async def process(self, job: Job) -> None:
        await WORKING[0].body(**job.args)


def pool(options: child.Options) -> AsyncConnectionPool[Any]:
    return AsyncConnectionPool(options["url"], min_size=2, max_size=10, open=False)


async def prepare(options: child.Options) -> None:
    async with pool(options) as connections:
        await install(connections)


async def enqueue(options: child.Options) -> child.Options:
    async with pool(options) as connections:
        oban = Oban(pool=connections)
        if options.get("one_by_one"):
            return await child.paced(options, lambda now: oban.enqueue(Body.new(child.arguments(options, now))))
        jobs = [made(options, at) for at in child.due_times(options)]
        began = time.perf_counter()
        for first in range(0, len(jobs), 1000):
            await oban.enqueue_many(jobs[first : first + 1000])
        return {"seconds": time.perf_counter() - began}


def made(options: child.Options, at: float | None) -> Job:
    args = child.arguments(options, at)
    return Body.new(args, scheduled_at=datetime.fromtimestamp(at, UTC)) if at is not None else Body.new(args)


async def work(options: child.Options) -> child.Options:
    working = child.Working(options)
    WORKING.append(working)
    async with pool(options) as connections:
        stager = {"interval": options["poll"]} if "poll" in options else {}
        oban = Oban(pool=connections, queues={"default": LIMIT}, stager=stager, shutdown_grace_period=3)
        result = await working.until_told(oban.start)
        await oban.stop()
    return result


child.main({"prepare": prepare, "enqueue": enqueue, "work": work}, run=uvloop.run)
