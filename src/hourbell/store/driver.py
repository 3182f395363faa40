"""What runs the scripts of the verbs: a driver for each database, and one for an application's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.store.scripts.script import Begin

T = TypeVar("T")

Lane = Literal["fire", "fire_beside", "renew", "claim", "settle", "verbs", "read"]
"""Which connection a script uses: loops have their own, so that none waits for another; verbs share a few."""

Span = tuple[datetime, datetime]
"""From one instant of the database's to another."""


class Database(Protocol):
    """A driver: runs scripts, and knows what its database can do."""

    has_row_locks: bool
    is_lent: bool
    statements: int

    @property
    def can_hold(self) -> bool:
        """Whether a transaction can wait for an instant before it commits, and others go on meanwhile."""

    async def run(
        self, begin: Begin[T], lane: Lane, *, atomic: bool = True, hold: Callable[[T], Span | None] | None = None
    ) -> T:
        """Run a script to its end and answer its result.

        Atomic scripts run inside one transaction, again from the start after a deadlock. Others hold one statement
        that is a transaction of its own. What ``hold`` says of the result, its transaction's own instant and a later
        one, is waited for before the commit. Raises the store's errors (see `hourbell.store.protocol`).
        """
