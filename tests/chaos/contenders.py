"""Several contenders: started, told what to do, killed, stopped, and started anew."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .fleet import TESTS, Fleet
from .site import Site


class Contenders:
    """``count`` processes of `chaos.contender`, by place; whoever was killed is replaced when it is asked for."""

    def __init__(self, site: Site, fleet: Fleet, count: int) -> None:
        self._site = site
        self._fleet = fleet
        self._processes = [self._started() for _ in range(count)]

    @property
    def pids(self) -> list[int]:
        """The processes that are there now."""
        return [process.pid for process in self._processes]

    async def ready(self) -> None:
        """Wait until each of them has its scheduler open."""
        await asyncio.gather(*(self._answer(process) for process in self._processes))

    async def tell(self, place: int, **said: Any) -> Any:
        """Say something to one of them, and answer what it answers; None when it died instead."""
        process = self._processes[place]
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(said).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return None
        return await self._answer(process)

    async def tell_all(self, said: Mapping[str, Any]) -> list[Any]:
        """The same to all of them at the same moment."""
        return await asyncio.gather(*(self.tell(place, **said) for place in range(len(self._processes))))

    async def replace_dead(self) -> list[int]:
        """Start another in place of each that has ended; their places."""
        dead = [place for place, process in enumerate(self._processes) if process.poll() is not None]
        for place in dead:
            self._processes[place] = self._started()
        await asyncio.gather(*(self._answer(self._processes[place]) for place in dead))
        return dead

    async def _answer(self, process: subprocess.Popen[bytes]) -> Any:
        assert process.stdout is not None
        line = await asyncio.to_thread(process.stdout.readline)
        if not line:
            await asyncio.to_thread(process.wait)
            return None
        return json.loads(line)

    def _started(self) -> subprocess.Popen[bytes]:
        folder = self._site.folder / "outside"
        folder.mkdir(exist_ok=True)
        path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
        with (self._site.folder / "contenders.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "chaos.contender", self._site.url, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,
            )
        self._fleet.adopt(process)
        return process

    def log(self) -> str:
        """What they said besides."""
        return (self._site.folder / "contenders.log").read_text()


def stop(pid: int) -> None:
    """Let a process stand still."""
    os.kill(pid, signal.SIGSTOP)


def go_on(pid: int) -> None:
    """Let it go on."""
    os.kill(pid, signal.SIGCONT)


def outside(site: Site) -> Path:
    """Where they write."""
    return site.folder / "outside"
