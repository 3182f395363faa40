"""A store as one simulated process sees it: slow, away at times, its answers lost now and then."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.faulty_store import VERBS
from hourbell.errors import StoreUnavailable


@dataclass
class Line:
    """The way from one process to the database. Seconds; shares of all questions."""

    chance: random.Random
    latency: float = 0.01
    stalls: float = 0.0
    longest_stall: float = 2.5
    lost: float = 0.0
    refused: float = 0.0
    away: bool = False
    struck: float = 0.0
    """At each of the four places of a question: before it is sent, carried out, answered, and heard."""
    strike: Callable[[], None] = lambda: None
    """Kills or stops the process that asks."""

    def perfect(self) -> None:
        """From now on nothing goes wrong."""
        self.stalls = self.lost = self.refused = self.struck = 0.0
        self.away = False


class FlakyStore:
    """Passes every verb on to the memory store, by way of a line."""

    def __init__(self, store: Any, line: Line, asked: Callable[[str, tuple[Any, ...], Any], None]) -> None:
        self._store = store
        self._line = line
        self._asked = asked

    def twin(self) -> FlakyStore:
        return FlakyStore(self._store.twin(), self._line, self._asked)

    @property
    def statements(self) -> int:
        return int(self._store.statements)

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)
        if name not in VERBS or name == "open":
            return verb

        async def call(*args: Any, **kwargs: Any) -> Any:
            line = self._line
            await self._maybe_struck()
            await self._travel()
            await self._maybe_struck()
            if line.away or line.chance.random() < line.refused:
                raise StoreUnavailable(f"{name} was not carried out")
            answer = await verb(*args, **kwargs)
            self._asked(name, args, answer)
            await self._maybe_struck()
            await self._travel()
            await self._maybe_struck()
            if line.away or line.chance.random() < line.lost:
                raise StoreUnavailable(f"the answer to {name} is lost")
            return answer

        return call

    async def _maybe_struck(self) -> None:
        line = self._line
        if line.struck and line.chance.random() < line.struck:
            line.strike()
            await asyncio.sleep(0)  # who was struck gets no further than this, or not now

    async def _travel(self) -> None:
        line = self._line
        stalled = line.chance.random() < line.stalls
        await asyncio.sleep(line.chance.uniform(0, line.longest_stall if stalled else line.latency))

    async def listen(self, heard: Callable[..., object]) -> None:
        if self._line.away:
            raise StoreUnavailable("away")
        own, loop = contextvars.copy_context(), asyncio.get_running_loop()

        def told(hint: Any) -> None:
            # By the process that listens, not by the one that hints: who is dead hears nothing.
            if not self._line.away:
                loop.call_soon(heard, hint, context=own)

        await self._store.listen(told)

    async def hint(self) -> None:
        if not self._line.away:
            await self._store.hint()
