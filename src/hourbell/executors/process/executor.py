"""Bodies in children: one child for each body that may run at once, kept for the next one."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from typing import TYPE_CHECKING

from hourbell.executors.process.body import ProcessBody
from hourbell.executors.process.child_process import ChildProcess
from hourbell.executors.protocol import Ending, How
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.executors.protocol import Body, Call

RECYCLE = 1_000
"""Runs after which a child is replaced, so that what its bodies leave behind in it does not add up."""

START_PATIENCE = 60.0
"""Seconds that a child gets to import the module of a task."""

SCARCE = 5.0
"""Seconds for which only the children that there are count, after the system gave no other."""

_log = Telling(logging.getLogger("hourbell.engine"))


class ProcessExecutor:
    """At most ``limit`` children, started when they are needed first. Each belongs to a thread that lives as long."""

    def __init__(
        self,
        limit: int,
        freed: Callable[[], None] = lambda: None,
        *,
        recycle: int = RECYCLE,
        start_patience: float = START_PATIENCE,
    ) -> None:
        self._limit = limit
        self._freed = freed
        self._recycle = recycle
        self._start_patience = start_patience
        self._busy = 0
        self._idle: list[Slot] = []
        self._slots: list[Slot] = []
        self._scarce_until = 0.0

    def free(self) -> int | None:
        """How many more bodies could start right now."""
        if self._scarce_until and time.monotonic() < self._scarce_until:
            return sum(slot.child is not None for slot in self._idle)
        return max(0, self._limit - self._busy)

    def start(self, call: Call, done: Callable[[Ending], None]) -> Body:
        """Start the body in the child that was used last: it is warm. Raises RuntimeError where there is none and the
        system gives no thread to start one."""
        if call.order is None:
            raise TypeError(f"{call.context.task} cannot be told to another process: its call has no order")
        slot = self._idle_slot() or self._new_slot()
        self._busy += 1

        def ended() -> None:
            self._busy -= 1
            self._idle.append(slot)
            self._freed()

        body = ProcessBody(call, call.order, done, ended)
        slot.bodies.put(body)
        return body

    def stop(self) -> None:
        """End the children: idle ones by a word, the others at once."""
        slots, self._slots, self._idle = self._slots, [], []
        for slot in slots:
            slot.stop()
        for slot in slots:
            slot.thread.join(3)

    def children(self) -> list[int]:
        """The process numbers of the children that there are."""
        return [slot.child.pid for slot in self._slots if slot.child is not None]

    def _idle_slot(self) -> Slot | None:
        if not self._idle:
            return None
        slot = next((one for one in reversed(self._idle) if one.child is not None), self._idle[-1])
        self._idle.remove(slot)
        return slot

    def _none_given(self) -> None:
        """In a slot's thread: the system gives no process."""
        self._scarce_until = time.monotonic() + SCARCE

    def _new_slot(self) -> Slot:
        name = f"hourbell-child-{len(self._slots) + 1}"
        slot = Slot(name, self._recycle, self._start_patience, self._none_given)
        self._slots.append(slot)
        return slot


class Slot:
    """A thread with a child of its own: it speaks for the bodies that run there, one after the other."""

    def __init__(self, name: str, recycle: int, start_patience: float, none_given: Callable[[], None]) -> None:
        self.bodies: queue.SimpleQueue[ProcessBody | None] = queue.SimpleQueue()
        self.child: ChildProcess | None = None
        self._numbers = itertools.count(1)
        self._recycle = recycle
        self._start_patience = start_patience
        self._none_given = none_given
        self._present: ProcessBody | None = None
        self._stopping = False
        self.thread = threading.Thread(target=self._work, name=name, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End the child: a body in it is killed."""
        self._stopping = True
        present = self._present
        if present is not None:
            present.kill()
        self.bodies.put(None)

    def _work(self) -> None:
        while (body := self.bodies.get()) is not None:
            self._present = body
            if self._stopping:
                body.kill()
            try:
                ending = self._through(body)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the slot must go on
                _log.exception("a process could not be used")
                self._drop()
                ending = Ending(How.RAISED, error=error)
            self._present = None
            body.told(ending)
            del body
            if self.child is not None and self._recycle and self.child.runs >= self._recycle:
                self._drop(gently=True)
        self._drop(gently=True)

    def _through(self, body: ProcessBody) -> Ending:
        """A body from its preparation to its end. The child is dropped when it has ended before it said how."""
        if body.is_refused():
            return Ending(How.NOT_BEGUN)
        try:
            child = self._child()
        except OSError as error:
            self._none_given()
            return Ending(How.NOT_BEGUN, error=error)
        if not body.attach(child, next(self._numbers)):
            self._drop()
            return Ending(How.NOT_BEGUN)
        broken = body.prepare(child, self._start_patience)
        if broken is not None:
            how = self._drop()
            return body.not_prepared(broken, how)
        if body.is_refused() or not body.begin():
            body.detach()
            return Ending(How.NOT_BEGUN)
        child.runs += 1
        ending = body.run(child)
        body.detach()
        return ending if ending is not None else body.died(self._drop())

    def _child(self) -> ChildProcess:
        if self.child is not None and self.child.has_exited():
            self._drop()
        if self.child is None:
            self.child = ChildProcess()
        return self.child

    def _drop(self, *, gently: bool = False) -> str:
        child, self.child = self.child, None
        return child.end(gently=gently) if child is not None else ""
