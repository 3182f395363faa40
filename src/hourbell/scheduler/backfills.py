"""The verb that runs a schedule for due times that have passed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hourbell.errors import InvalidArguments
from hourbell.model.audit import Action
from hourbell.model.backfill import MOST_FIRES, Backfill, origin_of, refuse_resting
from hourbell.model.ids import new_claim_id
from hourbell.model.named_calendar import cover_of
from hourbell.scheduler.requests import checked_key
from hourbell.scheduler.verbs import Verbs, id_of_schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.model.schedule import Schedule

_BATCH = 500
"""Runs per transaction: the schedule's row is held for milliseconds, so that its own fires are not held up."""

_TICK = timedelta(microseconds=1)
_FIRST_YEAR = 2


class BackfillVerbs(Verbs):
    """Backfills."""

    async def backfill_schedule(
        self,
        id: str,  # noqa: A002 - a public name
        start: datetime,
        end: datetime,
        *,
        key: str | None = None,
        dry_run: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> Backfill:
        """Make a run of the schedule for each of its due times from ``start`` to ``end``, both included.

        Each has its due time as ``fire_at`` and the origin ``backfill:<id>``, whether or not that time has run before;
        what the schedule's blackout covers is left out. They run in order, ``max_running`` (1) at once, behind the
        schedule's own fires: a fire that finds a backfilled run in its way waits for it, whatever ``overlap`` says. A
        pause or the removal of the schedule ends those that have not started.

        ``key``  names the backfill (1 to 200 characters): asking again with it, after a lost answer for one, makes
        only the runs that are not there yet. Without it each call is a backfill of its own. ``dry_run``  answers
        what would be made and makes nothing. ``progress``  is called now and then with how many due times are done.

        Raises NotFound; Conflict when the schedule is paused or undeclared; InvalidArguments when the range is naive,
        reaches into the future or has more than 10,000 due times.
        """
        store = self._core.store
        backfill_id = checked_key(key) or new_claim_id()
        schedule = await store.get_schedule(id_of_schedule(id))
        _check_range(start, end, await store.ping())
        refuse_resting(schedule)
        fires = await self._fires(schedule, start, end)
        made = 0
        if not dry_run:
            for first in range(0, len(fires), _BATCH):
                batch = fires[first : first + _BATCH]
                made += await store.audited(self._core.act(Action.BACKFILL)).backfill(
                    schedule.id, origin_of(backfill_id), batch
                )
                if progress is not None:
                    progress(first + len(batch))
            await self._core.wake(schedule.task, schedule.effective.queue)
        return Backfill(id=backfill_id, schedule_id=schedule.id, start=start, end=end, fires=tuple(fires), made=made)

    async def _fires(self, schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
        closed = cover_of([await self._core.store.get_calendar(name) for name in schedule.blackout])
        fires = schedule.trigger.bound(schedule.id).fires_between(start - _TICK, end, MOST_FIRES + 1)
        if len(fires) > MOST_FIRES:
            raise InvalidArguments(
                f"schedule {schedule.id!r} has more than {MOST_FIRES:,} due times from {start.isoformat()} to "
                f"{end.isoformat()}; backfill shorter ranges, one after the other",
                at="start",
            )
        return [fire.astimezone(UTC) for fire in fires if not closed.covers(fire)]


def _check_range(start: datetime, end: datetime, now: datetime) -> None:
    _check_instant("start", start)
    _check_instant("end", end)
    if start > end:
        raise InvalidArguments(f"start={start.isoformat()} is later than end={end.isoformat()}", at="start")
    if end > now:
        raise InvalidArguments(
            f"end={end.isoformat()} is in the future: a backfill is for due times that have passed", at="end"
        )


def _check_instant(name: str, instant: object) -> None:
    if not isinstance(instant, datetime) or instant.utcoffset() is None:
        raise InvalidArguments(
            f"{name}={instant!r}: give an aware datetime, as in datetime(2030, 1, 1, tzinfo=UTC)", at=name
        )
    if instant.year < _FIRST_YEAR:
        raise InvalidArguments(f"{name}={instant.isoformat()}: give an instant after the year 1", at=name)
