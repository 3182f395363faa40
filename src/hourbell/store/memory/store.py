"""`MemoryStore`: all verbs together, and the life of a handle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.errors import InvalidArguments
from hourbell.model.database_facts import DatabaseFacts
from hourbell.store.memory.audit import AuditVerbs
from hourbell.store.memory.calendars import CalendarVerbs
from hourbell.store.memory.changes import WatchVerbs
from hourbell.store.memory.claims import ClaimVerbs
from hourbell.store.memory.guards import GuardVerbs
from hourbell.store.memory.listeners import Listener, Listeners
from hourbell.store.memory.logs import LogVerbs
from hourbell.store.memory.runs import RunVerbs
from hourbell.store.memory.schedules import ScheduleVerbs
from hourbell.store.memory.surveying import SurveyVerbs
from hourbell.store.memory.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hourbell.clock import Clock
    from hourbell.model.audit import Act
    from hourbell.model.hint import Heard
    from hourbell.store.protocol import StoreVerbs
    from hourbell.store.transaction import Transaction


class MemoryStore(
    ScheduleVerbs, CalendarVerbs, RunVerbs, ClaimVerbs, LogVerbs, AuditVerbs, WatchVerbs, GuardVerbs, SurveyVerbs
):
    """The store without a database: for tests, and for trying things out.

    It keeps every guarantee of the port within one process: handles made by `twin` may be used from several event
    loops in several threads. Nothing survives the process, and no other process sees it.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, Tables(), Listeners())
        self.can_hold = self.leaves_out = False

    @property
    def statements(self) -> int:
        """How many verbs this handle has been asked."""
        return self._statements

    async def within(self, transaction: Transaction, *, may_ask: bool = True) -> StoreVerbs:
        """Nothing can be done together with this store."""
        raise InvalidArguments(
            "the memory store is on no database, so nothing can be written in a session: give the scheduler the "
            "application's own database"
        )

    def audited(self, act: Act) -> MemoryStore:
        """Another handle on the same tables, whose verbs note what they change."""
        other = self.twin()
        other._act = act
        return other

    def twin(self) -> MemoryStore:
        """Another handle on the same tables."""
        other = MemoryStore(self._clock)
        other._tables = self._tables
        other._listeners = self._listeners
        return other

    async def open(self) -> None:
        """There is nothing to connect to."""

    async def close(self) -> None:
        """End this handle's listening; the tables live on as long as another handle does."""
        self._listeners.end(self)

    async def migrate(self) -> Sequence[str]:
        """There is no schema: nothing was applied."""
        return ()

    async def pending(self) -> Sequence[str]:
        """Nothing ever is."""
        return ()

    async def examine(self) -> DatabaseFacts:
        """There is not much to say."""
        return DatabaseFacts(kind="memory", version="the memory of this process")

    async def ping(self, *, writing: bool = False) -> datetime:
        """The present instant."""
        async with self._transaction() as now:
            return now

    async def listen(self, heard: Heard) -> None:
        """Call ``heard`` on the running loop at every hint of any handle, until cancelled or closed."""
        listener = Listener(self, heard)
        self._listeners.join(listener)
        try:
            heard(None)
            await listener.ended.wait()
        finally:
            self._listeners.leave(listener)
