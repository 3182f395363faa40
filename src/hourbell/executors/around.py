"""Middleware: what runs around every body, on the application's event loop, whichever executor runs the body itself."""

from __future__ import annotations

import asyncio
import contextvars
import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hourbell.errors import ResultRejected
from hourbell.executors.async_ import AsyncBody, AsyncExecutor
from hourbell.executors.protocol import Body, Call, Dumped, Ending, How

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hourbell.executors.protocol import Executor
    from hourbell.middleware import Middleware

LATER = 1.0
"""Seconds that the middleware has longer than its body: a body in a process is killed, one in a thread let go of, and
that is told as it is."""


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
        run = _Wrapped(self._executor, call, done, self._began)
        self._before += 1
        outer = replace(call, invoke=self._wrapped(call, run.invoke), grace=call.grace + LATER)
        body = run.outer = self._outer.start(outer, run.ended)
        return body

    def stop(self) -> None:
        """As the executor itself."""
        self._executor.stop()

    def _wrapped(self, call: Call, invoke: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
        for one in reversed(self._middleware):
            invoke = partial(one, _Once(invoke), call.context)
        return invoke

    def _began(self) -> None:
        self._before -= 1


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


class _Wrapped:
    """One run: its middleware's task outside, its body in its own executor inside."""

    def __init__(
        self, executor: Executor, call: Call, done: Callable[[Ending], None], began: Callable[[], None]
    ) -> None:
        self._executor = executor
        self._call = call
        self._done = done
        self._began = began
        self._left = self._stuck = False
        self._inner: Ending | None = None
        self.outer: AsyncBody | None = None

    def ended(self, ending: Ending) -> None:
        """The middleware is over, or let go of."""
        self._leave()
        if ending.stuck:
            self._tell_stuck(ending)
        elif self._inner is not None and (self._inner.how is How.REFUSED or _refused(ending, self._inner)):
            self._done(self._inner)
        elif self._inner is not None and self._inner.how is How.NOT_BEGUN:
            self._done(self._unbegun(ending))
        else:
            self._done(ending)

    async def invoke(self) -> Any:
        """The body's value, or what it raised."""
        ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

        def done(ending: Ending) -> None:
            if ending.stuck:
                cause = self.outer.cause if self.outer is not None else None
                self._tell_stuck(replace(ending, how=cause or ending.how))
            elif not ended.done():
                ended.set_result(ending)

        self._leave()
        # What the middleware has put into context variables is for the body too.
        call = replace(self._call, begin=_always, timeout=None, variables=contextvars.copy_context())
        try:
            body = self._executor.start(call, done)
        except (RuntimeError, OSError, MemoryError) as error:
            self._inner = Ending(How.NOT_BEGUN, error=error)
            raise
        ending = self._inner = await _awaited(body, ended)
        if ending.how is How.RETURNED:
            return self._value(ending.value)
        raise ending.error if ending.error is not None else asyncio.CancelledError

    def _unbegun(self, ending: Ending) -> Ending:
        """The middleware had begun, so the attempt has: it ends as that was asked to. When nobody asked, the node ends,
        and the attempt is handed back."""
        asked = self.outer is not None and self.outer.cause is not None
        if self._inner is not None and self._inner.error is not None:
            # No thread or process for it: what the middleware raises then is of no account, what it returns is.
            return ending if asked or ending.how is How.RETURNED else self._inner
        if asked or not isinstance(ending.error, asyncio.CancelledError):
            return ending
        return Ending(How.CANCELLED, error=ending.error)

    def _leave(self) -> None:
        """Its place among those that are still to start is free, whether it started or not."""
        if not self._left:
            self._left = True
            self._began()

    @staticmethod
    def _value(value: Any) -> Any:
        """What a body in another process returned has been made JSON there; middleware sees what it stands for."""
        if not isinstance(value, Dumped):
            return value
        text = value.kept()
        return json.loads(text) if text is not None else None

    def _tell_stuck(self, ending: Ending) -> None:
        if not self._stuck:
            self._stuck = True
            self._done(ending)


async def _awaited(body: Body, ended: asyncio.Future[Ending]) -> Ending:
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        if ended.done():
            raise
        # Asked to end: the body is, too, and what it makes of that is the end. Asked again, nobody waits for it.
        body.cancel()
        return await asyncio.shield(ended)


def _refused(outer: Ending, inner: Ending) -> bool:
    """True when all that is wrong is that the body's result cannot be kept, which no other attempt would mend."""
    return (
        isinstance(outer.error, ResultRejected) and isinstance(inner.value, Dumped) and inner.value.refused is not None
    )


def _always() -> bool:
    return True
