"""Lists of runs, a page at a time: however rare what is asked for is, none reads more than so much of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.model.ids import GREATEST_RUN_ID
from hourbell.model.page import Page
from hourbell.model.run_state import RunState
from hourbell.store.scripts.rows import run_from
from hourbell.store.scripts.script import Row, Script, call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hourbell.model.run import Run, RunFilter

MOST_READ = 20_000
"""Runs that are looked at for one page, each of them perhaps from another place of the disk. A page that is not full
then ends there."""

SOON = 1_000
"""Of so many the page is mostly full; SQLite sorts all that it has looked at."""

_BY_INDEX: Mapping[str, str | None] = {
    "": None,
    "_aside": "state",
    "_of_schedule": "schedule_id",
    "_tracked": "tracking_id",
}
"""What each of the statements finds without looking at anything else."""


def list_runs(wanted: RunFilter) -> Script[Page[Run]]:
    """See `RunStore.list_runs`."""
    if wanted.state in (RunState.QUEUED, RunState.RUNNING) and wanted.tracking_id is None:
        return (yield from _list_unfinished(wanted))
    name, asked = _list_of(wanted), _asked(wanted)
    more = wanted.limit + 1
    if not _is_narrowed(asked, _BY_INDEX[name]):
        return _page((yield call(f"runs.list{name}", **asked, most=more, limit=more)), wanted, None)
    rows: Sequence[Row] = ()
    for most in (min(SOON, MOST_READ), MOST_READ):
        rows = yield call(f"runs.list{name}", **asked, most=most, limit=more)
        if _is_certain(rows, wanted):
            return _page(rows, wanted, None)
    # Half as many, in a look of its own: these were looked at, whatever was deleted in between.
    place = yield call(f"runs.seen{name}", **asked, most=MOST_READ // 2)
    return _page(rows, wanted, str(place[0]["id"]) if place else None)


def _list_unfinished(wanted: RunFilter) -> Script[Page[Run]]:
    """What has not ended is no history. The newest that wait are mostly among the newest of all; else all of them are
    looked at, as all that run are."""
    asked, more = _asked(wanted), wanted.limit + 1
    rows: Sequence[Row] = ()
    if wanted.state is RunState.QUEUED and wanted.schedule_id is None:
        rows = yield call("runs.list", **asked, most=SOON, limit=more)
    if len(rows) < more:
        rows = yield call(f"runs.list_{wanted.state}", **asked, limit=more)
    return _page(rows, wanted, None)


def _page(rows: Sequence[Row], wanted: RunFilter, end: str | None) -> Page[Run]:
    """Of these rows, as far as there was nothing left out."""
    seen = [row for row in rows if end is None or str(row["id"]) >= end]
    items = tuple(run_from(row) for row in seen[: wanted.limit])
    return Page(items, items[-1].id if len(seen) > wanted.limit else end)


def _list_of(wanted: RunFilter) -> str:
    """The statements that read the least for this: each goes by an index of its own."""
    if wanted.tracking_id is not None:
        return "_tracked"
    if wanted.state in (RunState.FAILED, RunState.CANCELLED, RunState.SKIPPED):
        return "_aside"
    return "_of_schedule" if wanted.schedule_id is not None else ""


def _asked(wanted: RunFilter) -> dict[str, Any]:
    return {
        "schedule_id": wanted.schedule_id,
        "task": wanted.task,
        "state": wanted.state.value if wanted.state is not None else None,
        "tracking_id": wanted.tracking_id,
        "reason": wanted.reason,
        "error": wanted.error,
        "since": wanted.since,
        "until": wanted.until,
        "cursor": wanted.cursor if wanted.cursor is not None else GREATEST_RUN_ID,
    }


def _is_narrowed(asked: Mapping[str, Any], by_index: str | None) -> bool:
    """Whether there is anything by which a run that was looked at can be none of these."""
    return any(value is not None for name, value in asked.items() if name not in ("cursor", by_index))


def _is_certain(rows: Sequence[Row], wanted: RunFilter) -> bool:
    """Whether nothing that was not looked at could stand before the last of these. What has not ended of a schedule is
    looked at however old it is."""
    return len(rows) > wanted.limit and (wanted.schedule_id is None or RunState(rows[-1]["state"]).final)
