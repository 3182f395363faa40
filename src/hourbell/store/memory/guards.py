"""The verbs of guards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.model.guard import Guard, GuardState
from hourbell.model.period import ALWAYS
from hourbell.store.memory.handle import Handle

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime, timedelta

    from hourbell.model.guard import GuardEnd, GuardHold, GuardKind, GuardWish
    from hourbell.store.memory.tables import Tables


class GuardVerbs(Handle):
    """`GuardStore` over the tables."""

    async def take_guard(self, wish: GuardWish) -> Guard:
        async with self._transaction() as now:
            label = ALWAYS if wish.period.stretch is None else wish.label_at(wish.instant or now)
            assert label is not None  # noqa: S101 - narrows the type: the present is known
            key = (wish.kind, wish.name, label)
            found = self._tables.guards.get(key)
            if found is not None and _counts(found, now) and found.owner != wish.owner:
                return found
            if found is not None and found.state is GuardState.DONE and _counts(found, now):
                return found
            taken = Guard(
                kind=wish.kind,
                name=wish.name,
                period=label,
                state=GuardState.HELD,
                owner=wish.owner,
                fence=_next_fence(found, wish.owner, now),
                lease_until=now + wish.lease,
                taken_at=now,
                expires_at=now + wish.keep,
            )
            self._tables.guards.put(key, taken)
            return taken

    async def look_at_guard(self, kind: GuardKind, name: str, period: str) -> Guard | None:
        async with self._transaction() as now:
            found = self._tables.guards.get((kind, name, period))
            return found if found is not None and _counts(found, now) else None

    async def renew_guards(self, holds: Sequence[GuardHold], lease: timedelta) -> Collection[str]:
        async with self._transaction() as now:
            renewed = set()
            for hold in holds:
                found = _own(self._tables, hold)
                if found is not None and found.state is GuardState.HELD and found.lease_until > now:
                    self._tables.guards.put(_key(hold), replace(found, lease_until=now + lease))
                    renewed.add(hold.owner)
            return renewed

    async def end_guard(self, end: GuardEnd) -> bool:
        async with self._transaction() as now:
            found = _own(self._tables, end.hold)
            if found is None or found.state is not GuardState.HELD:
                return found is not None and found.state is end.state
            ended = replace(
                found,
                state=end.state,
                ended_at=now,
                expires_at=now + end.keep if end.keep is not None else None,
                result=end.result,
                error=end.error,
            )
            self._tables.guards.put(_key(end.hold), ended)
            return True


def forget_guards(tables: Tables, now: datetime) -> None:
    """Delete what says nothing any more, but for what the next fence would begin below."""
    for key, guard in list(tables.guards.items()):
        held = guard.state is GuardState.HELD and guard.lease_until > now
        if guard.expires_at is not None and guard.expires_at <= now and not held and guard.fence < _first_fence(now):
            tables.guards.drop(key)


def _counts(guard: Guard, now: datetime) -> bool:
    """False when it may be taken."""
    if guard.state is GuardState.HELD:
        return guard.lease_until > now
    return guard.state is GuardState.DONE and (guard.expires_at is None or guard.expires_at > now)


def _next_fence(found: Guard | None, owner: str, now: datetime) -> int:
    if found is None:
        return _first_fence(now)
    return found.fence if found.owner == owner else found.fence + 1


def _first_fence(now: datetime) -> int:
    return int(now.timestamp() * 1_000_000 + 0.5) // 1000


def _own(tables: Tables, hold: GuardHold) -> Guard | None:
    found = tables.guards.get(_key(hold))
    return found if found is not None and (found.owner, found.fence) == (hold.owner, hold.fence) else None


def _key(hold: GuardHold) -> tuple[GuardKind, str, str]:
    return hold.kind, hold.name, hold.period
