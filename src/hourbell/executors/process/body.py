"""One body in a child: what is said to the child about it, and what its answers mean."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hourbell.context import ask_to_end, notebook_of
from hourbell.errors import ProcessDied
from hourbell.executors.overtime import Overtime, raised, returned
from hourbell.executors.process import pipe
from hourbell.executors.process.relay import Relay
from hourbell.executors.process.saying import take_down
from hourbell.executors.protocol import Dumped, Ending, How
from hourbell.model.raised import RaisedElsewhere
from hourbell.model.retry import Retry
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.executors.process.child_process import ChildProcess
    from hourbell.executors.process.pipe import Message
    from hourbell.executors.protocol import Call, Order

_ENDS = frozenset({"returned", "unkept", "raised", "refused"})
_TOO_MUCH = "sent more at once than its node takes"

_log = Telling(logging.getLogger("hourbell.engine"))


class ProcessBody:
    """Made and asked to end on the event loop; everything else happens in the thread of its slot."""

    def __init__(self, call: Call, order: Order, done: Callable[[Ending], None], ended: Callable[[], None]) -> None:
        self._call = call
        self._order = order
        self._done = done
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._overtime = Overtime(call.timeout, call.grace, ask=self._asked, let_go=lambda _: self.kill())
        self._lock = threading.Lock()
        self._child: ChildProcess | None = None
        self._number = 0
        self._refused = False
        self._killed = False
        self._said: str | None = None

    # On the event loop

    def cancel(self, grace: float | None = None) -> None:
        """Ask it to end: an async body is cancelled, every one sees ``context.cancelled``; then it is killed."""
        self._overtime.cancel(grace)

    def _asked(self) -> None:
        ask_to_end(self._call.context)
        with self._lock:
            self._refused = True
            child = self._child
        if child is not None:
            child.hint("cancel", run=self._number)

    def _finish(self, ending: Ending) -> None:
        self._overtime.over()
        if ending.how is How.RETURNED:
            ending = returned(ending.value, self._overtime, self._call.context)
        elif ending.how is How.RAISED and ending.error is not None:
            note = "its process was killed" if self._killed else None
            judged = raised(ending.error, self._overtime)
            ending = Ending(judged.how, error=judged.error, note=note)
        self._done(ending)
        self._ended()

    # From any thread

    def kill(self) -> None:
        """End its process."""
        with self._lock:
            self._refused = self._killed = True
            child = self._child
        if child is not None:
            child.kill()

    def is_refused(self) -> bool:
        """True when it was asked to end: one that has not begun then does not."""
        return self._refused

    # In the slot's thread

    def attach(self, child: ChildProcess, number: int) -> bool:
        """It is this child's from now on. False when it was killed before."""
        with self._lock:
            self._child, self._number = child, number
            return not self._killed

    def detach(self) -> None:
        """Whatever happens to the child from now on is no matter of this body's."""
        with self._lock:
            self._child = None

    def prepare(self, child: ChildProcess, patience: float) -> str | Message | None:
        """Have the child import the task; None when it has, else why not."""
        order = self._order
        if order.task in child.tasks:
            return None
        child.send("prepare", task=order.task, place=asdict(order.place))
        deadline = time.monotonic() + patience
        try:
            while (message := child.receive(lambda: time.monotonic() < deadline)) is not None:
                if message["kind"] == "ready":
                    child.tasks.add(order.task)
                    return None
                if message["kind"] == "broken":
                    return message
        except pipe.TooLong:
            return _TOO_MUCH
        is_late = time.monotonic() >= deadline and not child.has_exited()
        return f"took longer than {patience:g} s to import {order.place.module}" if is_late else ""

    def begin(self) -> bool:
        """May the body begin? Asked right before it does."""
        return self._call.begin()

    def run(self, child: ChildProcess) -> Ending | None:
        """Have the body run, and answer how it ended; None when its process ended first."""
        order, context = self._order, self._call.context
        notebook = notebook_of(context)
        told = {name: getattr(context, name) for name in ("run_id", "task", "schedule_id", "attempt", "tracking_id")}
        told["fire_at"] = context.fire_at.isoformat() if context.fire_at is not None else None
        taken = child.send(
            "run",
            run=self._number,
            task=order.task,
            args=dict(order.args),
            context=told,
            level=notebook.level if notebook is not None else None,
            result_max=order.result_max,
        )
        self._on_loop(self._overtime.begin)
        if self._refused:
            child.hint("cancel", run=self._number)
        relay = Relay(context, self._loop, lambda kind, **fields: child.send(kind, run=self._number, **fields))
        try:
            while taken and (message := child.receive()) is not None:
                if message["kind"] in _ENDS:
                    return self._judged(message)
                if message.get("run") == self._number and not relay.heard(message):
                    take_down(context, message)
        except pipe.TooLong:
            self._said = _TOO_MUCH
        finally:
            relay.over()
        return None

    def died(self, how: str) -> Ending:
        """Its process has ended before it."""
        return Ending(How.RAISED, error=ProcessDied(f"the process of the body {self._said or how}"))

    def not_prepared(self, why: str | Message, how: str) -> Ending:
        """The child could not import the task."""
        if self._refused:
            return Ending(How.NOT_BEGUN)
        if isinstance(why, str):
            return Ending(How.RAISED, error=ProcessDied(f"the process for the body {why or how}"))
        text = f"the process for the body could not import {self._order.place.module}: {why.get('text')}"
        return Ending(How.RAISED, error=RaisedElsewhere(f"the import failed: {why.get('summary')}", text))

    def told(self, ending: Ending) -> None:
        """Tell the event loop how it ended."""
        self._on_loop(self._finish, ending)

    def _judged(self, message: Message) -> Ending:
        if message.get("heeded"):
            _ = self._call.context.cancelled  # the body has looked, and so it counts as seen here
        if message["kind"] == "returned":
            return Ending(How.RETURNED, Dumped(message["result"]))
        if message["kind"] == "unkept":
            return Ending(How.RETURNED, Dumped(None, refused=message["error"]))
        if message["kind"] == "refused":
            return Ending(How.REFUSED, error=_error(message))
        return Ending(How.RAISED, error=_error(message))

    def _on_loop(self, function: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            _log.debug("a body in a process went on after the application's loop was closed")


def _error(message: Message) -> BaseException:
    parts = tuple(_part(part) for part in message.get("parts", ()))
    kinds = frozenset(message.get("kinds", ()))
    return RaisedElsewhere(str(message.get("summary")), str(message.get("text")), kinds, parts)


def _part(told: dict[str, Any]) -> BaseException:
    if told.get("gave_up") is not None:
        return Retry.give_up(told["gave_up"])
    if told.get("later") is not None:
        return Retry.later(told["later"])
    return RaisedElsewhere(told["summary"], told["summary"], frozenset(told["kinds"]))
