"""The demo while it runs: from the application's first answer to its end."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hourbell.demo.screen import Screen, printable
from hourbell.demo.witness import PATIENCE, Witness
from hourbell.triggers import Trigger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hourbell.demo.server import Server
    from hourbell.demo.stopping import StopRequests

_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 30.0
_LOOK_EVERY = 0.05
_MEET_EVERY = 1.0
_COUNT_EVERY_ON_PAPER = 5.0


class Show:
    """One running application and the witness beside it."""

    def __init__(self, server: Server, journals: Path, screen: Screen, stop: StopRequests) -> None:
        self._server = server
        self._journals = journals
        self._screen = screen
        self._stop = stop
        self._counted = self._met = 0.0

    def opened(self) -> Witness | None:
        """Wait until the application answers and its schedules are stored; None when that does not come."""
        deadline = time.monotonic() + _START_TIMEOUT
        if self._screen.is_terminal:
            self._screen.standing("starting …")
        while time.monotonic() < deadline and not self._over():
            self._relay()
            answer = self._server.get("/hourbell/schedules")
            if answer and answer["items"]:
                witness = Witness(self._journals, {one["id"]: trigger_of(one) for one in answer["items"]}, self._screen)
                self._introduce(witness)
                self._counted = time.monotonic()
                return witness
            time.sleep(_LOOK_EVERY)
        return None

    def watch(self, witness: Witness, seconds: float | None) -> None:
        """Show what happens until somebody asks to stop, uvicorn ends, or so many seconds are over.

        What is missing then is given the time that another process needs to take it over.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while not self._over() and (end is None or time.monotonic() < end):
            self._look(witness)
        grace = time.monotonic() + PATIENCE
        while not self._over() and witness.final_counts().missed and time.monotonic() < grace:
            self._look(witness)

    def close(self, witness: Witness | None) -> bool:
        """Stop the application, and show its last words. False when a process had to be killed."""
        self._server.end_input()
        deadline = time.monotonic() + _STOP_TIMEOUT
        while self._server.running and time.monotonic() < deadline and not self._stop.urgent:
            self._look(witness)
        if self._stop.urgent:
            self._server.kill()
        tidy = self._server.close()
        self._look(witness)
        self._screen.drop_standing()
        return tidy or self._stop.urgent

    def _over(self) -> bool:
        return self._stop.asked or self._screen.gone or not self._server.running

    def _look(self, witness: Witness | None) -> None:
        if witness is not None:
            self._show(witness)
        self._relay()
        time.sleep(_LOOK_EVERY)

    def _show(self, witness: Witness) -> None:
        now = time.monotonic()
        witness.look(now)
        if witness.strangers and now - self._met > _MEET_EVERY and not self._stop.asked:
            self._introduce(witness)
        witness.show()
        if self._screen.is_terminal or now - self._counted > _COUNT_EVERY_ON_PAPER:
            self._counted = now
            self._screen.standing(str(witness.counts(now)))

    def _introduce(self, witness: Witness) -> None:
        """Tell the witness which process is which node."""
        self._met = time.monotonic()
        answer = self._server.get("/hourbell/nodes") or {"items": []}
        # Live nodes come first; of two with one process id the live one counts.
        witness.meet({one["pid"]: one["id"] for one in reversed(answer["items"])})

    def _relay(self) -> None:
        """Show what uvicorn and the application print: warnings and errors, if any."""
        for line in self._server.said():
            self._screen.paragraph(printable(line), indent="    ")


def trigger_of(schedule: Mapping[str, Any]) -> Trigger:
    """The trigger that the API tells of. One without a start counts from the second in which it was stored."""
    stored_at = datetime.fromisoformat(schedule["created_at"])
    return Trigger.from_spec(schedule["trigger"]).anchored(stored_at)
