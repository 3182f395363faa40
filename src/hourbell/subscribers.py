"""Who hears events: each with a bounded queue of its own, so that none holds up a run, or another."""

from __future__ import annotations

import asyncio
import inspect
import logging
import queue
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_WAITING = 1_000
"""Events that wait for one subscriber; those beyond are lost to it."""

_log = Telling(logging.getLogger("hourbell.events"))


class Subscriber(Protocol):
    """One function that hears events, in their order, one after the other."""

    def tell(self, event: Any) -> None:
        """Have it hear the event soon. From any thread; never waits and never raises."""

    def idle(self) -> bool:
        """True when it has heard all that it was told."""

    def end(self) -> None:
        """Forget what it has not heard, and let it go. What it is told afterwards begins anew."""

    def ended(self) -> bool:
        """True when nothing of it runs any more."""


def subscriber_of(function: Callable[[Any], Any], loop: asyncio.AbstractEventLoop) -> Subscriber:
    """The subscriber for a function: async ones on this loop, plain ones in a thread of their own."""
    return LoopSubscriber(function, loop) if is_async(function) else ThreadSubscriber(function)


def is_async(function: Callable[[Any], Any]) -> bool:
    """True for what is to be awaited."""
    return any(inspect.iscoroutinefunction(part) for part in (function, type(function).__call__))


class _Losses:
    """Counts what a subscriber lost, and tells of it when that begins and when it is over."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self.count = 0

    def add(self, event: Any) -> None:
        self.count += 1
        if self.count == 1:
            _log.warning(
                "the subscriber %r is too slow: %d events wait for it, and more are lost to it, %s first",
                self._function,
                MOST_WAITING,
                type(event).__name__,
            )

    def over(self) -> None:
        if self.count:
            _log.warning("the subscriber %r has lost %d events", self._function, self.count)
            self.count = 0


class ThreadSubscriber:
    """A plain function, called in a daemon thread of its own that is started by the first event."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._losses = _Losses(function)
        self._lock = threading.Lock()
        self._waiting: queue.Queue[Any] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None

    def tell(self, event: Any) -> None:
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._losses.add(event)
            return
        if self._thread is None:
            self._start()

    def idle(self) -> bool:
        return not self._waiting.unfinished_tasks

    def end(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, queue.Queue(MOST_WAITING)
            self._thread = None
        self._losses.over()
        while True:
            try:
                waiting.put_nowait(None)
                return
            except queue.Full:
                waiting.get_nowait()

    def ended(self) -> bool:
        return not any(thread.name == self._name for thread in threading.enumerate())

    @property
    def _name(self) -> str:
        return f"hourbell-subscriber-{id(self)}"

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, args=(self._waiting,), name=self._name, daemon=True)
                self._thread.start()

    def _work(self, waiting: queue.Queue[Any]) -> None:
        while (event := waiting.get()) is not None:
            try:
                answer = self._function(event)
                if inspect.iscoroutine(answer):
                    answer.close()
                    _log.error("the subscriber %r is a plain function that returned a coroutine", self._function)
            except BaseException:  # noqa: BLE001 - SystemExit and the like must not end the thread
                _log.exception("a subscriber of %s failed", type(event).__name__)
            waiting.task_done()
            if waiting.empty():
                self._losses.over()


class LoopSubscriber:
    """An async function, awaited in a task on the application's loop that lives while there is something to hear."""

    def __init__(self, function: Callable[[Any], Any], loop: asyncio.AbstractEventLoop) -> None:
        self._function = function
        self._loop = loop
        self._losses = _Losses(function)
        self._lock = threading.Lock()
        self._waiting: deque[Any] = deque()
        self._called = False
        self._task: asyncio.Task[None] | None = None

    def tell(self, event: Any) -> None:
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                self._losses.add(event)
                return
            self._waiting.append(event)
            if self._called:
                return
            self._called = True
        try:
            self._loop.call_soon_threadsafe(self._begin)
        except RuntimeError:  # the loop is closed: the application is gone, and with it the subscribers
            _log.debug("%s came after the application's loop was closed", type(event).__name__)

    def idle(self) -> bool:
        return not self._called

    def end(self) -> None:
        with self._lock:
            self._waiting.clear()
        self._losses.over()
        if self._task is not None:
            self._task.cancel()

    def ended(self) -> bool:
        return self._task is None or self._task.done()

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._hear(), loop=self._loop)

    async def _hear(self) -> None:
        while (event := self._next()) is not None:
            try:
                await self._function(event)
            except asyncio.CancelledError:
                # By itself, or by the end of the application, which has emptied the queue: either way what is left is
                # heard, and where nothing is, this is over.
                task = asyncio.current_task()
                if task is not None:
                    task.uncancel()
                _log.warning("the subscriber %r was cancelled at %s", self._function, type(event).__name__)
            except GeneratorExit:  # the event loop is gone
                raise
            except BaseException:  # noqa: BLE001 - SystemExit and the like must not end the application
                _log.exception("a subscriber of %s failed", type(event).__name__)

    def _next(self) -> Any:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._called = False
        self._losses.over()
        return None
