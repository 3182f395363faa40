"""Bodies that are plain functions: each runs in a daemon thread of ours.

Not in a ThreadPoolExecutor, whose threads the interpreter waits for at its exit: a body that never returns would keep
the process from ending.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import queue
import threading
from typing import TYPE_CHECKING

from hourbell.executors.protocol import Body, Call, Ending, How

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("hourbell.engine")


class ThreadExecutor:
    """At most ``limit`` threads, made when needed. A thread counts until its body returns, also after a timeout."""

    def __init__(self, limit: int, freed: Callable[[], None] = lambda: None) -> None:
        self._limit = limit
        self._freed = freed
        self._busy = 0
        self._threads: list[threading.Thread] = []
        self._waiting: queue.SimpleQueue[ThreadBody | None] = queue.SimpleQueue()

    def free(self) -> int | None:
        """How many more bodies could start right now."""
        return max(0, self._limit - self._busy)

    def start(self, call: Call, done: Callable[[Ending], None]) -> Body:
        """Start the body in a free thread; beyond the limit it waits for one, its timeout running."""
        body = ThreadBody(call, done, self._returned)
        self._busy += 1
        if len(self._threads) < min(self._busy, self._limit):
            self._grow()
        self._waiting.put(body)
        return body

    def stop(self) -> None:
        """End the threads: idle ones now, the others after their body. Those are daemons and hold up nothing."""
        for _ in self._threads:
            self._waiting.put(None)
        if not self._busy:
            for thread in self._threads:
                thread.join(0.5)
        self._threads = []

    def _grow(self) -> None:
        name = f"hourbell-body-{len(self._threads) + 1}"
        thread = threading.Thread(target=_work, args=(self._waiting,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _returned(self) -> None:
        self._busy -= 1
        self._freed()


class ThreadBody:
    """One body in a thread. It cannot be stopped: when its time is over it is reported and then ignored."""

    __slots__ = ("_call", "_done", "_loop", "_returned", "_timer", "_told")

    def __init__(self, call: Call, done: Callable[[Ending], None], returned: Callable[[], None]) -> None:
        self._call = call
        self._done = done
        self._returned = returned
        self._told = False
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(call.timeout, self._expire) if call.timeout is not None else None

    def cancel(self) -> None:
        """Tell the body, which may look at ``context.cancelled``, and report it as cancelled without waiting for it."""
        self._call.context.cancelled = True
        self._tell(Ending(How.CANCELLED))

    def work(self) -> None:
        """Run the body. In its thread."""
        try:
            ending = self._call.variables.run(self._invoke)
        except BaseException as error:  # noqa: BLE001 - SystemExit and the like must not end the thread
            ending = Ending(How.RAISED, error=error)
        try:
            self._loop.call_soon_threadsafe(self._end, ending)
        except RuntimeError:
            _log.debug("a body in a thread returned after the application's loop was closed")

    def _invoke(self) -> Ending:
        call = self._call
        if self._told or not call.begin():
            return Ending(How.NOT_BEGUN)
        with call.context.entered():
            value = call.invoke()
        if inspect.iscoroutine(value):
            value.close()
            raise TypeError(f"{call.context.task} is a plain function that returned a coroutine: use async def")
        return Ending(How.RETURNED, value)

    def _end(self, ending: Ending) -> None:
        if self._told and ending.how is not How.NOT_BEGUN:
            context = self._call.context
            _log.warning("run %s of %s returned after it was given up; ignored", context.run_id, context.task)
        self._tell(ending)
        self._returned()

    def _expire(self) -> None:
        self._call.context.cancelled = True
        self._tell(Ending(How.TIMED_OUT, error=TimeoutError()))

    def _tell(self, ending: Ending) -> None:
        if self._told:
            return
        self._told = True
        if self._timer is not None:
            self._timer.cancel()
        self._done(ending)


def _work(waiting: queue.SimpleQueue[ThreadBody | None]) -> None:
    while (body := waiting.get()) is not None:
        body.work()
        del body  # what it holds must not live until the next one comes
