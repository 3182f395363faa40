"""Guards: taken, renewed and left, each statement under the owner and the fence of one taking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.model.guard import Guard, GuardHold, GuardKind, GuardState
from hourbell.model.period import ALWAYS
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta

    from hourbell.model.guard import GuardEnd, GuardWish


def take_guard(wish: GuardWish) -> Script[Guard]:
    """See `GuardStore.take_guard`. The present is asked for only where it says which period it is."""
    label = ALWAYS if wish.period.stretch is None else wish.label_at(wish.instant)
    if label is None:
        clock = yield call("clock.read")
        label = wish.period.label(clock[0]["now_at"], wish.zone)
    key = {"kind": wish.kind.value, "name": wish.name, "period": label}
    while True:
        rows = yield call("guards.take", **key, owner=wish.owner, lease=wish.lease, keep=wish.keep)
        if not rows:
            rows = yield call("guards.look", **key)
        if rows:  # else it was left between the two
            return guard_from(rows[0])


def look_at_guard(kind: GuardKind, name: str, period: str) -> Script[Guard | None]:
    """See `GuardStore.look_at_guard`."""
    rows = yield call("guards.look", kind=kind.value, name=name, period=period)
    return guard_from(rows[0]) if rows else None


def renew_guards(holds: Sequence[GuardHold], lease: timedelta) -> Script[Collection[str]]:
    """See `GuardStore.renew_guards`."""
    rows = yield batch("guards.renew", [_values(hold) for hold in sorted(holds, key=_order)], lease=lease)
    return {row["owner"] for row in rows}


def end_guard(end: GuardEnd) -> Script[bool]:
    """See `GuardStore.end_guard`. Without a row it is looked whether this has been written before."""
    values = _values(end.hold)
    rows = yield call("guards.end", **values, state=end.state.value, result=end.result, error=end.error, keep=end.keep)
    if rows:
        return True
    found = yield call("guards.get", kind=values["kind"], name=values["name"], period=values["period"])
    return bool(found) and (found[0]["owner"], found[0]["fence"], found[0]["state"]) == (
        end.hold.owner,
        end.hold.fence,
        end.state.value,
    )


def guard_from(row: Row) -> Guard:
    """A row of ``guards``."""
    return Guard(
        kind=GuardKind(row["kind"]),
        name=row["name"],
        period=row["period"],
        state=GuardState(row["state"]),
        owner=row["owner"],
        fence=row["fence"],
        lease_until=row["lease_until"],
        taken_at=row["taken_at"],
        ended_at=row["ended_at"],
        expires_at=row["expires_at"],
        result=row["result"],
        error=row["error"],
    )


def _values(hold: GuardHold) -> dict[str, Any]:
    return {
        "kind": hold.kind.value,
        "name": hold.name,
        "period": hold.period,
        "owner": hold.owner,
        "fence": hold.fence,
    }


def _order(hold: GuardHold) -> tuple[str, str, str]:
    return hold.kind.value, hold.name, hold.period
