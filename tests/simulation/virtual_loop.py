"""An event loop whose time is made up: it never waits, and each process that lives on it can be killed or stopped."""

from __future__ import annotations

import asyncio
import contextvars
import selectors
from collections.abc import Callable, Iterable
from typing import Any

from hourbell.clock import ManualClock

PROCESS: contextvars.ContextVar[SimulatedProcess | None] = contextvars.ContextVar("simulated_process", default=None)
"""Whose callbacks these are: everything that a process starts inherits it."""


class SimulatedProcess:
    """What the loop must know of one: ``dead`` takes no step any more, ``stopped_until`` takes none before."""

    def __init__(self) -> None:
        self.dead = False
        self.stopped_until = 0.0


class _NothingToWaitFor(selectors.DefaultSelector):
    """In place of waiting for the network, the clock is moved to the next timer."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "nothing will ever happen any more"
        if timeout > 0:
            self._clock.advance(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Deterministic: the same callbacks in the same order for the same seed, as fast as the machine can."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(_NothingToWaitFor(clock))
        self._clock = clock
        self._clock_resolution = 1e-6
        self._tasks: list[asyncio.Task[Any]] = []
        self.set_task_factory(self._make_task)

    def _make_task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        """Hold on to every task: nobody else does to one whose process has died."""
        task = asyncio.Task(coroutine, loop=loop, **options)
        self._tasks.append(task)
        return task

    def time(self) -> float:
        return self._clock.elapsed()

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        guarded, context = self._guarded(callback, args, context)
        return super().call_soon(guarded, context=context)

    def call_soon_threadsafe(
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)  # there is one thread

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        guarded, context = self._guarded(callback, args, context)
        return super().call_at(when, guarded, context=context)

    def _guarded(
        self, callback: Callable[..., Any], args: Iterable[Any], context: contextvars.Context | None
    ) -> tuple[Callable[[], Any], contextvars.Context]:
        context = context if context is not None else contextvars.copy_context()
        process = context.get(PROCESS)

        def step() -> None:
            if process is not None and process.dead:
                return
            if process is not None and process.stopped_until > self.time():
                super(VirtualLoop, self).call_at(process.stopped_until, step, context=context)
                return
            callback(*args)

        return step, context
