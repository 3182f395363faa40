"""``hourbell schedules show``: everything that is known of one schedule, and why its last due time did not run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hourbell.cli.asking import Database, ask
from hourbell.cli.periods import in_utc
from hourbell.cli.schedule_switches import ScheduleId
from hourbell.cli.showing import AsJson, show_fields, show_json, show_paragraph

if TYPE_CHECKING:
    from hourbell import Schedule, Scheduler
    from hourbell.model.last_due import LastDue

_BECAME: Mapping[str, str] = {
    "ran": "ran",
    "running": "is running",
    "waits": "waits to begin",
    "failed": "failed",
    "skipped": "was skipped",
    "passed_over": "was passed over",
    "overdue": "has not been fired",
    "cancelled": "was cancelled",
    "none": "no record",
}


def show_schedule(id: ScheduleId, database: Database = None, as_json: AsJson = False) -> None:  # noqa: A002 - as in REST
    """One schedule, and what became of its last due time: whether it ran, and if not, why, and what to do about it."""
    from hourbell.fastapi.schemas import ScheduleOut

    schedule, last = ask(database, lambda scheduler: _read(scheduler, id))
    shown = ScheduleOut.of(schedule).model_dump(mode="json")
    if as_json:
        show_json({**shown, "last_due": _shape(last)})
        return
    show_fields(shown)
    _tell(last)


async def _read(scheduler: Scheduler, schedule_id: str) -> tuple[Schedule, LastDue]:
    return await scheduler.get_schedule(schedule_id), await scheduler.last_due(schedule_id)


def _tell(last: LastDue) -> None:
    print()
    if last.due_at is None:
        print("no due time has passed yet")
        return
    run = f", run {last.run.id}" if last.run is not None else ""
    show_paragraph(f"last due {in_utc(last.due_at)}: {_BECAME[last.became]}{run}")
    if last.why is not None:
        show_paragraph(f"why: {last.why}", "    ")
    if last.do is not None:
        show_paragraph(f"do: {last.do}", "    ")


def _shape(last: LastDue) -> dict[str, Any]:
    return {
        "due_at": None if last.due_at is None else in_utc(last.due_at),
        "became": last.became,
        "run_id": None if last.run is None else last.run.id,
        "why": last.why,
        "do": last.do,
    }
