"""Verbs in the application's own transactions, and what is told to the nodes once those are committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.errors import InvalidArguments
from hourbell.sessions import transaction_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hourbell.scheduler.core import Core
    from hourbell.store.protocol import StoreVerbs
    from hourbell.store.transaction import Transaction


class Joined:
    """A transaction of the application's with the store's verbs in it."""

    def __init__(self, core: Core, transaction: Transaction, verbs: StoreVerbs) -> None:
        self._core = core
        self.transaction = transaction
        self.verbs = verbs

    def wake_after_commit(self, wake: Callable[[], Awaitable[None]]) -> None:
        """Have this awaited on the scheduler's loop once the transaction is committed, where that can be heard of."""
        self.transaction.after_commit(lambda: self._core.soon(wake))


async def joined(core: Core, session: Any, *, must_be_sync: bool = False) -> Joined:
    """The verbs in the transaction of this session. The scheduler need not be open.

    Raises InvalidArguments when it is no session, on another database, or cannot be used without waiting where that is
    asked for.
    """
    transaction = transaction_of(session)
    if must_be_sync and not transaction.is_sync:
        raise InvalidArguments(f"{type(session).__name__} has to be awaited: use enqueue instead of enqueue_sync")
    verbs = await core.unopened_store.within(transaction, may_ask=not must_be_sync and core.is_open_here)
    return Joined(core, transaction, verbs)


class EffectPlace:
    """See `hourbell.guards.effect.Place`."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def join(self, transaction: Transaction) -> StoreVerbs:
        """The store's verbs in this transaction."""
        core = self._core
        return await core.unopened_store.within(transaction, may_ask=not transaction.is_sync and core.is_open_here)

    async def is_settled(self, node_id: str, run_id: str, attempt: int) -> bool:
        """Whether this attempt has ended its run as succeeded."""
        return await self._core.store.is_settled(node_id, run_id, attempt)

    def wait_for(self, work: Callable[[], Awaitable[bool]]) -> bool:
        """Await this on the scheduler's loop, from another thread."""
        return self._core.wait_for(work)
