"""A daemon thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

from hourbell.engine.crossing import Crossing
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_log = Telling(logging.getLogger("hourbell.engine"))


class NodeThread:
    """Runs one coroutine on its own event loop, so that nothing the application does can hold it up.

    It is a daemon: a process that ends without stopping its node is not kept alive by it.
    """

    def __init__(self, name: str, main: Callable[[], Coroutine[Any, Any, None]], ended: Callable[[], None]) -> None:
        self._main = main
        self._ended = ended
        self._ready = threading.Event()
        self._crossing: Crossing | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start it and wait until its event loop can be called."""
        self._thread.start()
        self._ready.wait()

    def call(self, function: Callable[..., Any], *args: Any) -> bool:
        """Have ``function`` called on the thread's event loop; False when it has ended."""
        return self._crossing is not None and self._crossing.call(function, *args)

    def join(self, timeout: float) -> bool:
        """Wait for its end; False when that did not come in time."""
        if self._thread.ident is not None:  # the system may have given none
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._go())
        except Exception:  # noqa: BLE001 - a thread has nobody to raise to
            _log.exception("the node's thread ended unexpectedly")
        finally:
            self._ready.set()
            self._ended()

    async def _go(self) -> None:
        self._crossing = Crossing(asyncio.get_running_loop())
        self._ready.set()
        await self._main()
