"""The child's side of guards: a body that is in a process of its own asks its node to hold them."""

from __future__ import annotations

import asyncio
import itertools
import json
from concurrent.futures import Future
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from hourbell import errors
from hourbell.errors import HourbellError, LeaseLost
from hourbell.guards.held import Interruption
from hourbell.results import result_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from hourbell.context import Context
    from hourbell.executors.process.pipe import Message


class Asking:
    """Makes the blocks of one body. What the node says is heard in the child's listening thread."""

    def __init__(self, number: int, send: Callable[[str, dict[str, Any]], None], result_max: int) -> None:
        self._number = number
        self._send = send
        self._result_max = result_max
        self._numbers = itertools.count(1)
        self._asked: dict[int, AskedOnce] = {}

    def once(
        self,
        context: Context,
        key: str,
        *,
        period: timedelta | str | None,
        wait: float | None,
        timezone: str | None,
    ) -> AskedOnce:
        """See `Context.once`. What cannot be is refused when the block is entered."""
        told = {"seconds": period.total_seconds()} if isinstance(period, timedelta) else period
        wanted = {"key": key, "period": told, "wait": wait, "timezone": timezone}
        return AskedOnce(self, next(self._numbers), key, wanted)

    def say(self, kind: str, once: AskedOnce, **fields: Any) -> None:
        """Tell the node."""
        self._asked[once.number] = once
        self._send(kind, {"run": self._number, "ask": once.number, **fields})

    def heard(self, message: Message) -> None:
        """The node's answer, or its word that something was lost."""
        once = self._asked.get(message["ask"])
        if once is not None and message.get("run") == self._number:
            once.heard(message)

    def dump(self, value: Any) -> str | None:
        """A result as JSON text. Raises ResultRejected."""
        return result_text(value, self._result_max)


class AskedOnce:
    """See `hourbell.guards.once.Once`, which is what the node holds for it."""

    def __init__(self, asking: Asking, number: int, key: str, wanted: dict[str, Any]) -> None:
        self.key = key
        self.number = number
        self._asking = asking
        self._wanted = wanted
        self._entered: Future[Message] = Future()
        self._left: Future[Message] = Future()
        self._answer: Message | None = None
        self._kept: str | None = None
        self._interruption: Interruption | None = None

    def __bool__(self) -> bool:
        return self._answer is not None and bool(self._answer["first"])

    def __repr__(self) -> str:
        return f"<Once {self.key!r}>"

    @property
    def result(self) -> Any:
        """What was kept of the work."""
        text = self._kept if self else self._told()["result"]
        return json.loads(text) if text is not None else None

    @property
    def fence(self) -> int:
        """A number that rises each time the work is begun."""
        return int(self._told()["fence"])

    @property
    def lost(self) -> bool:
        """True once another one may have begun the work anew."""
        return self._left.done() and isinstance(_error(self._left.result()), LeaseLost)

    def keep(self, value: Any) -> None:
        """What those who come later get as ``result``. Raises ResultRejected when it cannot be kept."""
        if not self:
            raise HourbellError(f"once {self.key!r}: only whoever does the work says what came of it")
        self._kept = self._asking.dump(value)

    async def done(self, session: Any) -> None:
        """Not here: the node holds the guard, and the session is this process's."""
        self.done_sync(session)

    def done_sync(self, session: Any) -> None:
        """Not here."""
        raise HourbellError(
            "done(session) needs a body that the node itself runs, as coroutine or in a thread: not in another process"
        )

    async def __aenter__(self) -> Self:
        """Begin the work, or find it done."""
        self._ask()
        try:
            self._enter(await asyncio.wrap_future(self._entered))
        except asyncio.CancelledError:
            self._asking.say("leave", self, error="cancelled", kept=None)
            raise
        if self:
            self._interruption = Interruption()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The work is done, or has failed."""
        interrupted = self._interruption is not None and self._interruption.over(kind)
        self._leave(error)
        if self:
            ended = _error(await asyncio.wrap_future(self._left))
            if ended is not None and (error is None or interrupted):
                raise ended from error

    def __enter__(self) -> Self:
        """As with ``async with``, in a body that is a plain function."""
        self._ask()
        self._enter(self._entered.result())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As with ``async with``."""
        self._leave(error)
        if self:
            ended = _error(self._left.result())
            if ended is not None and error is None:
                raise ended

    def heard(self, message: Message) -> None:
        """In the listening thread."""
        future = self._entered if message["kind"] == "entered" else self._left
        if not future.done():
            future.set_result(message)
        if self.lost and self._interruption is not None:
            self._interruption.ask()

    def _ask(self) -> None:
        if self.number in self._asking._asked:
            raise HourbellError(f"this block was used before: ask for once({self.key!r}) again")
        self._asking.say("enter", self, **self._wanted)

    def _enter(self, answer: Message) -> None:
        error = _error(answer)
        if error is not None:
            raise error
        self._answer = answer

    def _leave(self, error: BaseException | None) -> None:
        if self:
            told = f"{type(error).__name__}: {error}"[:1000] if error is not None else None
            self._asking.say("leave", self, error=told, kept=self._kept)

    def _told(self) -> Message:
        if self._answer is None:
            raise HourbellError(f"once {self.key!r} has nothing to tell before it is entered")
        return self._answer


def _error(message: Message) -> HourbellError | None:
    """The error that the node told of, of the kind that it was there."""
    told = message.get("error")
    if told is None:
        return None
    kind = getattr(errors, told["kind"], HourbellError)
    known = isinstance(kind, type) and issubclass(kind, HourbellError)
    return kind(told["text"]) if known else HourbellError(told["text"])
