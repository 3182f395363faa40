"""One node of the proof, a process of its own: ``python -m hourbell.prove.node``, its orders in the environment."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

from hourbell import Context, Retry, Scheduler
from hourbell.clock import SystemClock
from hourbell.events import RunSucceeded
from hourbell.prove.course import DRAIN, LEASE, POLL, Orders
from hourbell.prove.ledger import LedgerFile

VARIABLE = "HOURBELL_TEST_ORDERS"


class BentClock(SystemClock):
    """The clock of a host that is wrong by so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._bend = timedelta(seconds=seconds)
        super().__init__()

    def host_now(self) -> datetime:
        return super().host_now() + self._bend


def make_scheduler(orders: Orders) -> Scheduler:
    """The application of this process: bodies that write down what they do."""
    scheduler = Scheduler(
        orders.database,
        clock=BentClock(orders.bend),
        schema=orders.schema,
        lease=LEASE,
        poll=POLL,
        drain=DRAIN,
        max_runs=200,
        threads=20,
    )
    ledger = LedgerFile(Path(orders.folder))
    _make_bodies(scheduler, ledger)
    scheduler.on(RunSucceeded, lambda event: ledger.accepted(event.run))
    return scheduler


def _make_bodies(scheduler: Scheduler, ledger: LedgerFile) -> None:
    @scheduler.task(name="quick")
    async def quick(context: Context, pause: float = 0.0) -> None:
        with ledger.body(context):
            await asyncio.sleep(pause)

    @scheduler.task(name="in_thread")
    def in_thread(context: Context, pause: float = 0.0) -> None:
        with ledger.body(context):
            time.sleep(pause)

    @scheduler.task(name="flaky", retry=Retry(attempts=5, first=0.5, jitter=False))
    async def flaky(context: Context) -> None:
        with ledger.body(context):
            if context.attempt == 1:
                raise ConnectionError("the first try always fails")


async def _serve(scheduler: Scheduler) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(stopping.set))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for whoever started the proof
    async with scheduler.lifespan():
        await stopping.wait()


def _end_with_the_starter() -> None:
    """End at once when whoever started this process is gone, who never says a word: the pipe ends then."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


def main() -> None:
    """Serve until SIGTERM, or until the starter is gone."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    asyncio.run(_serve(make_scheduler(Orders.from_json(os.environ.pop(VARIABLE)))))


if __name__ == "__main__":
    main()
