"""Where the guards of a scheduler are: its store, its settings, and who renews what is held."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.errors import InvalidArguments, NotFound
from hourbell.guards.keeper import Keeper
from hourbell.guards.once import Once
from hourbell.model.period import Period, zone_named_in
from hourbell.results import result_text
from hourbell.scheduler.transactions import joined
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from zoneinfo import ZoneInfo

    from hourbell.context import Context
    from hourbell.guards.taking import InSession
    from hourbell.scheduler.core import Core
    from hourbell.store.protocol import StoreVerbs

_LONGEST_NAME = 200
_LONGEST_WAIT = 366 * 86400.0


class Guarding:
    """See `hourbell.guards.taking.GuardRoom`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._keeper: Keeper | None = None
        self._turns: asyncio.Semaphore | None = None
        self.clock = core.clock
        self.lease = timedelta(seconds=core.settings.lease)
        self.retention = timedelta(seconds=core.settings.retention)

    @property
    def store(self) -> StoreVerbs:
        """The open store, on the event loop on which it was opened."""
        return self._core.store

    @property
    def turns(self) -> asyncio.Semaphore:
        """Whoever asks takes turns, so that many who wait do not use up the connections of everybody else."""
        if self._turns is None:
            self._turns = asyncio.Semaphore(max(1, self._core.settings.pool // 2))
        return self._turns

    @property
    def keeper(self) -> Keeper:
        """Who renews what is held; made when it is needed."""
        if self._keeper is None:
            self._keeper = Keeper(self._core.unopened_store.twin, self.clock, self.lease)
        return self._keeper

    async def close(self) -> None:
        """Renew nothing any more."""
        keeper, self._keeper = self._keeper, None
        self._turns = None  # the next one to open it may do so on another event loop
        if keeper is not None:
            await keeper.close()

    async def zone(self, named: str | None, context: Context | None) -> ZoneInfo:
        """The zone of this name, else that of the run's schedule, else the scheduler's."""
        if named is None and context is not None and context.schedule_id is not None:
            try:
                schedule = await self.store.get_schedule(context.schedule_id)
                named = zone_named_in(schedule.trigger_spec)
            except NotFound:  # it was removed while its run was on its way
                named = None
        return zone(named or self._core.settings.timezone)

    async def join(self, session: object, *, must_be_sync: bool) -> InSession:
        """The store's verbs in the transaction of this session. Raises InvalidArguments."""
        return await joined(self._core, session, must_be_sync=must_be_sync)

    def dump(self, value: object) -> str | None:
        """A result as JSON text. Raises ResultRejected."""
        return result_text(value, self._core.settings.result_max)

    def wait_for(self, work: Callable[[], Awaitable[object]]) -> object:
        """Await this on the scheduler's loop, from a thread that is not that loop's."""
        return self._core.wait_for(work)

    def once(
        self,
        context: Context | None,
        key: str,
        *,
        period: timedelta | str | None,
        wait: float | None,
        timezone: str | None,
    ) -> Once:
        """See `Context.once`. Raises InvalidArguments, and TriggerError for what is no zone."""
        if timezone is not None:
            zone(timezone)
        return Once(
            self,
            checked_name("key", key),
            Period.of(period),
            wait=checked_wait(wait),
            timezone=timezone,
            context=context,
        )


def checked_name(what: str, given: object) -> str:
    """A name of 1 to 200 printable characters. Raises InvalidArguments."""
    if not isinstance(given, str) or not 0 < len(given) <= _LONGEST_NAME or not given.isprintable():
        raise InvalidArguments(f"{what} {given!r:.80}: give 1 to {_LONGEST_NAME} printable characters")
    return given


def checked_wait(given: object) -> float | None:
    """Seconds, or None. Raises InvalidArguments."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= _LONGEST_WAIT:
        raise InvalidArguments(f"wait={given!r}: give seconds, 0 for not at all, or None for as long as it takes")
    return float(given)
