"""What each measured program in Python tells the frame. Standard library only: it is imported in the peers' own
environments.

A program is called ``PROGRAM VERB OPTIONS`` with the options as JSON, and prints lines of JSON. Verbs: ``prepare``
makes the schema; ``enqueue`` puts work in (in bulk, one by one, or delayed); ``work`` is a worker that runs until a
line arrives on its input. While it works it says every 10 ms how many bodies have run; at the end what it used of the
CPU, and, for bodies that know when they were due, how late each began.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Options = dict[str, Any]
Verb = Callable[[Options], Awaitable[Options | None]]

TICK = 0.01
WAIT = 0.01
"""How long the body waits that waits, in seconds."""


def tell(**facts: Any) -> None:
    """One line to the frame."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def cpu() -> float:
    """Seconds of CPU that this process has used, its threads included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def arguments(options: Options, due: float | None = None) -> dict[str, Any]:
    """The arguments of one run: when it is due, as seconds of the wall clock, and as much padding as was asked for."""
    return {"due": due, "pad": "x" * options.get("pad", 0)}


def due_times(options: Options) -> list[float | None]:
    """When each of the wanted runs is due: None for at once, else from ``begin`` on, ``apart`` seconds between."""
    begin, apart = options.get("begin"), options.get("apart", 0.0)
    return [begin + i * apart if begin is not None else None for i in range(options["count"])]


class Working:
    """Counts bodies, or notes how late they began, and tells the frame. Safe to call from threads: under the GIL, an
    append and a list's length need no lock."""

    def __init__(self, options: Options) -> None:
        self.first: float | None = None
        self.late: list[float] = []
        self._counts: list[None] = []
        self._told = 0
        self._cpu = 0.0
        self._body = options.get("body", "noop")
        self._pause = options.get("tell_every", TICK)

    def ran(self, due: float | None) -> None:
        """A body begins."""
        if self.first is None:
            self.first = time.monotonic()
        if due is None:
            self._counts.append(None)
        else:
            self.late.append(time.time() - due)

    async def body(self, due: float | None = None, pad: str = "") -> None:
        """The body that is measured: nothing, or 10 ms of waiting."""
        if self._body == "wait":
            await asyncio.sleep(WAIT)
        self.ran(due)

    async def until_told(self, begin: Callable[[], Awaitable[Any]]) -> Options:
        """Start the worker and tell how far it is until the frame says that it is enough."""
        loop = asyncio.get_running_loop()
        enough = asyncio.Event()
        threading.Thread(target=_read, args=(loop, enough), daemon=True).start()
        self._cpu = cpu()
        tell(begun=time.monotonic())
        await begin()
        tell(started=time.monotonic())
        while not enough.is_set():
            self._tell_count()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(enough.wait(), self._pause)
        return {"cpu": cpu() - self._cpu, "count": len(self._counts) + len(self.late), "late": self.late}

    def _tell_count(self) -> None:
        count = len(self._counts) + len(self.late)
        if count != self._told:
            tell(count=count, at=time.monotonic(), first=self.first)
            self._told = count


def _read(loop: asyncio.AbstractEventLoop, enough: asyncio.Event) -> None:
    sys.stdin.readline()
    loop.call_soon_threadsafe(enough.set)


async def paced(options: Options, one: Callable[[float], Awaitable[Any]]) -> Options:
    """Put runs in one at a time with a pause between; answers how long each took."""
    took = []
    for _ in range(options["count"]):
        await asyncio.sleep(options.get("pause", 0.0))
        began, clock = time.perf_counter(), time.time()
        await one(clock)
        took.append(time.perf_counter() - began)
    return {"took": took}


def main(verbs: Mapping[str, Verb], *, run: Callable[[Any], Any] = asyncio.run) -> None:
    """Do the verb of the command line, and print its result."""
    result = run(verbs[sys.argv[1]](json.loads(sys.argv[2])))
    tell(result=result or {})
