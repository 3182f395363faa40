"""The part of the port that is about guards. See `hourbell.store.protocol` for what holds of every verb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta

    from hourbell.model.guard import Guard, GuardEnd, GuardHold, GuardKind, GuardWish


class GuardStore(Protocol):
    """Guards: names that one holder at a time has, until it leaves them or its lease ends."""

    async def take_guard(self, wish: GuardWish) -> Guard:
        """Take the guard where it may be taken, and answer it as it is then; `Guard.is_held_by` says who has it.

        It may be taken when nobody has yet, when its holder failed or set it free, when the holder's lease is over, and
        when it was done and that has expired. One conditional statement decides, so that of many who ask at once one
        takes it. Each taking has a fence above all earlier ones; asking again as the same owner is the same taking.
        """

    async def look_at_guard(self, kind: GuardKind, name: str, period: str) -> Guard | None:
        """The guard while it cannot be taken: held, or done; None when it can. Writes nothing."""

    async def renew_guards(self, holds: Sequence[GuardHold], lease: timedelta) -> Collection[str]:
        """Let each of these leases end so much later, and answer the owners for whom that was done.

        A hold that was taken over, was left, or has expired is not renewed.
        """

    async def end_guard(self, end: GuardEnd) -> bool:
        """Leave a guard, with what was made of it. False when it is not this holder's any more: nothing was written.

        What this owner has written before under the same fence (its answer was lost) counts as written.
        """
