"""The end of what is queued of a schedule that is paused or removed: however much it is, no statement grows with it.

The transaction that decides it ends as many as one statement may, and notes down where there are more. The rest ends in
transactions of their own, each under the schedule's lock: by the verb, which answers after the last, and by whoever
looks next where the verb did not come that far.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hourbell.store.scripts import overlap
from hourbell.store.scripts.rows import ended_from, schedule_from
from hourbell.store.scripts.script import Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hourbell.model.run import Run
    from hourbell.store.scripts.script import Row

MOST_AT_ONCE = 2_000
"""Runs that end in one transaction."""

MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Ending:
    """The runs that have ended, and the reason for which there are more to end; None: there are none."""

    runs: tuple[Run, ...] = ()
    left: str | None = None


NOTHING = Ending()


def begin(schedule_id: str, reason: str) -> Script[Ending]:
    """In the transaction that decides it, of a locked schedule."""
    ended = yield from _end(schedule_id, reason, None)
    if len(ended) < MOST_AT_ONCE:
        return Ending(ended_from(ended))
    yield call("endings.note", id=schedule_id, reason=reason)
    return Ending(ended_from(ended), reason)


def go_on(schedule_id: str, reason: str) -> Script[Ending]:
    """In a transaction after that."""
    locked = yield call("schedules.lock", ids=[schedule_id])
    noted = yield call("endings.begin", id=schedule_id, reason=reason)
    if not noted:
        return NOTHING
    ended = yield from _end(schedule_id, reason, noted[0]["until_at"])
    if len(ended) >= MOST_AT_ONCE:
        return Ending(ended_from(ended), reason)
    yield call("endings.done", id=schedule_id, reason=reason)
    if locked:
        yield from overlap.reconsider([schedule_from(locked[0])])
    return Ending(ended_from(ended))


def date(ids: Sequence[str]) -> Script[None]:
    """These make runs again, or for the first time: none of those that an earlier pause or removal has yet to end."""
    yield batch("endings.date", [{"id": schedule_id} for schedule_id in ids])


def pending() -> Script[Sequence[tuple[str, str]]]:
    """The schedules and reasons of what verbs have left behind, or are at."""
    rows = yield call("endings.list", limit=MOST_LISTED)
    return [(row["schedule_id"], row["reason"]) for row in rows]


def _end(schedule_id: str, reason: str, until: datetime | None) -> Script[Sequence[Row]]:
    return (yield call("endings.end", id=schedule_id, reason=reason, until=until, limit=MOST_AT_ONCE))
