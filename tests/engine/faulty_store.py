"""A store that fails on demand: before a verb is carried out, after it (its answer is lost), late or never."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from hourbell.errors import StoreUnavailable

VERBS = frozenset(
    {
        *("open", "migrate", "ping", "register_node", "renew", "rescue", "retire_node", "list_nodes", "next_work"),
        *("fire_due", "resume_due"),
        *("declare", "add_schedule", "edit_schedule", "remove_schedule", "get_schedule", "list_schedules"),
        *("enqueue", "trigger_schedule", "claim", "claim_named", "claimed"),
        *("held", "note_started", "settle", "cancel_run"),
        *("backfill", "put_calendar", "get_calendar", "list_calendars", "remove_calendar"),
        *("stranded", "upkeep", "retry_run", "get_run", "list_runs", "list_attempts", "prune"),
        *("note_progress", "add_logs", "list_logs", "list_audit", "see_runs", "see_schedules"),
        *("take_guard", "look_at_guard", "renew_guards", "end_guard"),
    }
)


class Faults:
    """What goes wrong, shared by a store and its twins. May be changed from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[tuple[str, str, BaseException, int]] = []
        self.away = False
        self.hanging: set[str] = set()
        self.late: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.in_order: list[str] = []

    def before(self, verb: str, error: BaseException | None = None, times: int = 1) -> None:
        """The next calls of the verb fail without having done anything."""
        self._plan("before", verb, error, times)

    def after(self, verb: str, error: BaseException | None = None, times: int = 1) -> None:
        """The next calls of the verb do what they should, and then their answer is lost."""
        self._plan("after", verb, error, times)

    def take(self, when: str, verb: str) -> BaseException | None:
        with self._lock:
            for place, (point, name, error, times) in enumerate(self._planned):
                if (point, name) == (when, verb):
                    self._planned[place] = (point, name, error, times - 1)
                    if times == 1:
                        del self._planned[place]
                    return error
        return None

    def nothing_planned(self) -> bool:
        """Everything planned has happened."""
        return not self._planned

    def _plan(self, when: str, verb: str, error: BaseException | None, times: int) -> None:
        assert verb in VERBS
        with self._lock:
            self._planned.append((when, verb, error or StoreUnavailable(f"{verb} failed {when} it was done"), times))


class FaultyStore:
    """Passes every verb on to a real store, unless `faults` say otherwise."""

    def __init__(self, store: Any, faults: Faults | None = None) -> None:
        self._store = store
        self.faults = faults or Faults()

    def twin(self) -> FaultyStore:
        return FaultyStore(self._store.twin(), self.faults)

    def audited(self, act: Any) -> FaultyStore:
        return FaultyStore(self._store.audited(act), self.faults)

    @property
    def statements(self) -> int:
        return int(self._store.statements)

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)
        return self._faulty(name, verb) if name in VERBS else verb

    async def listen(self, heard: Callable[..., object]) -> None:
        if self.faults.away:
            raise StoreUnavailable("away")
        await self._store.listen(heard)

    async def hint(self) -> None:
        self.faults.asked["hint"] += 1
        if not self.faults.away:
            await self._store.hint()

    def _faulty(self, name: str, verb: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            self.faults.asked[name] += 1
            self.faults.in_order.append(name)
            if self.faults.away:
                raise StoreUnavailable("the database is away")
            while name in self.faults.hanging:  # noqa: ASYNC110 - set from another thread
                await asyncio.sleep(0.01)
            if error := self.faults.take("before", name):
                raise error
            answer = await verb(*args, **kwargs)
            while name in self.faults.late:  # noqa: ASYNC110 - set from another thread
                await asyncio.sleep(0.01)
            if error := self.faults.take("after", name):
                raise error
            return answer

        return call
