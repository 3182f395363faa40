"""Pauses that end by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.editing import resumed
from hourbell.model.plan import Resumption
from hourbell.store.scripts import overlap
from hourbell.store.scripts.rows import schedule_from
from hourbell.store.scripts.schedules import write_edits
from hourbell.store.scripts.script import Script, call

if TYPE_CHECKING:
    from collections.abc import Collection


def resume_due(limit: int, exclude: Collection[str]) -> Script[Resumption]:
    """See `ScheduleStore.resume_due`."""
    rows = yield call("pauses.lock_over", limit=limit, exclude=list(exclude))
    if not rows:
        return Resumption((), ())
    now = rows[0]["now_at"]
    decided = {row["id"]: resumed(schedule_from(row), now) for row in rows}
    edits = [edit for edit in decided.values() if edit is not None]
    if edits:
        yield from write_edits(edits, rows[0])
        yield from overlap.reconsider([edit.schedule for edit in edits])
    unreadable = tuple(schedule_id for schedule_id, edit in decided.items() if edit is None)
    return Resumption(tuple(edit.schedule for edit in edits), unreadable)
