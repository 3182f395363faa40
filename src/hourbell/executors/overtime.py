"""The end of a body that has not come by itself: first it is asked to, then it is let go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hourbell.context import has_heeded
from hourbell.executors.protocol import Ending, How

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.context import Context


class Overtime:
    """Asks a body to end when its time is over or somebody wants that, and lets it go ``grace`` seconds later.

    All of it belongs to the event loop, where ``ask`` and ``let_go`` are called at most once each. ``cause`` is why it
    was asked, once it was: the first reason counts.
    """

    __slots__ = ("_ask", "_grace", "_let_go", "_over", "_timeout", "_timer", "cause")

    def __init__(
        self, timeout: float | None, grace: float, *, ask: Callable[[], None], let_go: Callable[[How], None]
    ) -> None:
        self._timeout = timeout
        self._grace = grace
        self._ask = ask
        self._let_go = let_go
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self.cause: How | None = None

    def begin(self) -> None:
        """The body begins: its time runs."""
        if self._timeout is not None and not self._over and self.cause is None:
            self._timer = asyncio.get_running_loop().call_later(self._timeout, self._asked, How.TIMED_OUT, self._grace)

    def cancel(self, grace: float | None = None) -> None:
        """Somebody wants it to end, within the grace of its task or a shorter one."""
        self._asked(How.CANCELLED, self._grace if grace is None else min(grace, self._grace))

    def over(self) -> None:
        """The body has ended."""
        self._over = True
        # Both belong to the body, which holds this: it is freed sooner when the ring is broken.
        self._ask, self._let_go = _nobody, _nobody
        if self._timer is not None:
            self._stop_timer()

    def _asked(self, cause: How, grace: float) -> None:
        if self._over or self.cause is not None:
            return
        self.cause = cause
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(grace, self._expired)
        self._ask()

    def _expired(self) -> None:
        if not self._over and self.cause is not None:
            self._let_go(self.cause)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _nobody(*_: object) -> None:
    """Whom to ask once the body is over."""


def returned(value: Any, overtime: Overtime, context: Context) -> Ending:
    """What it means that a body returned.

    Past its time it has timed out all the same. One that was to be cancelled has ended for that if it looked, and has
    come to its own end if it did not.
    """
    if overtime.cause is How.TIMED_OUT:
        return Ending(How.TIMED_OUT, error=TimeoutError())
    if overtime.cause is How.CANCELLED and has_heeded(context):
        return Ending(How.CANCELLED)
    return Ending(How.RETURNED, value)


def raised(error: BaseException, overtime: Overtime) -> Ending:
    """What it means that a body raised: once it was asked to end, that it has."""
    if overtime.cause is How.TIMED_OUT:
        return Ending(How.TIMED_OUT, error=TimeoutError())
    return Ending(overtime.cause or How.RAISED, error=error)
