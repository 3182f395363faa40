"""Hourbell with its defaults, and more slots where bodies wait.

``HOURBELL_*`` in the environment may say otherwise, and is recorded with the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import child

from hourbell import At, Every, Scheduler
from hourbell.model.ids import new_run_id
from hourbell.model.node import NewNode
from hourbell.model.run import NewRun
from hourbell.model.run_state import Origin

BULK = 1000
WARM = 2
"""Steps that are not counted: the first ones fill caches."""

WAITING = 1000
"""Bodies at once when they only wait, as `docs/howto/bodies-at-once.md` recommends; else there are as many as usual."""


def scheduler_of(options: child.Options, working: child.Working | None = None) -> Scheduler:
    """The scheduler with the bodies that are measured; ``settings`` of the options are keywords of it."""
    settings = {"drain": 1, **options.get("settings", {})}
    if options.get("body") == "wait" and "HOURBELL_MAX_RUNS" not in os.environ:
        settings.setdefault("max_runs", WAITING)
    scheduler = Scheduler(options["url"], **settings)

    async def body(due: float | None = None, pad: str = "") -> None:
        if working is not None:
            await working.body(due, pad)

    def sync(due: float | None = None, pad: str = "") -> None:
        if working is not None:
            working.ran(due)

    scheduler.task(name="body")(sync if options.get("body") == "sync" else body)
    if options.get("tick"):
        start = datetime.now(UTC).replace(microsecond=0)

        @scheduler.every(seconds=1, start=start, id="tick")
        async def tick() -> None:
            now = time.time()
            assert working is not None
            working.late.append(now - int(now))

    return scheduler


async def prepare(options: child.Options) -> None:
    async with scheduler_of(options) as scheduler:
        await scheduler.migrate()


async def register(options: child.Options) -> None:
    """A live node of this name, whose statements are sent by somebody else."""
    made = NewNode(id=options["node"], host="bench", pid=1, lease=timedelta(hours=1), version="0")
    async with scheduler_of(options) as scheduler:
        await scheduler._core.store.register_node(made)


async def enqueue(options: child.Options) -> child.Options:
    """In bulk, one by one (``per_transaction``: through a SQLAlchemy session), or as schedules that fire once."""
    async with scheduler_of(options) as scheduler:
        await scheduler.migrate()
        if options.get("per_transaction"):
            return await in_transactions(scheduler, options)
        task = scheduler._core.tasks.get("body")
        if options.get("one_by_one"):
            return await child.paced(options, lambda now: task.enqueue(**child.arguments(options, now)))
        if options.get("one_shots"):
            return await one_shots(scheduler, options)
        return await in_bulk(scheduler, options)


async def in_bulk(scheduler: Scheduler, options: child.Options) -> child.Options:
    """As an application does it: many requests at once, which Hourbell writes together."""
    task, due = scheduler._core.tasks.get("body"), child.due_times(options)

    def one(at: float | None) -> Coroutine[Any, Any, Any]:
        asked = task if at is None else task.options(run_at=datetime.fromtimestamp(at, UTC))
        return asked.enqueue(**child.arguments(options, at))

    began = time.perf_counter()
    for first in range(0, len(due), BULK):
        await asyncio.gather(*map(one, due[first : first + BULK]))
    return {"seconds": time.perf_counter() - began}


async def batch(scheduler: Scheduler, options: child.Options, due: Sequence[float | None]) -> str:
    """Put in a run for each, past the checks of the public way, and answer the id of the last: what feeds is not what
    is measured."""
    store, now = scheduler._core.store, scheduler._core.clock.now()
    runs = [
        NewRun(
            id=new_run_id(now),
            task="body",
            origin=Origin.ENQUEUE,
            args=child.arguments(options, at),
            run_at=datetime.fromtimestamp(at, UTC) if at is not None else None,
        )
        for at in due
    ]
    await store.enqueue(runs)
    return runs[-1].id


async def one_shots(scheduler: Scheduler, options: child.Options) -> child.Options:
    began = time.perf_counter()
    for number, at in enumerate(child.due_times(options)):
        assert at is not None
        trigger = At(datetime.fromtimestamp(at, UTC))
        await scheduler.add_schedule("body", trigger, id=f"once-{number}", args=child.arguments(options, at))
    return {"seconds": time.perf_counter() - began}


async def in_transactions(scheduler: Scheduler, options: child.Options) -> child.Options:
    """What an application does: some enqueues in a transaction of its own session, then its commit."""
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

    engine = create_async_engine(options["url"].replace("postgresql://", "postgresql+asyncpg://"))
    task = scheduler._core.tasks.get("body")
    each, took = options["per_transaction"], []
    for _ in range(options["count"] // each):
        began = time.perf_counter()
        async with AsyncSession(engine) as session, session.begin():
            for _ in range(each):
                await task.options(session=session).enqueue(**child.arguments(options))
        took.append((time.perf_counter() - began) / each)
    await engine.dispose()
    return {"took": took}


async def feed(options: child.Options) -> child.Options:
    """Keep a backlog until told to stop: what is put in is what can be taken out.

    Runs are taken in the order in which they came, so the backlog is there as long as the one that came so many before
    the last waits: one probe by its id, whatever the table is like. To count them would be a reading of all that
    PostgreSQL keeps of those that are gone, and that would be what is measured.
    """
    import asyncpg

    working = child.Working(options)
    asking = await asyncpg.connect(options["url"])
    fed: list[asyncio.Task[Any]] = []
    async with scheduler_of(options) as scheduler:

        async def feeding() -> None:
            marks = deque([await batch(scheduler, options, [None] * BULK) for _ in range(options["backlog"] // BULK)])
            while True:
                if await asking.fetchval("SELECT state <> 'queued' FROM hourbell.runs WHERE id = $1", marks[0]):
                    marks.append(await batch(scheduler, options, [None] * BULK))
                    marks.popleft()
                    await scheduler._core.store.hint()
                else:
                    await asyncio.sleep(0.005)

        async def begin() -> None:
            fed.append(asyncio.create_task(feeding()))

        result = await working.until_told(begin)
        assert not fed[0].done(), f"the feeding ended: {fed[0]}"
        fed[0].cancel()
        await asyncio.wait(fed)
    await asking.close()
    return result


async def work(options: child.Options) -> child.Options:
    """A node. ``deaf``: no hint reaches it, so that what it finds it finds by asking."""
    working = child.Working(options)
    scheduler = scheduler_of(options, working)
    took: list[tuple[float, float]] = []
    if options.get("deaf"):
        _make_deaf(type(scheduler._core.unopened_store))
    if options.get("time_claims"):
        _time_claims(type(scheduler._core.unopened_store), took)
    result = await working.until_told(scheduler.start)
    await scheduler.stop()
    return {**result, "claims": took}


def _make_deaf(kind: Any) -> None:
    async def listen(self: Any, heard: Any) -> None:
        await asyncio.Event().wait()

    kind.listen = listen


def _time_claims(kind: Any, took: list[tuple[float, float]]) -> None:
    """Note when each claim that brought something was answered, and after how long."""
    claim = kind.claim

    async def timed(self: Any, *args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        found = await claim(self, *args, **kwargs)
        if found is not None and found.runs:
            took.append((time.monotonic(), time.perf_counter() - began))
        return found

    kind.claim = timed


async def schedules(options: child.Options) -> child.Options:
    """Many schedules that recur every ``period`` seconds: one by the usual verb, the others copied from its row."""
    from seeding import copies

    begin, apart = options["begin"], options.get("apart", 0.0)
    async with scheduler_of(options) as scheduler:
        await scheduler.migrate()
        first = datetime.fromtimestamp(begin, UTC)
        trigger = Every(seconds=options["period"], start=first)
        args = child.arguments(options, begin if options.get("stamped") else None)
        stored = await scheduler.add_schedule("body", trigger, id="copy-0", args=args)
    assert stored.next_fire_at == first, f"the first fire is {stored.next_fire_at} and not {first}"
    await copies(options["url"], options["count"] - 1, apart)
    return {}


async def steps(options: child.Options) -> child.Options:
    """Once a second a firing step on each of ``urls`` in turn: how long each took, and how many fired."""
    from functools import partial

    from hourbell.engine.planning import plan_fires

    planner = partial(plan_fires, lease=timedelta(seconds=15), apart=None)
    urls = options["urls"]
    took: dict[str, list[float]] = {url: [] for url in urls}
    fired = dict.fromkeys(urls, 0)
    async with contextlib.AsyncExitStack() as stack:
        stores = {}
        for url in urls:
            stores[url] = (await stack.enter_async_context(scheduler_of({"url": url})))._core.store
        await asyncio.sleep(options["begin"] - time.time())
        for number in range(options["steps"] + WARM):
            await asyncio.sleep(1 - time.time() % 1)
            for url in urls if number % 2 else reversed(urls):
                began = time.perf_counter()
                report = await stores[url].fire_due(1000, planner)
                if number >= WARM:
                    took[url].append(time.perf_counter() - began)
                    fired[url] += len(report.fired)
    return {"took": took, "fired": fired}


VERBS = {
    "prepare": prepare,
    "register": register,
    "enqueue": enqueue,
    "work": work,
    "feed": feed,
    "schedules": schedules,
    "steps": steps,
}

if __name__ == "__main__":
    child.main(VERBS)
