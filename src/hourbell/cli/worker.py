"""`hourbell worker`: a node without a web application."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from types import FrameType
from typing import Annotated

import typer

from hourbell import Scheduler
from hourbell.cli.addressed import addressed
from hourbell.cli.exit_codes import give_up
from hourbell.cli.loading import load_scheduler


def worker(
    address: Annotated[str, typer.Argument(metavar="MODULE:SCHEDULER", help="As in myapp.main:scheduler.")],
    log_level: Annotated[str, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")] = "info",
) -> None:
    """Fire and run what a scheduler declares, in a process of its own, until SIGTERM or Ctrl-C."""
    level = logging.getLevelNamesMapping().get(log_level.upper())
    if level is None:
        give_up(f"--log-level {log_level!r}: choose debug, info, warning or error")
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    scheduler = load_scheduler(address)
    with addressed(scheduler):
        asyncio.run(_serve(scheduler))


async def _serve(scheduler: Scheduler) -> None:
    stopping = asyncio.Event()
    loop, pid = asyncio.get_running_loop(), os.getpid()

    def signalled(number: int, _frame: FrameType | None) -> None:
        if os.getpid() == pid:
            loop.call_soon_threadsafe(stopping.set)
        else:  # a process that a body forked: it ends, as whoever sent the signal expects
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    # Before the start: the node puts its own handlers in front of these and calls them.
    before = {number: signal.signal(number, signalled) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        async with scheduler.lifespan():
            await stopping.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
