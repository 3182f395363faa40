"""The main program of a child: prepares tasks and runs their bodies, one after the other, until its node ends."""

from __future__ import annotations

import asyncio
import inspect
import os
import queue
import sys
import threading
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hourbell.context import Context, ask_to_end, has_heeded, lend_guards
from hourbell.errors import HourbellError, InvalidArguments, ResultRejected
from hourbell.executors.describing import describe, summary
from hourbell.executors.process import lifeline, pipe
from hourbell.executors.process.asking import Asking
from hourbell.executors.process.finding import find
from hourbell.executors.process.saying import Saying
from hourbell.line_capture import LineCapture
from hourbell.model.retry import GaveUp, RetryLater, kinds_of, parts_of
from hourbell.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.task import Task

LONGEST_TEXT = 16_000
MOST_PARTS = 50

_LONGEST_ORDER = 1024 * 1024 * 1024


class Child:
    """Bodies run in the main thread; another one listens to the node."""

    def __init__(self, down: int, up: int) -> None:
        self._down = down
        self._up = up
        self._pid = os.getpid()
        self._writing = threading.Lock()
        self._orders: queue.SimpleQueue[pipe.Message] = queue.SimpleQueue()
        self._tasks: dict[str, Task[..., Any]] = {}
        self._state = threading.Lock()
        self._number = 0
        self._unwanted = 0
        self._ask: Callable[[], None] | None = None
        self._asking: Asking | None = None

    def serve(self) -> None:
        """Until the node says ``end``. When it goes without a word, this process is killed."""
        threading.Thread(target=self._listen, name="hourbell-listen", daemon=True).start()
        LineCapture.install()
        while (order := self._orders.get())["kind"] != "end":
            if order["kind"] == "prepare":
                self._prepare(order)
            elif order["kind"] == "run":
                self._run(order)

    def send(self, kind: str, fields: dict[str, Any]) -> None:
        """Tell the node. A copy of this process that a body forked tells nothing, and ends here."""
        self._only_here()
        data = pipe.framed(kind, fields)
        with self._writing:
            try:
                pipe.write(self._up, data)
            except OSError:
                lifeline.end_group()

    def _say(self, kind: str, fields: dict[str, Any]) -> None:
        """What a body says on its way. A copy that it forked, as a pool of processes does, says nothing and goes on."""
        if os.getpid() == self._pid:
            self.send(kind, fields)

    def _ask_node(self, kind: str, fields: dict[str, Any]) -> None:
        if os.getpid() != self._pid:
            raise HourbellError(
                "a copy of its process that a body forked has no guards: only the body itself asks for them"
            )
        self.send(kind, fields)

    def _listen(self) -> None:
        try:
            reader = pipe.Reader(self._down, _LONGEST_ORDER)
            while (message := reader.read()) is not None:
                self._heard(message)
        finally:
            lifeline.end_group()  # who hears nothing more must not be waited for

    def _heard(self, message: pipe.Message) -> None:
        if message["kind"] == "cancel":
            self._cancel(message["run"])
        elif message["kind"] in ("entered", "left"):
            asking = self._asking
            if asking is not None:
                asking.heard(message)
        else:
            self._orders.put(message)

    def _cancel(self, number: int) -> None:
        with self._state:
            self._unwanted = number
            ask = self._ask if number == self._number else None
        if ask is not None:
            ask()

    def _prepare(self, order: pipe.Message) -> None:
        try:
            task = self._tasks[order["task"]] = find(Place(**order["place"]), order["task"])
            with suppress(InvalidArguments):  # it is the run's error, and comes again
                task.arguments.warm()
        except BaseException as error:  # noqa: BLE001 - an import runs whatever the module says
            self._only_here()
            self.send("broken", {"summary": summary(error), "text": describe(error)[:LONGEST_TEXT]})
        else:
            self.send("ready", {})

    def _run(self, order: pipe.Message) -> None:
        number, task = order["run"], self._tasks[order["task"]]
        saying = Saying(number, order["level"], self._say)
        context = _context(order["context"], saying)
        self._asking = Asking(number, self._ask_node, order["result_max"])
        lend_guards(context, self._asking)
        with self._state:
            self._number, self._ask = number, lambda: ask_to_end(context)
            if self._unwanted == number:
                ask_to_end(context)
        try:
            try:
                invoke = task.prepare(order["args"], context)
            except Exception as error:  # noqa: BLE001 - the types in the signature are the user's own code
                self.send("refused", _told(error))
                return
            try:
                with context.entered():
                    value = asyncio.run(self._awaited(invoke, context, number)) if task.is_async else _plain(invoke)
            except BaseException as error:  # noqa: BLE001 - SystemExit and the like must not end the child
                self._only_here()
                saying.flush()
                self.send("raised", {**_told(error), "heeded": has_heeded(context)})
                return
            self._only_here()
            saying.flush()
            self._report(task, value, order["result_max"], heeded=has_heeded(context))
        finally:
            saying.over()
            with self._state:
                self._ask = None

    def _report(self, task: Task[..., Any], value: Any, longest: int, *, heeded: bool) -> None:
        try:
            text = task.dump_result(value, longest)
        except ResultRejected as error:
            self.send("unkept", {"error": str(error), "heeded": heeded})
        except BaseException as error:  # noqa: BLE001 - serialising runs code of the user's
            self.send("unkept", {"error": describe(error)[:LONGEST_TEXT], "heeded": heeded})
        else:
            self.send("returned", {"result": text, "heeded": heeded})

    async def _awaited(self, invoke: Callable[[], Any], context: Context, number: int) -> Any:
        loop = asyncio.get_running_loop()
        body = loop.create_task(invoke())

        def ask() -> None:
            ask_to_end(context)
            with suppress(RuntimeError):  # its loop is closed: the body is over, and only its result is not told yet
                loop.call_soon_threadsafe(body.cancel)

        with self._state:
            self._ask = ask
            unwanted = self._unwanted == number
        if unwanted:
            body.cancel()
        return await body

    def _only_here(self) -> None:
        if os.getpid() != self._pid:
            os._exit(0)


def _plain(invoke: Callable[[], Any]) -> Any:
    value = invoke()
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError("a plain function returned a coroutine: use async def")
    return value


def _context(told: dict[str, Any], saying: Saying) -> Context:
    fire_at = datetime.fromisoformat(told["fire_at"]) if told["fire_at"] is not None else None
    return Context(**{**told, "fire_at": fire_at}, _notebook=saying)


def _told(error: BaseException) -> dict[str, Any]:
    """An exception in plain values."""
    return {
        "summary": summary(error),
        "text": describe(error)[:LONGEST_TEXT],
        "kinds": sorted(kinds_of(error)),
        "parts": [_part(part) for part in list(parts_of(error))[:MOST_PARTS]],
    }


def _part(error: BaseException) -> dict[str, Any]:
    return {
        "kinds": sorted(kinds_of(error)),
        "summary": summary(error),
        "later": error.seconds if isinstance(error, RetryLater) else None,
        "gave_up": str(error) if isinstance(error, GaveUp) else None,
    }


def main() -> None:
    """``python -c … DOWN UP PARENT``: the two pipes, and whose child this is."""
    down, up, parent = (int(text) for text in sys.argv[1:4])
    sys.argv[1:] = []
    lifeline.die_with(parent)
    for fd in (down, up):
        os.set_inheritable(fd, False)
    lifeline.wait_for_children()
    lifeline.leave_guard(down, up)
    lifeline.leave_the_end_to_the_node()
    Child(down, up).serve()
