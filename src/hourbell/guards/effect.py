"""A body's writes and its run's success, in one transaction of the application's."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol, Self

from hourbell.at_once import at_once
from hourbell.effects import close_effect, open_effect
from hourbell.errors import InvalidArguments, LeaseLost, StoreUnavailable
from hourbell.guards.taking import refuse_loop
from hourbell.model.run_state import RunState
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Token
    from types import TracebackType

    from hourbell.effects import Hold
    from hourbell.model.run import Settlement
    from hourbell.store.protocol import StoreVerbs
    from hourbell.store.transaction import Transaction

_PAUSE = 0.2
_PASSED_ON = "has passed on; nothing was committed"

_log = Telling(logging.getLogger("hourbell.run"))


class Place(Protocol):
    """Where effects happen: the scheduler's database."""

    async def join(self, transaction: Transaction) -> StoreVerbs:
        """The store's verbs in this transaction. Raises InvalidArguments when it is on another database."""

    async def is_settled(self, node_id: str, run_id: str, attempt: int) -> bool:
        """Whether this attempt has ended its run as succeeded, asked outside of the transaction."""

    def wait_for(self, work: Callable[[], Awaitable[bool]]) -> bool:
        """Await this on the scheduler's loop, from a thread that is not that loop's."""


class Effect:
    """``async with context.effect(session) as effect:``, or ``with`` where the session is never awaited.

    The block commits the session when it is left without an error, with the run's success as the last statement before:
    either both stand or neither does. An error in the block rolls the session back and goes on. Nothing but the block
    may commit or roll back the session meanwhile.
    """

    def __init__(self, session: Any, transaction: Transaction, hold: Hold, place: Place) -> None:
        self.session = session
        self._transaction = transaction
        self._hold = hold
        self._place = place
        self._verbs: StoreVerbs | None = None
        self._result: str | None = None
        self._settlement: Settlement | None = None
        self._token: Token[Any] | None = None
        self.is_open = False

    def result(self, value: Any) -> None:
        """What becomes the result of the run. Raises ResultRejected when it cannot be kept, as JSON of limited size."""
        self._result = self._hold.dump(value)

    async def __aenter__(self) -> Self:
        """Look at the fence without a lock. Raises LeaseLost, and InvalidArguments for a session that cannot do it."""
        await self._enter()
        return self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run and commit, or roll back. Raises LeaseLost when the run is not this node's to end any more."""
        self._close()
        if error is not None:
            self._hold.abandon_effect()
            await self._transaction.rollback()
            return
        await self._settle()
        try:
            await self._transaction.commit()
        except BaseException as doubt:
            if not await self._stands():
                raise
            self._forgive(doubt)
        self._committed()

    def __enter__(self) -> Self:
        """As with ``async with``, for sessions that are never awaited, in a body that is a plain function."""
        if not self._transaction.is_sync:
            raise InvalidArguments(f"{type(self.session).__name__} has to be awaited: use `async with context.effect`")
        refuse_loop("context.effect")
        at_once(self._enter())
        return self._opened()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As with ``async with``."""
        self._close()
        if error is not None:
            self._hold.abandon_effect()
            at_once(self._transaction.rollback())
            return
        at_once(self._settle())
        try:
            at_once(self._transaction.commit())
        except BaseException as doubt:
            if not self._place.wait_for(self._stands):
                raise
            self._forgive(doubt)
        self._committed()

    async def _enter(self) -> None:
        self._hold.begin_effect()
        try:
            self._refuse_untrusted()
            await self._transaction.enter()
            try:
                self._verbs = await self._place.join(self._transaction)
                await self._look()
            except BaseException:
                await self._transaction.rollback()
                raise
        except BaseException:
            self._hold.abandon_effect()
            raise

    async def _look(self) -> None:
        assert self._verbs is not None  # noqa: S101 - narrows the type
        hold = self._hold
        run = await self._verbs.get_run(hold.run_id)
        if (run.state, run.node_id, run.attempt) != (RunState.RUNNING, hold.node_id, hold.attempt):
            raise self._lost(_PASSED_ON)

    async def _settle(self) -> None:
        """The last statement before the commit, under the fence."""
        try:
            self._refuse_untrusted()
            await self._transaction.flush()
            await self._fenced()
        except BaseException:
            await self._transaction.rollback()
            self._hold.abandon_effect()
            raise

    async def _fenced(self) -> None:
        assert self._verbs is not None  # noqa: S101 - narrows the type
        self._settlement = settlement = self._hold.settlement(self._result)
        try:
            accepted = await self._verbs.settle(self._hold.node_id, [settlement])
        except Exception as error:
            if _is_serialization_failure(error):
                # Somebody has changed the run's row since this transaction began to look.
                raise self._lost(_PASSED_ON) from error
            raise
        if accepted.get(self._hold.run_id) is not RunState.SUCCEEDED:
            raise self._lost(_PASSED_ON)

    async def _stands(self) -> bool:
        """Was a commit whose answer did not come done? Asked as long as this node may count on its lease."""
        hold = self._hold
        while hold.holds():
            try:
                stands = await self._place.is_settled(hold.node_id, hold.run_id, hold.attempt)
            except StoreUnavailable:
                await asyncio.sleep(_PAUSE)
                continue
            if not stands:
                hold.abandon_effect()
            return stands
        raise self._lost("ended while it was not known whether the commit had been done; the run's state tells")

    def _opened(self) -> Self:
        self.is_open = True
        self._token = open_effect(self)
        return self

    def _close(self) -> None:
        self.is_open = False
        if self._token is not None:
            close_effect(self._token)

    def _committed(self) -> None:
        if self._settlement is not None:
            self._hold.committed(self._settlement)

    def _forgive(self, doubt: BaseException) -> None:
        if not isinstance(doubt, Exception):  # the body was cancelled meanwhile, and is still to end
            self._committed()
            raise doubt
        _log.warning("the commit of run %s answered with an error, but was done: %s", self._hold.run_id, doubt)

    def _refuse_untrusted(self) -> None:
        if not self._hold.holds():
            raise self._lost("has ended; nothing was committed")

    def _lost(self, what: str) -> LeaseLost:
        return LeaseLost(f"run {self._hold.run_id}, attempt {self._hold.attempt}: the right to end it {what}")


def _is_serialization_failure(error: BaseException | None) -> bool:
    seen = 0
    while error is not None and seen < 5:
        if "40001" in (getattr(error, "sqlstate", None), getattr(error, "pgcode", None)):
            return True
        error, seen = getattr(error, "orig", None) or error.__cause__, seen + 1
    return False
