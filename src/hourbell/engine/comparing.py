"""Comparing what the store counts as held with what is held here: the last net for answers that were lost."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hourbell.engine import verdict
from hourbell.engine.whole_look import WholeLook
from hourbell.model.instants import instant_of
from hourbell.model.run import Run
from hourbell.model.run_state import RunState
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.engine.executing import Executing
    from hourbell.engine.holding import Execution, Holdings
    from hourbell.engine.parts import Parts
    from hourbell.engine.settling import Settling
    from hourbell.engine.trust import Trust
    from hourbell.store.protocol import Store

_log = Telling(logging.getLogger("hourbell.engine"))


class Comparing:
    """Once per lease compares, and every third of a lease notes the start of long bodies, if there is any.

    A run that the store counts and nobody here knows is handed back at the second look in a row, so that a claim or a
    settlement on its way at the first is not mistaken for one. A run held here that the store does not count any more
    is given up: its lease is lost.
    """

    def __init__(
        self,
        store: Store,
        parts: Parts,
        trust: Trust,
        holdings: Holdings,
        *,
        settling: Settling,
        executing: Executing,
        spent: Callable[[int], object],
    ) -> None:
        self._store = store
        self._parts = parts
        self._trust = trust
        self._holdings = holdings
        self._settling = settling
        self._executing = executing
        self._spent = spent
        self._period = parts.settings.lease
        self._compare_at = parts.clock.elapsed() + self._period
        self._look = WholeLook()
        self._unknown: set[tuple[str, int]] = set()
        self._in_flight: set[str] = set()

    async def step(self) -> float | None:
        """Do what is due of both, and answer when to look again; None when trust is gone."""
        if not self._trust.holds():
            return None
        await self._note_long_bodies()
        if self._parts.clock.elapsed() >= self._compare_at:
            self._compare_at = self._parts.clock.elapsed() + self._period
            # A node that claimed nothing since the last time holds nothing that it does not know of.
            if self._holdings.uncompared or self._holdings.running or self._unknown:
                self._holdings.uncompared = False
                await self._compare()
        return self._period / 3

    async def _note_long_bodies(self) -> None:
        long_ago = self._parts.clock.elapsed() - self._period / 3
        news = [
            one
            for one in self._holdings.running.values()
            if one.started is not None and not one.noted and one.since <= long_ago
        ]
        if not news:
            return
        started = [(one.run.id, one.run.attempt, instant_of(one.started)) for one in news if one.started is not None]
        await self._store.note_started(self._trust.node_id, started)
        self._spent(1)
        for one in news:
            one.noted = True

    async def _compare(self) -> None:
        running = list(self._holdings.running.values())
        before, in_flight = self._holdings.local(), set(self._holdings.claims)
        counted = await self._counted()
        rest = self._look.due_in(self._parts.clock.elapsed())
        self._spent(1)
        self._give_up([one for one in running if not one.given_up and (one.run.id, one.run.attempt) not in counted])
        # A claim that began while this was asked may have been carried out before it, and its answer is yet to come.
        in_flight |= self._holdings.claims.keys()
        unknown = counted - before - self._holdings.local()
        # What was seen the last time came with a claim that was under way then; its answer may still be.
        strangers = set() if self._in_flight & self._holdings.claims.keys() else unknown & self._unknown
        for run_id, attempt in strangers:
            _log.warning("run %s is held by this node without its knowledge; handing it back", run_id)
            stranger = _stranger(run_id, attempt, self._parts)
            self._settling.add(stranger, verdict.handed_back(stranger))
        self._unknown, self._in_flight = unknown - strangers, in_flight
        if self._unknown:
            self._compare_at = self._parts.clock.elapsed() + max(self._period / 3, rest)

    async def _counted(self) -> set[tuple[str, int]]:
        """What the store counts as held. Slow where much is dead, and then seldom."""
        asked = self._parts.clock.elapsed()
        try:
            held = await self._store.held(self._trust.node_id)
            self._look.done(asked, self._parts.clock.elapsed())
        except Exception:
            self._look.failed(asked, self._parts.clock.elapsed())
            # Not compared yet, although nothing more may be claimed.
            self._holdings.uncompared = True
            raise
        finally:
            elapsed = self._parts.clock.elapsed()
            self._compare_at = max(self._compare_at, elapsed + self._look.due_in(elapsed))
        return {(one.run_id, one.attempt) for one in held}

    def _give_up(self, lost: list[Execution]) -> None:
        for one in lost:
            _log.warning(
                "LeaseLost: run %s of %s, attempt %d, is not this node's any more; its body is cancelled",
                one.run.id,
                one.run.task,
                one.run.attempt,
            )
            self._executing.give_up(one)


def _stranger(run_id: str, attempt: int, parts: Parts) -> Run:
    return Run(
        id=run_id,
        task="?",
        state=RunState.RUNNING,
        origin="?",
        created_at=parts.clock.now(),
        attempt=attempt,
    )
