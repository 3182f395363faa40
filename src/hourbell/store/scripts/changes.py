"""Looks at what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.change import RunSeen, ScheduleSeen
from hourbell.model.ids import is_run_id
from hourbell.model.schedule import revision_of
from hourbell.store.scripts.script import Script, call

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def see_runs(since: str, ids: Collection[str], limit: int, waiting: int) -> Script[Sequence[RunSeen]]:
    """See `WatchStore.see_runs`; ``waiting``  so many that are queued."""
    rows = yield call("changes.runs", since=since, ids=sorted(filter(is_run_id, ids)), limit=limit, waiting=waiting)
    return [
        RunSeen(
            id=str(row["id"]),
            schedule_id=row["schedule_id"],
            task=row["task"],
            state=row["state"],
            attempt=row["attempt"],
            reason=row["reason"],
        )
        for row in rows
    ]


def see_schedules(since: str, ids: Collection[str], limit: int) -> Script[Sequence[ScheduleSeen]]:
    """See `WatchStore.see_schedules`."""
    rows = yield call("changes.schedules", since=since, ids=sorted(ids), limit=limit)
    return [
        ScheduleSeen(id=row["id"])
        if row["state"] is None
        else ScheduleSeen(
            id=row["id"],
            state=row["state"],
            revision=revision_of(row["version"], row["created_at"]),
            next_fire_at=row["next_fire_at"],
        )
        for row in rows
    ]
