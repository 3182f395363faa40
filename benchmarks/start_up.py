"""What Hourbell adds to the start of an application, and how soon the README's example fires.

The same FastAPI application is started with and without Hourbell, in turn, each in a fresh process: the time from the
import of FastAPI to the end of the lifespan's start. Prints the medians, their difference, and the time to the first
run of an every-second schedule.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 7
PLAIN = """
import asyncio, sys, time
from contextlib import asynccontextmanager
from fastapi import FastAPI
begun = time.perf_counter()
@asynccontextmanager
async def lifespan(app):
    yield
app = FastAPI(lifespan=lifespan)
async def main():
    async with app.router.lifespan_context(app):
        print(time.perf_counter() - begun)
asyncio.run(main())
"""
WITH = """
import asyncio, sys, time
from fastapi import FastAPI
begun = time.perf_counter()
from hourbell import Scheduler
scheduler = Scheduler(sys.argv[1])
app = FastAPI(lifespan=scheduler.lifespan)
ticked = asyncio.Event()
@scheduler.every(seconds=1)
async def tick() -> None:
    ticked.set()
async def main():
    async with app.router.lifespan_context(app):
        started = time.perf_counter()
        print(started - begun)
        await ticked.wait()
        print(time.perf_counter() - started)
asyncio.run(main())
"""


def run(code: str, *arguments: str) -> list[float]:
    """The figures that a fresh process prints, in seconds."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def measure(url: str) -> None:
    """Print one table for a database; its first start, which migrates, is shown apart."""
    first = run(WITH, url)[0]
    plain, started, fired = [], [], []
    for _ in range(ROUNDS):
        plain.append(run(PLAIN)[0])
        start, fire = run(WITH, url)
        started.append(start)
        fired.append(fire)
    worst = max(started)
    added = statistics.median(started) - statistics.median(plain)
    print(f"  first start, with migration {first * 1000:7.1f} ms")
    print(f"  start without Hourbell      {statistics.median(plain) * 1000:7.1f} ms")
    print(f"  start with Hourbell         {statistics.median(started) * 1000:7.1f} ms (worst {worst * 1000:.1f})")
    print(f"  added                       {added * 1000:7.1f} ms")
    print(f"  first run after the start   {statistics.median(fired) * 1000:7.1f} ms (worst {max(fired) * 1000:.1f})")


def main() -> None:
    from hourbell.testing.postgres_server import PostgresServer

    with tempfile.TemporaryDirectory() as folder:
        print(f"SQLite, medians of {ROUNDS} starts in fresh processes, in turn")
        measure(f"sqlite:///{Path(folder) / 'hourbell.db'}")
    with PostgresServer(durable=True) as server:
        print(f"PostgreSQL, medians of {ROUNDS} starts in fresh processes, in turn")
        measure(server.url)


main()
