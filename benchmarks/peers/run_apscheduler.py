"""APScheduler 3 with its SQLAlchemy job store on PostgreSQL, bodies as coroutines on its asyncio executor."""

from __future__ import annotations

import pickle
import time
from datetime import UTC, datetime
from typing import Any

import child
from apscheduler.job import Job
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

WORKING: list[child.Working] = []


async def body(due: float | None, pad: str) -> None:
    await WORKING[0].body(due, pad)


def scheduler_of(options: child.Options) -> AsyncIOScheduler:
    url = options["url"].replace("postgresql://", "postgresql+psycopg://")
    defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 10}
    return AsyncIOScheduler(jobstores={"default": SQLAlchemyJobStore(url)}, timezone=UTC, job_defaults=defaults)


async def prepare(options: child.Options) -> None:
    scheduler = scheduler_of(options)
    scheduler.start(paused=True)
    scheduler.shutdown()


async def enqueue(options: child.Options) -> child.Options:
    """One-shots, or with ``period`` recurring schedules; written as the store writes them, in one statement."""
    scheduler = scheduler_of(options)
    scheduler.start(paused=True)
    store = scheduler._lookup_jobstore("default")
    period = options.get("period")
    rows: list[dict[str, Any]] = []
    began = time.perf_counter()
    for number, at in enumerate(child.due_times(options)):
        assert at is not None, "APScheduler 3 has no queue: each run is due at some time"
        due = datetime.fromtimestamp(at, UTC)
        made = Job(
            scheduler,
            id=str(number),
            func="run_apscheduler:body",
            trigger=IntervalTrigger(seconds=period, start_date=due, timezone=UTC) if period else DateTrigger(due),
            executor="default",
            args=(),
            kwargs=child.arguments(options, at),
            name="body",
            misfire_grace_time=None,
            coalesce=True,
            max_instances=10,
            next_run_time=due,
        )
        state = pickle.dumps(made.__getstate__(), store.pickle_protocol)
        rows.append({"id": made.id, "next_run_time": at, "job_state": state})
    with store.engine.begin() as connection:
        connection.execute(store.jobs_t.insert(), rows)
    scheduler.shutdown()
    return {"seconds": time.perf_counter() - began}


async def work(options: child.Options) -> child.Options:
    working = child.Working(options)
    WORKING.append(working)
    scheduler = scheduler_of(options)
    if options.get("tick"):
        scheduler.add_job(tick, "interval", seconds=1, start_date=datetime.fromtimestamp(int(time.time()) + 2, UTC))

    async def begin() -> None:
        scheduler.start()

    result = await working.until_told(begin)
    scheduler.shutdown(wait=False)
    return result


async def tick() -> None:
    now = time.time()
    WORKING[0].late.append(now - int(now))


if __name__ == "__main__":
    # The bodies are found by their import path, so this module must be known by its name.
    import run_apscheduler as known

    child.main({"prepare": known.prepare, "enqueue": known.enqueue, "work": known.work})
