"""Runs per second through one node: enqueued in bulk, then claimed, executed and settled; all recorded and kept.

python benchmarks/drain.py [RUNS] [ROUNDS]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hourbell import Scheduler
from hourbell.model.ids import new_run_id
from hourbell.model.run import NewRun
from hourbell.model.run_state import Origin

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3


async def drained(url: str, *, body: str) -> tuple[float, float]:
    """Seconds for the enqueue and for the drain of RUNS runs, on a fresh node."""
    scheduler = Scheduler(url, drain=1)
    left = RUNS
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            over.set()

    @scheduler.task(name="async")
    async def in_the_loop() -> None:
        count()

    @scheduler.task(name="sync")
    def in_a_thread() -> None:
        loop.call_soon_threadsafe(count)

    async with scheduler:
        store = scheduler._core.store
        now = scheduler._core.clock.now()
        begun = time.perf_counter()
        for first in range(0, RUNS, 1000):
            batch = [
                NewRun(id=new_run_id(now), task=body, origin=Origin.ENQUEUE, args={})
                for _ in range(min(1000, RUNS - first))
            ]
            await store.enqueue(batch)
        enqueued = time.perf_counter() - begun
        begun = time.perf_counter()
        async with scheduler.lifespan():
            await over.wait()
            done = time.perf_counter() - begun
    return enqueued, done


def measure(name: str, url: Callable[[], str], body: str) -> None:
    """Print one line: medians over ROUNDS."""
    rounds = [asyncio.run(drained(url(), body=body)) for _ in range(ROUNDS)]
    enqueue = RUNS / statistics.median(r[0] for r in rounds)
    rates = [RUNS / r[1] for r in rounds]
    print(
        f"{name:10} {body:5} enqueue {enqueue:8,.0f}/s   drain {statistics.median(rates):8,.0f} runs/s "
        f"(from {min(rates):,.0f} to {max(rates):,.0f})"
    )


def main() -> None:
    from hourbell.testing.postgres_server import PostgresServer

    print(f"{RUNS:,} no-op runs, one process, medians of {ROUNDS}; PostgreSQL and SQLite with full durability")
    with tempfile.TemporaryDirectory() as folder, PostgresServer(durable=True) as server:
        made = iter(range(1_000_000))
        for body in ("async", "sync"):
            measure("PostgreSQL", lambda: server.create_database(f"bench_{next(made)}"), body)
            measure("SQLite", lambda: f"sqlite:///{Path(folder) / f'{next(made)}.db'}", body)


main()
