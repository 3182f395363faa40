"""One process that wants what others want too: ``python -m chaos.contender DATABASE FOLDER``.

Told on its standard input, a JSON object a line, it answers each on its standard output. ``once``: do the work of these
keys, each once over all processes. ``lock``: take the lock again and again, and write under its fence into an outside
store, until told otherwise. It ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from hourbell import LeaseLost, Scheduler

from .outside import OutsideStore

LEASE = 3.0


class Contender:
    """What this process does, on one scheduler that is no node."""

    def __init__(self, scheduler: Scheduler, folder: Path) -> None:
        self._scheduler = scheduler
        self._outside = OutsideStore(folder)
        self._locking: asyncio.Task[None] | None = None

    async def done(self, told: dict[str, Any]) -> object:
        """Do what was said, and answer what came of it."""
        if told["do"] == "once":
            keys = told["keys"]
            if told["die"] is not None:
                asyncio.get_running_loop().call_later(told["die"], os.kill, os.getpid(), signal.SIGKILL)
            made = await asyncio.gather(*(self._once(key, told["pause"]) for key in keys))
            return dict(zip(keys, made, strict=True))
        if told["do"] == "lock":
            self._locking = asyncio.get_running_loop().create_task(self._lock(told["name"], told["pause"]))
        elif self._locking is not None:
            self._locking.cancel()
            await asyncio.gather(self._locking, return_exceptions=True)
        return None

    async def _once(self, key: str, pause: float) -> list[object]:
        async with self._scheduler.once(key, period="day") as first:
            if first:
                self._outside.note("began", key, first.fence)
                await asyncio.sleep(pause)
                self._outside.note("done", key, first.fence)
                first.keep(first.fence)
        return [bool(first), first.result]

    async def _lock(self, name: str, pause: float) -> None:
        while True:
            try:
                async with self._scheduler.lock(name) as lock:
                    self._outside.note("in", name, lock.fence)
                    for _ in range(3):
                        self._outside.write(name, lock.fence)
                        await asyncio.sleep(pause)
                    self._outside.note("out", name, lock.fence)
            except LeaseLost:
                self._outside.note("lost", name, 0)


async def main(database: str, folder: str) -> None:
    """Until the input ends."""
    loop = asyncio.get_running_loop()
    async with Scheduler(database, lease=LEASE) as scheduler:
        contender = Contender(scheduler, Path(folder))
        print("{}", flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await contender.done(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
