"""Bringing what bodies say to the store: about once a second, and before the end of each run that said anything."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from hourbell.errors import StoreRejected
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hourbell.engine.notes import Notes
    from hourbell.engine.parts import Parts
    from hourbell.engine.trust import Trust
    from hourbell.model.log_line import LogBound, LogLine
    from hourbell.model.progress import ProgressReport
    from hourbell.model.run import Run
    from hourbell.store.protocol import Store

BATCH = 1_000
"""Lines in one statement."""

PATIENCE = 2.0
"""Seconds that the end of a run waits for its last words to be written."""

PAUSE = 15.0
"""Seconds for which the ends of runs do not wait any more after one has waited in vain."""

_log = Telling(logging.getLogger("hourbell.engine"))


class Noting:
    """Works on the application's loop; where that does not move, the node's thread writes in its stead.

    Nothing that fails here reaches a run: its words are kept, within their bounds, and written later or not at all.
    """

    def __init__(self, store: Store, parts: Parts, trust: Trust, notes: Notes) -> None:
        self._store = store
        self._elapsed = parts.clock.elapsed
        self._every = min(1.0, parts.settings.poll)
        self._trust = trust
        self._notes = notes
        self._write_at = self._elapsed()
        self._no_waiting_until = self._write_at
        self._lock = asyncio.Lock()
        self._elsewhere = False

    async def step(self) -> float | None:
        """Write what has been said, if it is time to, and answer when that will be; None when all is written."""
        if not self._notes.has_news():
            return None
        wait = self._write_at - self._elapsed()
        if wait > 0:
            return wait
        self._write_at = self._elapsed() + self._every
        async with self._lock:
            await self._write(self._store)
        return self._every if self._notes.has_news() else None

    def speak_of(self, runs: Iterable[Run]) -> bool:
        """True when one of these attempts has said something that the store may not have yet."""
        return self._notes.speak_of(runs)

    async def last_words(self) -> None:
        """Have everything written before runs end. Takes little more than the patience, and never raises."""
        if self._elapsed() < self._no_waiting_until:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                while self._elsewhere:  # noqa: ASYNC110 - the node's thread sets no event of this loop
                    await asyncio.sleep(0.01)
                async with self._lock:
                    await self._write(self._store)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run ends
            self._no_waiting_until = self._elapsed() + PAUSE
            _log.debug("what the last runs said is written later than their ends: %s", error)

    async def write_elsewhere(self, store: Store) -> None:
        """Write in the stead of the application's loop, which does not move. On the node's thread."""
        self._elsewhere = True
        try:
            await self._write(store)
        finally:
            self._elsewhere = False

    async def _write(self, store: Store) -> None:
        if not self._trust.is_ours():
            return
        taken = self._notes.take()
        if not taken.journals:
            return
        try:
            for start in range(0, len(taken.lines), BATCH):
                is_last = start + BATCH >= len(taken.lines)
                await _add(store, taken.lines[start : start + BATCH], taken.bounds if is_last else ())
            if taken.reports:
                await self._report(store, taken.reports)
        except BaseException:
            self._notes.give_back(taken)
            raise
        self._notes.written(taken)

    async def _report(self, store: Store, reports: Sequence[ProgressReport]) -> None:
        try:
            await store.note_progress(self._trust.node_id, reports)
        except StoreRejected as reason:
            # Numbers and cleaned text in JSON: no database refuses that for one run's sake.
            _log.warning("the database refused the progress of %d runs: %s", len(reports), reason)


async def _add(store: Store, lines: Sequence[LogLine], bounds: Sequence[LogBound]) -> None:
    """Write lines; one that the database refuses is left out, and its number tells that there was one."""
    try:
        await store.add_logs(lines, bounds)
    except StoreRejected as reason:
        if len(lines) <= 1:
            _log.warning("the database refused a line that a run logged: %s", reason)
            return
        middle = len(lines) // 2
        await _add(store, lines[:middle], ())
        await _add(store, lines[middle:], bounds)
