"""Bodies that are coroutines: each is a task on the application's event loop."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any

from hourbell.at_once import begun
from hourbell.context import ask_to_end, enter, leave
from hourbell.executors.overtime import Overtime, raised, returned
from hourbell.executors.protocol import Call, Ending, How

if TYPE_CHECKING:
    from collections.abc import Callable


class AsyncExecutor:
    """Starts async bodies on the running event loop; eagerly where Python can, so that a short one costs no turn."""

    def free(self) -> int | None:
        """Tasks are not limited here: the node's own limit is."""
        return None

    def start(self, call: Call, done: Callable[[Ending], None]) -> AsyncBody:
        """Start the body; its ending is told from within its own task."""
        body = AsyncBody(call, done)
        body.task = begun(body.run(), "body", call.variables)
        return body

    def stop(self) -> None:
        """Nothing is kept between bodies."""


class AsyncBody:
    """One async body. Timeout and cancellation reach it as they reach any task."""

    __slots__ = ("_begun", "_call", "_done", "_overtime", "task")

    def __init__(self, call: Call, done: Callable[[Ending], None]) -> None:
        self._call = call
        self._done = done
        self._begun = False
        # Most bodies end by themselves: what watches over the others is made when it is needed.
        self._overtime: Overtime | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def cause(self) -> How | None:
        """Why it was asked to end; None when it was not."""
        return self._overtime.cause if self._overtime is not None else None

    def cancel(self, grace: float | None = None) -> None:
        """Cancel the task; what the body does with that decides when it ends."""
        self._watched().cancel(grace)

    async def run(self) -> None:
        """The body from its first line to its ending."""
        self._begun = True
        call = self._call
        if not call.begin():
            self._done(Ending(How.NOT_BEGUN))
            return
        if call.timeout is not None:
            self._watched().begin()
        try:
            token = enter(call.context)
            try:
                value = await call.invoke()
            finally:
                leave(token)
            ending = Ending(How.RETURNED, value)
            if self._overtime is not None:
                ending = returned(value, self._overtime, call.context)
        except GeneratorExit as error:
            if not self._is_current():  # the event loop is gone: nobody is left to be told
                raise
            ending = self._raised(error)
        except BaseException as error:  # noqa: BLE001 - SystemExit and the like must not end the application
            ending = self._raised(error)
        if self._overtime is not None:
            self._overtime.over()
        self._done(ending)

    def _watched(self) -> Overtime:
        if self._overtime is None:
            self._overtime = Overtime(self._call.timeout, self._call.grace, ask=self._ask, let_go=self._let_go)
        return self._overtime

    def _ask(self) -> None:
        ask_to_end(self._call.context)
        if self.task is None:
            return
        self.task.cancel()
        if not self._begun:
            # A task that is cancelled before its first step never takes it, so nothing else would tell.
            self._begun = True
            self._watched().over()
            self._done(Ending(How.NOT_BEGUN))

    def _let_go(self, cause: How) -> None:
        self._done(Ending(cause, error=TimeoutError(), stuck=True, stack=_stack(self.task)))

    def _raised(self, error: BaseException) -> Ending:
        if self.cause is None and isinstance(error, asyncio.CancelledError) and _all_are_cancelled():
            # The application ends without asking anybody, and takes its tasks along.
            return Ending(How.CANCELLED, error=error)
        return raised(error, self._watched())

    def _is_current(self) -> bool:
        """True while the body's own task is what runs; an eager one runs before it is known here."""
        try:
            current = asyncio.current_task()
        except RuntimeError:  # no loop runs
            return False
        return current is not None and self.task in (None, current)


def _all_are_cancelled() -> bool:
    """True at the end of the event loop. One task alone is cancelled by the application's own code, or by itself: that
    is the body's failure, or else a body that does it each time would be handed back and begun again without end."""
    return all(task.cancelling() for task in asyncio.all_tasks())


def _stack(task: asyncio.Task[None] | None) -> str:
    """Where a suspended task waits: from coroutine to coroutine that each awaits."""
    lines: list[str] = []
    awaited: Any = task.get_coro() if task is not None else None
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            lines += traceback.format_stack(frame, limit=1)
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return "".join(lines)
