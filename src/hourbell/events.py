"""What happens, as frozen values, and who wants to hear of it. A failing subscriber never hurts a run."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from hourbell.errors import InvalidArguments
from hourbell.model.run_state import RunState
from hourbell.subscribers import Subscriber, is_async, subscriber_of
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from hourbell.model.run import Run

    Table: TypeAlias = dict[type["Event"], tuple[Callable[[Any], Any], ...]]

E = TypeVar("E", bound="Event")
_LOOK = 0.01
"""Seconds between two looks at whether the subscribers are through."""

_log = Telling(logging.getLogger("hourbell.events"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The root: subscribe to this to hear everything that this process does or notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent(Event):
    """Something about one run, as this node knows it after the event.

    ``node_id`` is the node that tells it; None: a verb of the scheduler did it. Each end of a run is told at most once
    over all nodes, by the process whose transaction ended it, after the commit. When that process dies first, or never
    hears that its commit succeeded, nobody tells it: what must not be missed is read from the database.
    """

    run: Run
    node_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(RunEvent):
    """The body is about to start on this node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSucceeded(RunEvent):
    """The run succeeded, and the store has accepted that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed(RunEvent):
    """The run failed for good, and the store has accepted that. ``run.error`` says why.

    Also a run that was lost with its node once too often, or may start only once: who took over from that node tells.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRetried(RunEvent):
    """An attempt failed and the run is queued again: ``error`` says why, ``delay`` in how many seconds at the least."""

    error: str | None
    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSkipped(RunEvent):
    """The run will not start; ``run.reason`` says why.

    It was too late for its grace, made way for a newer run, was a request under ``overlap="skip"``, or its schedule was
    paused or removed. Due times that got no run at all are told by `FireMissed`.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCancelled(RunEvent):
    """The run was cancelled: before its body, in it, while it waited for its retry, or when its node was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FireMissed(Event):
    """Due times of a schedule that get no run: from ``fire_at`` to ``covers_until``, ``covers_count`` (at least)."""

    schedule_id: str
    reason: str
    fire_at: datetime
    covers_until: datetime
    covers_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLost(Event):
    """This node found others dead and handed their runs on. ``node_id`` is who died, ``found_by`` this node.

    ``requeued`` and ``failed`` count the runs of all nodes that were found dead at the same time.
    """

    node_id: str
    found_by: str
    requeued: int
    failed: int


_ENDS: Mapping[RunState, type[RunEvent]] = MappingProxyType(
    {
        RunState.SUCCEEDED: RunSucceeded,
        RunState.FAILED: RunFailed,
        RunState.SKIPPED: RunSkipped,
        RunState.CANCELLED: RunCancelled,
    }
)


class Events:
    """The subscribers of one scheduler. `emit` may be called in any thread, never raises and never waits.

    Once a loop is attached each subscriber has a queue of its own and hears its events one after the other: an async
    function on that loop, a plain one in a thread. Without a loop (in a script) plain ones are called where `emit` is.
    """

    def __init__(self) -> None:
        self._subscribers: Table = {}
        self._listeners: Table = {}
        # A new dict with each change: what another thread finds out from before goes into the old one.
        self._wanted: dict[type[Event], bool] = {}
        self._told: dict[Callable[[Any], Any], Subscriber] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def on(self, event_type: type[E], subscriber: Callable[[E], Any]) -> Callable[[], None]:
        """Call ``subscriber`` with every event of this type or a child of it. The answer ends the subscription.

        Raises InvalidArguments when ``event_type`` is no type of event.
        """
        kind: object = event_type
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            raise InvalidArguments(f"{event_type!r} is no type of event: give one such as RunFailed")
        return self._added(self._subscribers, event_type, subscriber)

    def listen(self, event_type: type[E], listener: Callable[[E], None]) -> Callable[[], None]:
        """For ourselves: a quick function that is called on the attached loop at once, with no queue in between."""
        return self._added(self._listeners, event_type, listener)

    def wants(self, event_type: type[Event]) -> bool:
        """True when somebody listens: who makes many events asks first."""
        wanted = self._wanted
        known = wanted.get(event_type)
        if known is None:
            heard = (self._subscribers.get(kind) or self._listeners.get(kind) for kind in event_type.__mro__)
            known = wanted[event_type] = any(heard)
        return known

    def attach(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Name the loop of the application; None: there is none."""
        self._loop = loop

    def emit(self, event: Event) -> None:
        """Tell the subscribers."""
        if not self.wants(type(event)):
            return
        loop = self._loop
        for function in _heard(self._subscribers, event):
            place = loop or (_running_loop() if is_async(function) else None)
            if place is None:
                _call(function, event)
            else:
                self._subscriber(function, place).tell(event)
        if listeners := _heard(self._listeners, event):
            self._tell_listeners(listeners, event, loop)

    def tell_ends(self, runs: Iterable[Run], node_id: str | None) -> None:
        """Tell the end of each of these final runs."""
        for run in runs:
            self.emit(_ENDS[run.state](run=run, node_id=node_id))

    async def drained(self, within: float) -> None:
        """Let the subscribers hear what they were told, for so many seconds at the most; then let them go."""
        deadline = time.monotonic() + within
        told = list(self._told.values())
        while not all(one.idle() for one in told) and time.monotonic() < deadline:  # noqa: ASYNC110 - threads tell nobody
            await asyncio.sleep(_LOOK)
        with self._lock:
            self._told = {}
        for one in told:
            one.end()
        deadline = time.monotonic() + within
        while not all(one.ended() for one in told) and time.monotonic() < deadline:  # noqa: ASYNC110 - as above
            await asyncio.sleep(_LOOK)

    def _added(self, table: Table, event_type: type[Event], function: Callable[[Any], Any]) -> Callable[[], None]:
        table[event_type] = (*table.get(event_type, ()), function)
        self._wanted = {}

        def off() -> None:
            table[event_type] = tuple(known for known in table.get(event_type, ()) if known is not function)
            self._wanted = {}

        return off

    def _subscriber(self, function: Callable[[Any], Any], loop: asyncio.AbstractEventLoop) -> Subscriber:
        known = self._told.get(function)
        if known is None:
            with self._lock:
                known = self._told.setdefault(function, subscriber_of(function, loop))
        return known

    def _tell_listeners(
        self, listeners: list[Callable[[Any], Any]], event: Event, loop: asyncio.AbstractEventLoop | None
    ) -> None:
        for listener in listeners:
            try:
                if loop is None or loop is _running_loop():
                    listener(event)
                else:
                    loop.call_soon_threadsafe(listener, event)
            except RuntimeError:  # the loop is closed: nobody is left who waits
                _log.debug("%s came after the application's loop was closed", type(event).__name__)


def _heard(table: Table, event: Event) -> list[Callable[[Any], Any]]:
    return [function for kind in type(event).__mro__ for function in table.get(kind, ())]


def _call(function: Callable[[Any], Any], event: Event) -> None:
    """Call it here and now: there is no application whose loop could be held up."""
    try:
        answer = function(event)
        if inspect.iscoroutine(answer):
            answer.close()
            _log.warning("%r is async and was not called: no event loop runs yet", function)
    except Exception:  # noqa: BLE001 - whatever it is, it must not reach the run
        _log.exception("a subscriber of %s failed", type(event).__name__)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
