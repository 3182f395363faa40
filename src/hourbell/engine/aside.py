"""Schedules that do not fire for now: those that this node cannot read, and those whose calendar is not stored."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hourbell.clock import Clock

FIRST_WAIT = 30.0
LONGEST_WAIT = 60.0
"""Seconds that one which an operator has mended may go on to be left alone."""
HELD_WAIT = 5.0

_log = Telling(logging.getLogger("hourbell.engine"))


class Aside:
    """Remembers which schedule ids are left to nodes that can read them, and until when.

    Each is reported once in the log and tried again after a wait that doubles, for an operator may mend it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, tuple[float, float]] = {}
        self._held: dict[str, float] = {}
        self._awaited: dict[str, float] = {}

    def put(self, schedule_ids: Iterable[str]) -> None:
        """No plan could be made for these."""
        for schedule_id in schedule_ids:
            known = self._until.get(schedule_id)
            wait = FIRST_WAIT if known is None else min(LONGEST_WAIT, known[1] * 2)
            self._until[schedule_id] = (self._clock.elapsed() + wait, wait)
            if known is None:
                _log.error(
                    "schedule %r does not fire on this node: its trigger or policies cannot be read by this version of "
                    "Hourbell; a node that can read them fires it, or change the schedule",
                    schedule_id,
                )

    def present(self) -> frozenset[str]:
        """The ids to leave alone now."""
        elapsed = self._clock.elapsed()
        self._held = {schedule_id: until for schedule_id, until in self._held.items() if elapsed < until}
        unreadable = {schedule_id for schedule_id, (until, _) in self._until.items() if elapsed < until}
        self._awaited = {schedule_id: until for schedule_id, until in self._awaited.items() if elapsed < until}
        return frozenset(unreadable | self._held.keys() | self._awaited.keys())

    def wait_for(self, schedule_ids: Iterable[str]) -> None:
        """The nodes that declare these have just gone: look again in a few seconds whether they are back."""
        until = self._clock.elapsed() + HELD_WAIT
        self._awaited.update((schedule_id, until) for schedule_id in schedule_ids)

    def hold(self, schedule_ids: Iterable[str]) -> bool:
        """These name a calendar that is not stored: look again in a few seconds. True while any schedule is held."""
        until = self._clock.elapsed() + HELD_WAIT
        self._held.update((schedule_id, until) for schedule_id in schedule_ids)
        return bool(self._held)
