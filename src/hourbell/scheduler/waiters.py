"""Who waits for the end of a run in this process, to be woken by its event instead of the next look."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hourbell.events import RunCancelled, RunFailed, RunSkipped, RunSucceeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hourbell.events import Events, RunEvent


class Waiters:
    """Alarms by run id. It subscribes to the ends of runs at the first wait, so that others pay nothing."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._alarms: dict[str, set[asyncio.Event]] = {}
        self._subscribed = False

    @contextmanager
    def alarm(self, run_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when this process hears that the run ended."""
        self._subscribe()
        alarm = asyncio.Event()
        self._alarms.setdefault(run_id, set()).add(alarm)
        try:
            yield alarm
        finally:
            waiting = self._alarms[run_id]
            waiting.discard(alarm)
            if not waiting:
                del self._alarms[run_id]

    def _subscribe(self) -> None:
        if self._subscribed:
            return
        self._subscribed = True
        for kind in (RunSucceeded, RunFailed, RunCancelled, RunSkipped):
            self._events.listen(kind, self._ended)

    def _ended(self, event: RunEvent) -> None:
        for alarm in self._alarms.get(event.run.id, ()):
            alarm.set()
