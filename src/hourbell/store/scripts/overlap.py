"""Turns among the runs of one schedule: counting them, letting those go that wait for nothing any more.

All of it happens under the schedule's row. Only who ends a run need not hold that row: the run itself says that
somebody waits for it (``awaited``, written under the run's own lock), and the next one is let go right after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.model.jitter import start_in_turn
from hourbell.model.overlap import Unfinished, turns_of
from hourbell.store.scripts.rows import ended_from, schedule_from
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule

MOST_AT_ONCE = 100
"""Schedules that one part of a sweep looks at: each may have thousands that wait, and is locked meanwhile."""


def unfinished(ids: Collection[str]) -> Script[dict[str, Unfinished]]:
    """Count the unfinished runs of locked schedules; one that has none is not in the answer."""
    rows = yield call("overlap.count", ids=sorted(ids))
    return {row["schedule_id"]: _unfinished_from(row) for row in rows}


def take_turns(schedules: Mapping[str, Schedule | None]) -> Script[int]:
    """Let go who need not wait any more, and answer how many. None stands for a schedule that is gone.

    The order matters: an end that comes before the announcement is not counted after it, one that comes later reads
    the announcement and calls `release`.
    """
    yield call("overlap.announce", ids=sorted(schedules))
    counted = yield from unfinished(schedules)
    rows = []
    for schedule_id in sorted(counted):
        allowed = turns_of(schedules[schedule_id], counted[schedule_id])
        if allowed.due or allowed.put_off:
            rows.append({"id": schedule_id, "due": allowed.due, "put_off": allowed.put_off})
    released = yield batch("overlap.release", rows)
    yield batch("overlap.delay", _put_off(released, schedules))
    return len(released)


def release(ids: Collection[str]) -> Script[int]:
    """Lock these schedules, then as `take_turns`: what follows the end of an awaited run, in a transaction of its own.

    A transaction of its own, since runs are locked after schedules. When it does not come about, the sweep of the next
    rescue does the same.
    """
    locked = yield call("schedules.lock", ids=sorted(ids))
    found: dict[str, Schedule | None] = dict.fromkeys(ids)
    found.update((row["id"], schedule_from(row)) for row in locked)
    return (yield from take_turns(found))


def sweep(after: str) -> Script[tuple[int, str | None]]:
    """Let go whoever waits for nothing, wherever that was missed, among the next schedules by their ids. Answers how
    many, and the last of these schedules where there are more."""
    rows = yield call("overlap.waiting", after=after, limit=MOST_AT_ONCE)
    if not rows:
        return 0, None
    ids = [row["schedule_id"] for row in rows]
    released = yield from release(ids)
    return released, ids[-1] if len(ids) == MOST_AT_ONCE else None


def reconsider(schedules: Sequence[Schedule]) -> Script[None]:
    """After a change of locked schedules: their policies may let more go, or what was waited for has ended with it."""
    counted = yield from unfinished([schedule.id for schedule in schedules])
    waited = {key for key, others in counted.items() if others.waiting or others.put_off}
    if waited:
        yield from take_turns({schedule.id: schedule for schedule in schedules if schedule.id in waited})


def displace(schedule: Schedule, run_id: str) -> Script[tuple[Run, ...]]:
    """Ask all but the newest ``max_running`` runs of a locked schedule to make way for this one of them. Answers those
    that have ended for it."""
    rows = yield call("overlap.displace", id=schedule.id, keep=schedule.effective.max_running, run_id=run_id)
    return ended_from(rows)


def _put_off(released: Sequence[Row], schedules: Mapping[str, Schedule | None]) -> list[dict[str, Any]]:
    """When those that have their turn may start, where their schedules put starts off."""
    starts = (
        (row, start_in_turn(schedules[row["schedule_id"]], row["origin"], row["fire_at"], row["attempt"]))
        for row in released
    )
    return [{"id": str(row["id"]), "run_at": start} for row, start in starts if start is not None]


def _unfinished_from(row: Row) -> Unfinished:
    return Unfinished(
        total=row["total"],
        waiting=row["waiting"],
        backfilling=row["backfilling"],
        put_off=row["put_off"],
        newest=str(row["newest"]) if row["newest"] is not None else None,
    )
