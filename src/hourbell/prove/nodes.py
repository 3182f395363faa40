"""The node processes: started, killed, stopped for a while, replaced; none outlives the proof."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from hourbell.prove.node import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hourbell.prove.course import Orders


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended that was asked to: its code, and how many seconds it took."""

    code: int
    seconds: float


class NodeProcess:
    """One process, and where what it says is kept."""

    def __init__(self, orders: Orders, log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hourbell.prove.node"],
                env={**os.environ, VARIABLE: orders.to_json()},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it is there."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Send a signal; nothing happens when it is gone."""
        self._process.send_signal(number)

    def destroy(self) -> None:
        """End it at once, stopped or not, and take note of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def last_words(self) -> str:
        """The end of what it said."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]


class Nodes:
    """A number of places, each with a process; a place keeps the clock of its host."""

    def __init__(self, orders: Orders, bends: Sequence[float], folder: Path) -> None:
        self._orders = [replace(orders, bend=bend) for bend in bends]
        self._folder = folder
        self._made = 0
        self.places: list[NodeProcess] = []

    def __enter__(self) -> Self:
        self.places = [self._launch(place) for place in range(len(self._orders))]
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.places:
            process.destroy()

    def renew(self, place: int) -> NodeProcess:
        """Put a new process in a place, whatever has become of the old one; the old one is answered, not ended."""
        old = self.places[place]
        self.places[place] = self._launch(place)
        return old

    def _launch(self, place: int) -> NodeProcess:
        self._made += 1
        return NodeProcess(self._orders[place], self._folder / f"node-{self._made:03}.log")
