"""Looks at what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.audit import Subject
from hourbell.model.change import RunSeen, ScheduleSeen
from hourbell.model.run_state import RunState
from hourbell.store.memory.handle import Handle

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class WatchVerbs(Handle):
    """`WatchStore` over the tables."""

    async def see_runs(
        self, since: str, ids: Collection[str], limit: int, *, waiting: bool = False
    ) -> Sequence[RunSeen]:
        async with self._transaction():
            tables = self._tables
            newest = sorted((run_id for run_id in tables.runs if run_id >= since), reverse=True)[:limit]
            told = self._told(Subject.RUN, since, limit)
            running = [run.id for run in tables.unfinished() if run.state is RunState.RUNNING][:limit]
            queued = [run.id for run in tables.unfinished() if waiting and run.state is RunState.QUEUED][:limit]
            found = [tables.runs.get(run_id) for run_id in dict.fromkeys([*newest, *told, *running, *queued, *ids])]
            return [
                RunSeen(
                    id=run.id,
                    schedule_id=run.schedule_id,
                    task=run.task,
                    state=run.state.value,
                    attempt=run.attempt,
                    reason=run.reason,
                )
                for run in found
                if run is not None
            ]

    async def see_schedules(self, since: str, ids: Collection[str], limit: int) -> Sequence[ScheduleSeen]:
        async with self._transaction():
            told = self._told(Subject.SCHEDULE, since, limit)
            seen = []
            for schedule_id in dict.fromkeys([*ids, *told]):
                schedule = self._tables.schedules.get(schedule_id)
                if schedule is None:
                    seen.append(ScheduleSeen(id=schedule_id))
                    continue
                seen.append(
                    ScheduleSeen(
                        id=schedule_id,
                        state=schedule.state.value,
                        revision=schedule.revision,
                        next_fire_at=schedule.next_fire_at,
                    )
                )
            return seen

    def _told(self, subject: Subject, since: str, limit: int) -> Sequence[str]:
        """What the newest entries of the audit tell of."""
        entries = sorted((entry for entry in self._tables.audit.values() if entry.id >= since), key=lambda e: e.id)
        return [entry.subject_id for entry in entries[::-1][:limit] if entry.subject == subject]
