"""What happens, as frozen values, and who wants to hear of it. A failing subscriber never hurts a run."""

from __future__ import annotations

import asyncio
import inspect
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hourbell.model.run import Run

E = TypeVar("E", bound="Event")
_log = logging.getLogger("hourbell.events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The root: subscribe to this to hear everything that this process does or notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent(Event):
    """Something about one run, as this node knows it after the event."""

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
    """The run failed for good, and the store has accepted that. ``run.error`` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRetried(RunEvent):
    """An attempt failed and the run is queued again: ``error`` says why, ``delay`` in how many seconds at the least."""

    error: str | None
    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSkipped(RunEvent):
    """The run will not start; ``run.reason`` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCancelled(RunEvent):
    """The run was cancelled, before its body or in it."""


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


class Events:
    """The subscribers of one scheduler. `emit` may be called in any thread and never raises.

    Subscribers are called on the application's loop once it is attached, in the order of the events; async ones run
    as tasks of their own. What a subscriber raises is logged.
    """

    def __init__(self) -> None:
        self._subscribers: dict[type[Event], tuple[Callable[[Any], Any], ...]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def on(self, event_type: type[E], subscriber: Callable[[E], Any]) -> Callable[[], None]:
        """Call ``subscriber`` with every event of this type or a child of it. The answer ends the subscription.

        Raises InvalidArguments when ``event_type`` is no type of event.
        """
        kind: object = event_type
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            raise InvalidArguments(f"{event_type!r} is no type of event: give one such as RunFailed")
        self._subscribers[event_type] = (*self._subscribers.get(event_type, ()), subscriber)

        def off() -> None:
            left = [known for known in self._subscribers.get(event_type, ()) if known is not subscriber]
            self._subscribers[event_type] = tuple(left)

        return off

    def wants(self, event_type: type[Event]) -> bool:
        """True when somebody listens: who makes many events asks first."""
        return any(self._subscribers.get(kind) for kind in event_type.__mro__ if kind is not object)

    def attach(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Name the loop on which subscribers are called; None: where `emit` is called."""
        self._loop = loop

    def emit(self, event: Event) -> None:
        """Tell the subscribers. Never raises and never waits for them."""
        if not self.wants(type(event)):
            return
        loop = self._loop
        try:
            if loop is None or loop is _running_loop():
                self._deliver(event)
            else:
                loop.call_soon_threadsafe(self._deliver, event)
        except RuntimeError:  # the loop is closed: the application is gone, and with it the subscribers
            _log.debug("%s came after the application's loop was closed", type(event).__name__)

    async def drained(self, within: float) -> None:
        """Wait until the async subscribers that were started are through; cancel those that take longer, in seconds."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=within)
        for task in set(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=within)

    def _deliver(self, event: Event) -> None:
        for kind in type(event).__mro__:
            for subscriber in self._subscribers.get(kind, ()):
                self._call(subscriber, event)

    def _call(self, subscriber: Callable[[Any], Any], event: Event) -> None:
        try:
            answer = subscriber(event)
            if inspect.iscoroutine(answer):
                self._start(answer, subscriber)
        except Exception:  # noqa: BLE001 - whatever it is, it must not reach the run
            _log.exception("a subscriber of %s failed", type(event).__name__)

    def _start(self, coroutine: Any, subscriber: Callable[[Any], Any]) -> None:
        if _running_loop() is None:
            coroutine.close()
            _log.warning("%r is async and was not called: no event loop runs yet", subscriber)
            return
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("an async subscriber failed", exc_info=error)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
