"""Chancy with its asynchronous executor, many jobs at once, and polling as soon as there is room."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import Any

import child
from chancy import Chancy, Queue, Worker
from chancy.job import Job

CONCURRENCY = 1000
WORKING: list[child.Working] = []


async def body(*, due: float | None, pad: str) -> None:
    await WORKING[0].body(due, pad)


def application(options: child.Options) -> Chancy:
    quiet = logging.getLogger("chancy")
    quiet.setLevel(logging.ERROR)
    return Chancy(options["url"], log=quiet)


def job(options: child.Options, due: float | None, at: float | None) -> Job:
    made = Job(func="run_chancy.body", kwargs=child.arguments(options, due))
    return made.with_scheduled_at(datetime.fromtimestamp(at, UTC)) if at is not None else made


def queue() -> Queue:
    return Queue(
        "default", concurrency=CONCURRENCY, executor=Chancy.Executor.Async, polling_interval=1, eager_polling=True
    )


async def prepare(options: child.Options) -> None:
    async with application(options) as chancy:
        await chancy.migrate()
        await chancy.declare(queue(), upsert=True)


async def enqueue(options: child.Options) -> child.Options:
    async with application(options) as chancy:
        if options.get("one_by_one"):
            return await child.paced(options, lambda now: chancy.push(job(options, now, None)))
        jobs = [job(options, at, at) for at in child.due_times(options)]
        began = time.perf_counter()
        async for _ in chancy.push_many(jobs, batch_size=1000):
            pass
        return {"seconds": time.perf_counter() - began}


async def work(options: child.Options) -> child.Options:
    working = child.Working(options)
    WORKING.append(working)
    async with application(options) as chancy:
        worker = Worker(chancy, register_signal_handlers=False, shutdown_timeout=5)
        worker.send_outgoing_interval = 0.05

        async def begin() -> Any:
            await worker.start()

        result = await working.until_told(begin)
        await worker.stop(timeout=5)
    return result


if __name__ == "__main__":
    # The body is found by its import path, so this module must be known by its name.
    import run_chancy as known

    child.main({"prepare": known.prepare, "enqueue": known.enqueue, "work": known.work})
