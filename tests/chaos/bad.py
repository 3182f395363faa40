"""Bodies that no application should have: they crash, never end, flood, do not listen, or take minutes to import."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import Any

from hourbell import Scheduler, Task

FLOOD = 50_000_000
DEAF_FOR = 6.0
"""Seconds for which the body that swallows its cancellation goes on."""


def bad_abort() -> None:
    os.abort()


def bad_endless() -> None:
    while True:
        time.sleep(0.01)


def bad_endless_thread() -> None:
    while True:
        time.sleep(0.05)


def bad_flood() -> str:
    return "x" * FLOOD


def bad_flood_thread() -> str:
    return "x" * FLOOD


async def bad_swallow() -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + DEAF_FOR
    while (left := end - loop.time()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(left)


def make_bad_bodies(scheduler: Scheduler) -> dict[str, Task[..., Any]]:
    """All of them by name, with limits such as a task should have."""
    from . import slow  # not above: where the other bodies run it would take as long

    process = scheduler.task(executor="process", timeout=2, timeout_grace=1)
    limited = scheduler.task(timeout=1, timeout_grace=1)
    tasks = [process(body) for body in (bad_abort, bad_endless, bad_flood, slow.bad_import)]
    tasks += [limited(body) for body in (bad_endless_thread, bad_flood_thread, bad_swallow)]
    return {task.function.__name__: task for task in tasks}
