"""What bodies say while they run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.errors import NotFound
from hourbell.model.run_state import RunState
from hourbell.store.memory.handle import Handle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hourbell.model.log_line import LogBound, LogLine, Place
    from hourbell.model.progress import ProgressReport


class LogVerbs(Handle):
    """`LogStore` over the tables."""

    async def note_progress(self, node_id: str, reports: Sequence[ProgressReport]) -> None:
        async with self._transaction():
            for report in reports:
                run = self._tables.runs.get(report.run_id)
                fence = (RunState.RUNNING, node_id, report.progress.attempt)
                if run is not None and (run.state, run.node_id, run.attempt) == fence:
                    self._tables.write_run(replace(run, progress=report.progress))

    async def add_logs(self, lines: Sequence[LogLine], bounds: Sequence[LogBound] = ()) -> None:
        async with self._transaction():
            logs: dict[str, dict[Place, LogLine]] = {}
            for line in lines:
                log = logs.setdefault(line.run_id, dict(self._tables.logs.get(line.run_id) or {}))
                log.setdefault((line.attempt, line.number), line)
            for bound in bounds:
                log = logs.get(bound.run_id) or dict(self._tables.logs.get(bound.run_id) or {})
                logs[bound.run_id] = {place: line for place, line in log.items() if _kept(place, bound)}
            for run_id, log in logs.items():
                if run_id in self._tables.runs:
                    self._tables.logs.put(run_id, log)

    async def list_logs(self, run_id: str, *, attempt: int | None, after: Place, limit: int) -> Sequence[LogLine]:
        async with self._transaction():
            if run_id not in self._tables.runs:
                raise NotFound(f"there is no run {run_id!r}; it may have been pruned, list_runs() shows those kept")
            log: Mapping[Place, LogLine] = self._tables.logs.get(run_id) or {}
            places = sorted(place for place in log if place > after and attempt in (None, place[0]))
            return [log[place] for place in places[:limit]]


def _kept(place: Place, bound: LogBound) -> bool:
    attempt, number = place
    return attempt >= bound.first_attempt and not (attempt == bound.attempt and number < bound.first_number)
