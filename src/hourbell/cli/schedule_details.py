"""``hourbell schedules show``: everything that is known of one schedule."""

from __future__ import annotations

from hourbell.cli.asking import Database, ask
from hourbell.cli.schedule_switches import ScheduleId
from hourbell.cli.showing import AsJson, show_fields, show_json


def show_schedule(id: ScheduleId, database: Database = None, as_json: AsJson = False) -> None:  # noqa: A002 - as in REST
    """One schedule, as it is stored."""
    from hourbell.fastapi.schemas import ScheduleOut

    schedule = ask(database, lambda scheduler: scheduler.get_schedule(id))
    shown = ScheduleOut.of(schedule).model_dump(mode="json")
    if as_json:
        show_json(shown)
        return
    show_fields(shown)
