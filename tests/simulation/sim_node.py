"""One simulated process: the real engine, its two loops on the one virtual loop."""

from __future__ import annotations

import asyncio
import contextvars
import random
from typing import Any

from hourbell.clock import ManualClock
from hourbell.engine.crossing import Crossing
from hourbell.engine.keeping import Keeping
from hourbell.engine.parts import Parts
from hourbell.engine.pulse import Pulse
from hourbell.engine.shift import Shift
from hourbell.engine.timekeeping import Timekeeper
from hourbell.engine.troubles import Troubles
from hourbell.events import Events
from hourbell.executors.async_ import AsyncExecutor
from hourbell.executors.choice import Kind
from hourbell.settings import Settings
from hourbell.task import TaskRegistry

from .flaky_store import FlakyStore
from .machines import Machine
from .virtual_loop import PROCESS, SimulatedProcess

SETTINGS = Settings(lease=3.0, poll=1.0, poll_with_hints=5.0, drain=2.0, max_runs=50)


class SimNode(SimulatedProcess):
    """Made, started once, and then killed, stopped for a while, or drained."""

    def __init__(
        self, name: str, store: FlakyStore, tasks: TaskRegistry, clock: ManualClock, machine: Machine, place: int
    ) -> None:
        super().__init__()
        self.name = name
        self.machine = machine
        self.begun_at = clock.elapsed()
        self.shift: Shift | None = None
        self._clock = clock
        self._parts = Parts(
            clock=clock,
            settings=SETTINGS,
            tasks=tasks,
            events=Events(),
            declarations=tuple,
            timekeeper=Timekeeper(clock),
            troubles=Troubles(clock.elapsed),
            processes=machine.run(place, self),
        )
        self._store = store
        self._pulse = Pulse(clock, 0.5)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._keeping: Keeping | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin, on the running loop, as a process of its own."""
        variables = contextvars.copy_context()
        variables.run(PROCESS.set, self)
        variables.run(self._start)

    def _start(self) -> None:
        self._pulse.start()
        self._keeping = Keeping(
            self._store.twin(),
            self._store,
            self._parts,
            executors=dict.fromkeys(Kind, AsyncExecutor()),
            pulse=self._pulse,
            app=Crossing(asyncio.get_running_loop()),
            owner=self,
        )
        self._spawn(self._keeping.main())

    def kill(self) -> None:
        """As kill -9: not one step more."""
        self.dead = True

    def stop_for(self, seconds: float) -> None:
        """As SIGSTOP, and SIGCONT after so many seconds."""
        self.stopped_until = self._clock.elapsed() + seconds

    async def drain(self) -> None:
        """As SIGTERM: returns when nothing of it is left."""
        assert self._keeping is not None
        self._stopping = True
        self._keeping.stopping(SETTINGS.drain)
        if self.shift is not None:
            await self.shift.drain(SETTINGS.drain)
        self._keeping.finish()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._pulse.stop()

    def in_its_name(self, coroutine: Any) -> asyncio.Task[Any]:
        """A task that is this process's own."""
        variables = contextvars.copy_context()
        variables.run(PROCESS.set, self)
        return asyncio.get_running_loop().create_task(coroutine, context=variables)

    def began(self, shift: Shift) -> None:
        self.shift = shift
        if self._stopping:
            shift.close()
        else:
            shift.start()

    def over(self, shift: Shift) -> None:
        self._spawn(shift.lose())

    def could_not_begin(self, error: BaseException) -> None:
        """It tries again by itself."""

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def seeded(seed: int) -> random.Random:
    """Everything that is drawn by lot in one simulation comes from this; the module's own draws follow it too."""
    random.seed(seed)
    return random.Random(seed)
