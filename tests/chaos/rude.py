"""Bodies that do to their own process what no scheduler can keep them from: holding the GIL, and forking."""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from typing import Any

from hourbell import Context, Scheduler, Task

from .ledger import LedgerFile


def make_rude_bodies(scheduler: Scheduler, ledger: LedgerFile) -> dict[str, Task[..., Any]]:
    """Each does it at its first attempt only: what takes it over must be able to end it."""

    @scheduler.task(name="holder")
    def holder(context: Context, seconds: float) -> None:
        """C code that does not let go of the GIL: no other thread of the process takes a step."""
        with ledger.body(context):
            if context.attempt == 1:
                # Not in the millisecond in which its node writes: who stands still then has an SQLite file locked.
                time.sleep(0.4)
                ctypes.PyDLL(None).usleep(ctypes.c_uint(int(seconds * 1e6)))
            else:
                time.sleep(seconds)  # it is still at work when the first wants to report

    @scheduler.task(name="forker")
    async def forker(context: Context, seconds: float) -> None:
        """A child that has everything of its parent, connections too, and outlives it."""
        with ledger.body(context):
            if context.attempt == 1:
                fork_asleep(seconds)
            await asyncio.sleep(0.2)

    @scheduler.task(name="forker_sync")
    def forker_sync(context: Context, seconds: float) -> None:
        """The same from a thread."""
        with ledger.body(context):
            if context.attempt == 1:
                fork_asleep(seconds)
            time.sleep(0.2)

    return {task.name: task for task in (holder, forker, forker_sync)}


def fork_asleep(seconds: float) -> None:
    """Fork a child that sleeps for so long and is gone."""
    if os.fork() == 0:
        time.sleep(seconds)
        os._exit(0)
