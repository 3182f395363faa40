"""What blocks the application's event loop is named, with its stack, while it does: by the node's thread."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hourbell.context import run_of
from hourbell.engine.status import Blockage
from hourbell.executors import async_
from hourbell.telling import Telling

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

    from hourbell.context import Context
    from hourbell.engine.parts import Parts
    from hourbell.engine.pulse import Pulse
    from hourbell.engine.shift import Shift
    from hourbell.store.protocol import Store

AGAIN = 60.0
"""Seconds for which the log is not told again of the same task. Its runs always are."""

STALL = 0.5
"""Seconds too late at which this thread itself was held up: what it sees then says nothing about the loop."""

_MOST_FRAMES = 30
_ADVICE = (
    "Nothing else on the loop goes on meanwhile, no request and no other async body. Make it a plain function, which "
    "runs in a thread, or call what blocks through asyncio.to_thread"
)
_LOGGER = "hourbell.engine"
_log = Telling(logging.getLogger(_LOGGER))


@dataclass(frozen=True, slots=True)
class Sight:
    """Where the loop's thread was at one look, and in which run, if it was one that could be told."""

    context: Context | None
    stack: str

    @property
    def task(self) -> str | None:
        """The name of the run's task."""
        return self.context.task if self.context is not None else None


class Blocking:
    """Looks four times as often as it may take. From a quarter of that on it remembers where the loop is; at the whole,
    or at the end of what took as long, it tells: the log, the run and health."""

    def __init__(self, store: Store, parts: Parts, pulse: Pulse, shift: Shift) -> None:
        self._store = store
        self._clock = parts.clock
        self._after = parts.settings.blocked_after
        self._pulse = pulse
        self._shift = shift
        self._due = self._clock.elapsed()
        self._sight: Sight | None = None
        self._told = False
        self._from = 0.0
        self._told_at: dict[str | None, float] = {}

    async def step(self) -> float:
        """Look once, and answer when to look again."""
        late = self._clock.elapsed() - self._due
        worst = self._pulse.worst()
        lag = self._pulse.silence() - self._pulse.period
        try:
            if late > STALL:
                self._stood_still(worst)
            elif lag >= self._after / 4:
                await self._look(lag)
            elif self._sight is not None:
                await self._over(worst)
            elif worst >= self._after:
                self._stood_still(worst)
        finally:
            self._due = self._clock.elapsed() + self._pulse.period
        return self._pulse.period

    async def _look(self, lag: float) -> None:
        sight, before = self._see(), self._sight
        if before is None or sight.context is not before.context:
            # Where one body follows on another without a turn for the loop between, each is told of for its own part.
            self._told, self._from = False, lag if before is not None else 0.0
        if not self._told:
            self._sight = sight
        seconds = lag - self._from
        if self._told:
            self._remember(sight, seconds)
        elif seconds >= self._after:
            await self._tell(seconds)

    async def _over(self, worst: float) -> None:
        """The loop moves again. What took long enough and was not told of is told of now."""
        sight, told, seconds = self._sight, self._told, worst - self._from
        if sight is not None and seconds >= self._after:
            if not told:
                await self._tell(seconds)
            self._remember(sight, seconds)
            self._note(sight, f"the event loop moves again; this body has kept it for {seconds:.1f} s")
            _log.info("the application's event loop moves again after %.1f s", worst)
        self._sight, self._told = None, False

    async def _tell(self, lag: float) -> None:
        sight, self._told = self._sight, True
        if sight is None:
            return
        self._remember(sight, lag)
        if sight.context is None:
            text = f"the application's event loop has not moved for {lag:.1f} s, held by what is not known to be a run"
        else:
            context = sight.context
            text = f"run {context.run_id} of {context.task} has kept the application's event loop for {lag:.1f} s"
            self._note(
                sight, f"this body has kept the event loop for {lag:.1f} s. {_ADVICE}. It is here:\n{sight.stack}"
            )
        if self._is_news(sight.task):
            _log.warning("%s. %s. It is here:\n%s", text, _ADVICE, sight.stack)
        await self._shift.noting.write_elsewhere(self._store)

    def _stood_still(self, worst: float) -> None:
        """Nobody could look: the loop stood still between two looks, and this thread with it."""
        if worst < self._after:
            return
        running = sorted({one.run.task for one in list(self._shift.holdings.running.values())})
        self._remember(Sight(None, ""), worst)
        if self._is_news(None):
            _log.warning(
                "the application's event loop stood still for %.1f s, and so did the thread that watches it: C code "
                "that does not let go of the interpreter, a process that was stopped, or a machine with too much to "
                "do. Running now: %s",
                worst,
                ", ".join(running) or "nothing",
            )

    def _remember(self, sight: Sight, seconds: float) -> None:
        run_id = sight.context.run_id if sight.context is not None else None
        self._pulse.blockage = Blockage(seconds=seconds, seen_at=self._clock.now(), task=sight.task, run_id=run_id)

    def _note(self, sight: Sight, text: str) -> None:
        if sight.context is not None and self._shift.notes.level <= logging.WARNING:
            self._shift.notes.line(sight.context, logging.WARNING, _LOGGER, text)

    def _is_news(self, task: str | None) -> bool:
        now = self._clock.elapsed()
        if now - self._told_at.get(task, -AGAIN) < AGAIN:
            return False
        self._told_at[task] = now
        return True

    def _see(self) -> Sight:
        frame = self._pulse.frame()
        context = self._run_of(self._pulse.task())
        return Sight(context, _stack(frame) if frame is not None else "(its thread is gone)")

    def _run_of(self, task: asyncio.Task[Any] | None) -> Context | None:
        """The run that a task works for: its context variables say so, where Python shows them."""
        if task is None:
            return None
        if hasattr(task, "get_context"):
            return run_of(task.get_context())
        bodies = list(self._shift.holdings.running.values())
        return next((one.context for one in bodies if getattr(one.body, "task", None) is task), None)


def _stack(frame: FrameType) -> str:
    """The newest frames, without what stands above a body: the server, the loop and ourselves."""
    frames = traceback.extract_stack(frame)
    ours = [place for place, one in enumerate(frames) if one.filename == async_.__file__]
    begin = max(ours[-1] + 1 if ours else 0, len(frames) - _MOST_FRAMES)
    return "".join(traceback.format_list(frames[begin:])).rstrip()
