"""One small loop for everything that a node does again and again: ``step() -> delay``."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from hourbell.engine.backoff import Backoff
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from hourbell.engine.troubles import Troubles

T = TypeVar("T")

LONGEST_STOP = 2.0
"""Seconds after which a step that ignores its cancellation is left to itself."""

_log = Telling(logging.getLogger("hourbell.engine"))


def spawn(coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """The only place where the engine makes tasks that are no bodies. The caller keeps the task."""
    return asyncio.get_running_loop().create_task(coroutine, name=f"hourbell-{name}")


class Loop:
    """Calls ``step`` again after the seconds it answered, or, when it answered None, once it is woken.

    A step that raises never ends the loop: it is told to ``troubles`` and tried again after growing waits. Those waits
    are not shortened by `wake`, so that nothing can make a failing loop spin.
    """

    def __init__(
        self, name: str, step: Callable[[], Awaitable[float | None]], troubles: Troubles, *, longest_wait: float = 3.0
    ) -> None:
        self.name = name
        self._step = step
        self._troubles = troubles
        self._backoff = Backoff(cap=longest_wait)
        self._task: asyncio.Task[None] | None = None
        self._sleeper: asyncio.Future[None] | None = None
        self._woken = False
        self._ending = False

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._task = spawn(self._go(), self.name)

    def wake(self) -> None:
        """Step now, or once more when a step is under way. Only on the loop's own event loop."""
        self._woken = True
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    async def stop(self, patience: float = 0.0) -> None:
        """End: at once between steps; a step under way may take ``patience`` seconds more and is then cancelled."""
        task = self._task
        if task is None:
            return
        self._ending = True
        self.wake()
        if patience > 0:
            await asyncio.wait({task}, timeout=patience)
        task.cancel()
        _, left = await asyncio.wait({task}, timeout=LONGEST_STOP)
        if left:
            _log.error("%s does not end although it was cancelled; it is left behind", self.name)

    async def _go(self) -> None:
        while not self._ending:
            self._woken = False
            try:
                delay = await self._step()
            except (Exception, asyncio.CancelledError) as error:
                if self._is_cancelled(error):
                    raise
                self._troubles.met(self.name, error)
                await self._rest(self._backoff.failed())
                continue
            if self._backoff.failures:
                self._backoff.succeeded()
            self._troubles.over(self.name)
            if delay is None or delay > 0:
                await self._sleep(delay)
            else:
                await asyncio.sleep(0)

    def _is_cancelled(self, error: BaseException) -> bool:
        """True when this loop was cancelled, not merely something that its step awaited."""
        task = asyncio.current_task()
        return isinstance(error, asyncio.CancelledError) and (self._ending or task is None or task.cancelling() > 0)

    async def _rest(self, delay: float) -> None:
        """Wait out a failure; only the end of the loop shortens it."""
        deadline = asyncio.get_running_loop().time() + delay
        while not self._ending and (left := deadline - asyncio.get_running_loop().time()) > 0:
            self._woken = False
            await self._sleep(left)

    async def _sleep(self, delay: float | None) -> None:
        if self._woken or self._ending:
            return
        loop = asyncio.get_running_loop()
        sleeper = self._sleeper = loop.create_future()
        timer = loop.call_later(delay, _release, sleeper) if delay is not None else None
        try:
            await sleeper
        finally:
            self._sleeper = None
            if timer is not None:
                timer.cancel()


def _release(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
