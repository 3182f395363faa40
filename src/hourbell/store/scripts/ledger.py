"""Writing fires and skips of one schedule in their order, so that skips for one reason in a row grow one row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hourbell.model.ids import new_run_id
from hourbell.model.plan import FirePlan, PlannedRun, PlannedSkip
from hourbell.model.schedule import Schedule
from hourbell.store.scripts.rows import fire_values, skip_values
from hourbell.store.scripts.script import Row, Script, batch


@dataclass(slots=True)
class Ledger:
    """Gathers the rows of many schedules, to be written in one statement each for inserting and growing."""

    now: datetime
    inserts: list[dict[str, Any]] = field(default_factory=list)
    growths: list[dict[str, Any]] = field(default_factory=list)

    def record(self, schedule: Schedule, plan: FirePlan) -> tuple[str | None, str | None]:
        """Note what the plan decided; the answer is what the schedule's last recorded skip is from now on."""
        last_id, last_reason = schedule.last_skip_id, schedule.last_skip_reason
        for item in _in_order(plan):
            if isinstance(item, PlannedRun):
                values = fire_values(schedule, new_run_id(self.now))
                values.update(fire_at=item.fire_at, run_at=item.run_at, start_by=item.start_by)
                self.inserts.append(values)
                last_id = last_reason = None
            else:
                last_id = self.skip(schedule, item, last_id, last_reason)
                last_reason = item.reason.value
        return last_id, last_reason

    def skip(self, schedule: Schedule, skip: PlannedSkip, last_id: str | None, last_reason: str | None) -> str:
        """Note one skip, growing the last recorded row when that was a skip for the same reason. Answers its row."""
        if last_id is not None and last_reason == skip.reason.value:
            growth = {"id": last_id, "covers_until": skip.covers_until, "covers_count": skip.covers_count}
            self.growths.append(growth)
            return last_id
        run_id = new_run_id(self.now)
        self.inserts.append(skip_values(schedule, skip, run_id))
        return run_id

    def write(self) -> Script[Sequence[Row]]:
        """Insert and grow; the answer are the rows that were inserted, not those recorded before."""
        inserted = yield batch("runs.insert", self.inserts)
        yield batch("runs.grow", self.growths)
        return inserted


def _in_order(plan: FirePlan) -> Iterable[PlannedRun | PlannedSkip]:
    items: list[PlannedRun | PlannedSkip] = [*plan.runs, *plan.skips]
    return sorted(items, key=lambda item: item.fire_at)
