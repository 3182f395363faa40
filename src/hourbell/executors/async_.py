"""Bodies that are coroutines: each is a task on the application's event loop."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from hourbell.executors.protocol import Body, Call, Ending, How

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable, Coroutine


class AsyncExecutor:
    """Starts async bodies on the running event loop; eagerly where Python can, so that a short one costs no turn."""

    def free(self) -> int | None:
        """Tasks are not limited here: the node's own limit is."""
        return None

    def start(self, call: Call, done: Callable[[Ending], None]) -> Body:
        """Start the body; its ending is told from within its own task."""
        body = AsyncBody(call, done)
        body.task = _begin(body.run(), call.variables)
        return body

    def stop(self) -> None:
        """Nothing is kept between bodies."""


class AsyncBody:
    """One async body. Timeout and cancellation reach it as they reach any task."""

    __slots__ = ("_begun", "_call", "_cancelled", "_done", "task")

    def __init__(self, call: Call, done: Callable[[Ending], None]) -> None:
        self._call = call
        self._done = done
        self._begun = False
        self._cancelled = False
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """Cancel the task; what the body does with that decides when it ends."""
        self._cancelled = True
        self._call.context.cancelled = True
        if self.task is not None:
            self.task.cancel()
            if not self._begun:
                # A task that is cancelled before its first step never takes it, so nothing else would tell.
                self._begun = True
                self._done(Ending(How.NOT_BEGUN))

    async def run(self) -> None:
        """The body from its first line to its ending."""
        self._begun = True
        call = self._call
        if not call.begin():
            self._done(Ending(How.NOT_BEGUN))
            return
        limit: asyncio.Timeout | None = None
        try:
            with call.context.entered():
                if call.timeout is None:
                    value = await call.invoke()
                else:
                    async with asyncio.timeout(call.timeout) as limit:
                        value = await call.invoke()
            ending = Ending(How.RETURNED, value)
        except GeneratorExit:  # the event loop is gone: nobody is left to be told
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit and the like must not end the application
            ending = Ending(self._judge(error, limit), error=error)
        self._done(ending)

    def _judge(self, error: BaseException, limit: asyncio.Timeout | None) -> How:
        if self._cancelled:
            return How.CANCELLED
        if limit is not None and limit.expired() and isinstance(error, TimeoutError):
            return How.TIMED_OUT
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            # Somebody else cancelled the task: the application ends and takes its tasks along.
            return How.CANCELLED
        return How.RAISED


if sys.version_info >= (3, 12):

    def _begin(coroutine: Coroutine[Any, Any, None], variables: contextvars.Context) -> asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        return asyncio.Task(coroutine, loop=loop, name="hourbell-body", context=variables, eager_start=True)

else:

    def _begin(coroutine: Coroutine[Any, Any, None], variables: contextvars.Context) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(coroutine, name="hourbell-body", context=variables)
