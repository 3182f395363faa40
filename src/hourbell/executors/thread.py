"""Bodies that are plain functions: each runs in a daemon thread of ours.

Not in a ThreadPoolExecutor, whose threads the interpreter waits for at its exit: a body that never returns would keep
the process from ending.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import queue
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from hourbell.context import ask_to_end
from hourbell.executors.overtime import Overtime, raised, returned
from hourbell.executors.protocol import Body, Call, Ending, How
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

SPARES = 2
"""How many times ``limit`` stuck threads are replaced; those beyond it keep their places until they return."""

SCARCE = 5.0
"""Seconds for which only the threads that there are count, after the system gave no other."""

_log = Telling(logging.getLogger("hourbell.engine"))


class ThreadExecutor:
    """At most ``limit`` threads, made when needed. One whose body is stuck is replaced: it counts no more."""

    def __init__(self, limit: int, freed: Callable[[], None] = lambda: None) -> None:
        self._limit = limit
        self._freed = freed
        self._busy = 0
        self._stuck = 0
        self._count = 0
        self._scarce_until = 0.0
        self._threads: list[threading.Thread] = []
        self._waiting: queue.SimpleQueue[ThreadBody | None] = queue.SimpleQueue()

    def free(self) -> int | None:
        """How many more bodies could start right now."""
        if self._scarce_until and time.monotonic() < self._scarce_until:
            return max(0, self._count - self._busy)
        return max(0, self._limit - (self._busy - self._replaced()))

    def start(self, call: Call, done: Callable[[Ending], None]) -> Body:
        """Start the body in a free thread; beyond the limit, or where the system gives no more of them, it waits for
        one. Raises RuntimeError where there is none at all."""
        body = ThreadBody(call, done, left=self._left_behind, ended=self._ended)
        self._busy += 1
        try:
            self._fit()
        except RuntimeError:
            if not self._count - self._stuck:
                self._busy -= 1
                raise
        self._waiting.put(body)
        return body

    def stop(self) -> None:
        """End the threads: idle ones now, the others after their body. Those are daemons and hold up nothing."""
        for _ in range(self._count):
            self._waiting.put(None)
        self._count = 0
        if not self._busy:
            for thread in self._threads:
                thread.join(0.5)
        self._threads = []

    def _replaced(self) -> int:
        return min(self._stuck, SPARES * self._limit)

    def _fit(self) -> None:
        """As many threads as there is work for; those that replaced stuck ones go when these return."""
        most = self._limit + self._replaced()
        if self._count < min(self._busy, most):
            name = f"hourbell-body-{self._count + 1}"
            thread = threading.Thread(target=_work, args=(self._waiting,), name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                self._scarce_until = time.monotonic() + SCARCE
                raise
            self._count += 1
            self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        elif self._count > most:
            self._count -= 1
            self._waiting.put(None)

    def _left_behind(self) -> None:
        self._stuck += 1
        with suppress(RuntimeError):  # without another thread the next body waits, or is handed back
            self._fit()
        self._freed()

    def _ended(self, *, was_stuck: bool) -> None:
        self._busy -= 1
        self._stuck -= was_stuck
        if was_stuck and self._count:
            with suppress(RuntimeError):
                self._fit()
        self._freed()


class ThreadBody:
    """One body in a thread. It cannot be stopped, only asked; when it does not listen it is left behind."""

    __slots__ = (
        "_begun",
        "_call",
        "_done",
        "_ended",
        "_left",
        "_loop",
        "_overtime",
        "_pid",
        "_refused",
        "_stuck",
        "_thread_id",
    )

    def __init__(
        self, call: Call, done: Callable[[Ending], None], *, left: Callable[[], None], ended: Callable[..., None]
    ) -> None:
        self._call = call
        self._done = done
        self._left = left
        self._ended = ended
        self._begun = False
        self._pid = os.getpid()
        self._refused = False
        self._stuck = False
        self._thread_id = 0
        self._loop = asyncio.get_running_loop()
        self._overtime = Overtime(call.timeout, call.grace, ask=self._ask, let_go=self._let_go)

    def cancel(self, grace: float | None = None) -> None:
        """Tell the body, which may look at ``context.cancelled``."""
        self._overtime.cancel(grace)

    def work(self) -> None:
        """Run the body. In its thread."""
        try:
            ending = self._call.variables.run(self._invoke)
        except BaseException as error:  # noqa: BLE001 - SystemExit and the like must not end the thread
            ending = Ending(How.RAISED, error=error)
        if os.getpid() != self._pid:
            os._exit(0)  # a copy that the body forked has nobody to tell, and would wait for its next body for ever
        self._on_loop(self._end, ending)

    def _invoke(self) -> Ending:
        call = self._call
        if self._refused or not call.begin():
            return Ending(How.NOT_BEGUN)
        self._thread_id = threading.get_ident()
        self._begun = True
        if call.timeout is not None:
            self._on_loop(self._overtime.begin)
        with call.context.entered():
            value = call.invoke()
        if inspect.iscoroutine(value):
            value.close()
            raise TypeError(f"{call.context.task} is a plain function that returned a coroutine: use async def")
        return Ending(How.RETURNED, value)

    def _on_loop(self, function: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            _log.debug("a body in a thread went on after the application's loop was closed")

    def _end(self, ending: Ending) -> None:
        self._overtime.over()
        if ending.how is How.RETURNED:
            ending = returned(ending.value, self._overtime, self._call.context)
        elif ending.error is not None:
            ending = raised(ending.error, self._overtime)
        self._done(ending)
        self._ended(was_stuck=self._stuck)

    def _ask(self) -> None:
        ask_to_end(self._call.context)
        self._refused = True

    def _let_go(self, cause: How) -> None:
        if not self._begun:
            return  # it waits for a thread, and will not begin in it
        self._stuck = True
        frame = sys._current_frames().get(self._thread_id)
        stack = "".join(traceback.format_stack(frame)) if frame is not None else None
        self._done(Ending(cause, error=TimeoutError(), stuck=True, stack=stack))
        self._left()


def _work(waiting: queue.SimpleQueue[ThreadBody | None]) -> None:
    while (body := waiting.get()) is not None:
        body.work()
        del body  # what it holds must not live until the next one comes
