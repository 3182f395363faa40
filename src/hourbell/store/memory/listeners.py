"""Hints between the handles of one memory store, across threads and event loops."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.model.hint import Heard, Hint


@dataclass(eq=False, slots=True)
class Listener:
    """One that listens on its own event loop; ``owner`` is the handle whose closing ends it."""

    owner: object
    heard: Heard
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, what: Callable[[], object]) -> None:
        """Have ``what`` called on the listener's loop; a loop that is closed hears nothing any more."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(what)


class Listeners:
    """Everyone who listens. Its own lock, so that a hint never waits for a verb."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._everyone: list[Listener] = []

    def join(self, listener: Listener) -> None:
        """Begin to be told."""
        with self._lock:
            self._everyone.append(listener)

    def leave(self, listener: Listener) -> None:
        """Stop being told."""
        with self._lock:
            self._everyone.remove(listener)

    def hint(self, hint: Hint | None) -> None:
        """Call every listener on its own loop."""
        for listener in self._snapshot():
            listener.tell(partial(listener.heard, hint))

    def end(self, owner: object) -> None:
        """End the listening of one handle."""
        for listener in self._snapshot():
            if listener.owner is owner:
                listener.tell(listener.ended.set)

    def _snapshot(self) -> list[Listener]:
        with self._lock:
            return list(self._everyone)
