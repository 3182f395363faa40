"""Somebody at the desk: asks for runs, cancels some, pauses and resumes a schedule, while all else goes wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hourbell.errors import Conflict
from hourbell.model.editing import pausing, resuming
from hourbell.model.ids import new_run_id
from hourbell.model.run import NewRun
from hourbell.model.run_state import Origin, RunState
from hourbell.store.memory import MemoryStore

if TYPE_CHECKING:
    from .world import Seen

PAUSED = "paused"
"""The schedule that is paused and resumed."""


class Operator:
    """Acts on the database itself, over a line on which nothing goes wrong."""

    def __init__(self, store: MemoryStore, chance: random.Random, seen: Seen, tell: Callable[[str], None]) -> None:
        self._store = store
        self._chance = chance
        self._seen = seen
        self._tell = tell
        self._paused_at: datetime | None = None

    async def act(self) -> None:
        """Twice a second: now and then something."""
        await self._request()
        draw = self._chance.random()
        if draw < 0.06:
            await self._cancel()
        elif draw < 0.10:
            if self._paused_at is None:
                self._tell("a schedule is paused")
                self._paused_at = (await self._store.edit_schedule(PAUSED, pausing(None))).updated_at
            else:
                await self.resume()

    async def resume(self) -> None:
        """End the pause, if there is one."""
        if self._paused_at is not None:
            await self._store.edit_schedule(PAUSED, resuming())
            self._tell("the schedule is resumed")
            self._seen.pauses.append((self._paused_at, await self._store.ping()))
            self._paused_at = None
            await self._store.hint()

    async def _request(self) -> None:
        """Runs for now, or soon: none, one, two at once. Other nodes hear of each by its name where it is alone."""
        for _ in range(self._chance.choice([0, 1, 1, 2])):
            task = self._chance.choice(["quick", "quick", "slow", "limited", "flaky"])
            run = NewRun(
                id=new_run_id(await self._store.ping()),
                task=task,
                origin=Origin.ENQUEUE,
                args={},
                on_lost="retry" if task == "flaky" else self._chance.choice(["retry", "retry", "fail"]),
                priority=self._chance.choice([0, 0, -1]),
                delay=timedelta(seconds=self._chance.choice([0, 0, 0, 0.7])),
            )
            (made,) = await self._store.enqueue([run], hint=self._chance.random() < 0.9)
            assert made.run_at is not None
            self._seen.requested[made.id] = made.run_at

    async def _cancel(self) -> None:
        """Any run under any policy, running or not; those that a body is in the middle of first."""
        runs = sorted(self._store._tables.unfinished(), key=lambda run: (run.state is not RunState.RUNNING, run.id))
        if runs:
            run = runs[self._chance.randrange(min(len(runs), 6))]
            self._tell(f"run {run.id} of {run.schedule_id}, {run.state}, is cancelled")
            with suppress(Conflict):  # it has just ended
                await self._store.cancel_run(run.id)
                self._seen.cancelled.add(run.id)
                await self._store.hint()
