"""Middleware: what runs around every body, on the application's event loop, whichever executor runs the body itself."""

from __future__ import annotations

import asyncio
import contextvars
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hourbell.executors.async_ import AsyncExecutor
from hourbell.executors.protocol import Body, Call, Ending, How

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hourbell.executors.protocol import Executor
    from hourbell.middleware import Middleware

LATER = 1.0
"""Seconds by which a body in a thread is let go of after its middleware, so that the run is told of as stuck once."""

_AS_THEY_ENDED = frozenset({How.NOT_BEGUN, How.REFUSED})


class Around:
    """An executor whose bodies are wrapped: each run is a task on the loop, out of which its body is started.

    The time limit and every cancellation are those of the whole, middleware included.
    """

    def __init__(self, executor: Executor, middleware: Sequence[Middleware]) -> None:
        self._executor = executor
        self._middleware = tuple(middleware)
        self._outer = AsyncExecutor()
        self._before = 0

    def free(self) -> int | None:
        """Room for more bodies; those whose middleware has not come to them yet have their place already."""
        free = self._executor.free()
        return None if free is None else max(0, free - self._before)

    def start(self, call: Call, done: Callable[[Ending], None]) -> Body:
        """Start the middleware, and out of it the body."""
        if isinstance(self._executor, AsyncExecutor):
            return self._outer.start(replace(call, invoke=self._wrapped(call, call.invoke)), done)
        inner = _Inner(self._executor, call, self._began)
        self._before += 1
        outer = replace(call, invoke=self._wrapped(call, inner.run))
        return self._outer.start(outer, partial(self._ended, inner, done))

    def stop(self) -> None:
        """As the executor itself."""
        self._executor.stop()

    def _wrapped(self, call: Call, invoke: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
        for one in reversed(self._middleware):
            invoke = partial(one, _Once(invoke), call.context)
        return invoke

    def _began(self) -> None:
        self._before -= 1

    def _ended(self, inner: _Inner, done: Callable[[Ending], None], ending: Ending) -> None:
        inner.leave()
        told = inner.ending
        done(told if told is not None and told.how in _AS_THEY_ENDED else ending)


class _Once:
    """``call_next``: goes on to the next middleware, or to the body. A body runs once for each attempt."""

    __slots__ = ("_called", "_invoke")

    def __init__(self, invoke: Callable[[], Awaitable[Any]]) -> None:
        self._invoke = invoke
        self._called = False

    async def __call__(self) -> Any:
        if self._called:
            raise RuntimeError("call_next() was called twice: an attempt runs its body once; Retry is for more")
        self._called = True
        return await self._invoke()


class _Inner:
    """The body in its own executor, as something to await."""

    def __init__(self, executor: Executor, call: Call, began: Callable[[], None]) -> None:
        self._executor = executor
        self._call = call
        self._began = began
        self._left = False
        self.ending: Ending | None = None

    def leave(self) -> None:
        """Its place among those that are still to start is free, whether it started or not."""
        if not self._left:
            self._left = True
            self._began()

    async def run(self) -> Any:
        """The body's value, or what it raised."""
        ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

        def done(ending: Ending) -> None:
            # One that is let go of is awaited further: the run is told of as stuck by its middleware's task.
            if not ending.stuck and not ended.done():
                ended.set_result(ending)

        self.leave()
        # What the middleware has put into context variables is for the body too.
        call = replace(
            self._call,
            begin=_always,
            timeout=None,
            grace=self._call.grace + LATER,
            variables=contextvars.copy_context(),
        )
        body = self._executor.start(call, done)
        ending = self.ending = await self._awaited(body, ended)
        if ending.how is How.RETURNED:
            return ending.value
        raise ending.error if ending.error is not None else asyncio.CancelledError

    async def _awaited(self, body: Body, ended: asyncio.Future[Ending]) -> Ending:
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            if ended.done():
                raise
            # Asked to end: the body is, too, and what it makes of that is the end. Asked again, nobody waits for it.
            body.cancel()
            return await asyncio.shield(ended)


def _always() -> bool:
    return True
