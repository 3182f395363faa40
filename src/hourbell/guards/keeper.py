"""Renews what this process holds, in a thread of its own, so that no body and no blocked event loop delays it."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from hourbell.errors import HourbellError
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from hourbell.clock import Clock
    from hourbell.guards.held import Held
    from hourbell.store.protocol import Store

SHARE = 3
"""A lease is renewed when a third of it is over: two renewals may fail before it is lost."""

PAUSE = 0.2
"""Seconds after a renewal that failed."""

JOINED = 5.0

_log = Telling(logging.getLogger("hourbell.guards"))


class Keeper:
    """One for a scheduler. Its thread starts with the first hold, and sleeps while nothing is held.

    ``twin``  makes a store on the same truth, for the thread's own event loop.
    """

    def __init__(self, twin: Callable[[], Store], clock: Clock, lease: timedelta) -> None:
        self._twin = twin
        self._clock = clock
        self._lease = lease
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: asyncio.Event | None = None
        self._ended: Future[None] = Future()
        self._ending = False

    def add(self, held: Held) -> None:
        """Renew it from now on."""
        with self._lock:
            self._held[held.hold.owner] = held
            if self._thread is None:
                # A daemon: a process that ends without closing its scheduler is not kept alive by it.
                self._thread = threading.Thread(target=self._run, name="hourbell-guards", daemon=True)
                self._thread.start()
        self._wake()

    def drop(self, held: Held) -> None:
        """Renew it no more."""
        with self._lock:
            self._held.pop(held.hold.owner, None)

    async def close(self) -> None:
        """End the thread, and wait for that. What is still held ends with its lease."""
        with self._lock:
            self._ending = True
            thread = self._thread
        if thread is None:
            return
        self._wake()
        with suppress(TimeoutError):
            async with asyncio.timeout(JOINED):
                await asyncio.wrap_future(self._ended)
            thread.join(JOINED)

    def _wake(self) -> None:
        loop, woken = self._loop, self._woken
        if loop is not None and woken is not None:
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(woken.set)

    def _run(self) -> None:
        ended = self._ended
        try:
            asyncio.run(self._work())
        except Exception:  # noqa: BLE001 - a thread has nobody to raise to
            _log.exception("what is held is not renewed any more: the thread of the guards ended unexpectedly")
            with self._lock:
                left, self._held, self._thread = list(self._held.values()), {}, None
                self._ended = Future()
            for held in left:
                held.lose()
        finally:
            ended.set_result(None)

    async def _work(self) -> None:
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        store = self._twin()
        await store.open()
        try:
            while not self._ending:
                # Cleared before the look: who comes after it wakes this again.
                self._woken.clear()
                delay = await self._step(store) if self._present() else None
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._woken.wait()
        finally:
            await store.close()

    async def _step(self, store: Store) -> float:
        """Renew what is due, tell whoever has lost his, and answer when to look again."""
        lease = self._lease.total_seconds()
        for held in self._present():
            if not held.holds:
                self._lose(held)
        due = [held for held in self._present() if held.left <= lease * (1 - 1 / SHARE)]
        if not due:
            return min((held.left for held in self._present()), default=lease) / SHARE
        asked = self._clock.elapsed()
        try:
            async with asyncio.timeout(max(0.0, min(held.left for held in due))):
                renewed = await store.renew_guards([held.hold for held in due], self._lease)
        except (HourbellError, TimeoutError) as error:
            _log.warning("%d guards could not be renewed: %s", len(due), str(error) or "no answer came")
            return PAUSE
        for held in due:
            if held.hold.owner in renewed:
                held.renewed(asked)
            else:
                self._lose(held)
        return lease / SHARE / 2

    def _lose(self, held: Held) -> None:
        self.drop(held)
        held.lose()

    def _present(self) -> list[Held]:
        with self._lock:
            return list(self._held.values())
