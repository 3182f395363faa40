"""``hourbell schedules show``: everything that is known of one schedule, and why its last due time did not run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hourbell.cli.asking import Where, ask
from hourbell.cli.nearest import or_the_nearest
from hourbell.cli.option_groups import spread
from hourbell.cli.periods import in_utc
from hourbell.cli.schedule_switches import ScheduleId
from hourbell.cli.showing import AsJson, show_fields, show_json, show_paragraph
from hourbell.clock import SystemClock
from hourbell.model.diagnosis import spell
from hourbell.model.last_due import in_zone
from hourbell.model.policies import Policies
from hourbell.model.schedule import ScheduleState

if TYPE_CHECKING:
    from datetime import datetime

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


_WORTH_A_WORD = 5.0
"""Seconds by which clocks may differ before it is said."""


@spread
def show_schedule(id: ScheduleId, where: Where, as_json: AsJson = False) -> None:  # noqa: A002 - as in REST
    """One schedule, and what became of its last due time: whether it ran, and if not, why, and what to do about it."""
    from hourbell.fastapi.reasons import LastDueOut
    from hourbell.fastapi.schemas import ScheduleOut

    schedule, last = ask(where, lambda scheduler: or_the_nearest(scheduler, id, _read(scheduler, id)))
    shown = ScheduleOut.of(schedule).model_dump(mode="json")
    if as_json:
        show_json({**shown, "last_due": LastDueOut.of(last).model_dump(mode="json")})
        return
    show_fields({**shown, "policies": _changed(shown["policies"]), "revision": None})
    _tell(last)
    _tell_what_comes(schedule, last)


async def _read(scheduler: Scheduler, schedule_id: str) -> tuple[Schedule, LastDue]:
    return await scheduler.get_schedule(schedule_id), await scheduler.last_due(schedule_id)


def _tell(last: LastDue) -> None:
    print()
    if last.due_at is None:
        print("no due time has passed yet")
        return
    run = f", run {last.run.id}" if last.run is not None else ""
    show_paragraph(f"last due {in_utc(last.due_at)}{_local(last.local)}: {_BECAME[last.became]}{run}")
    if last.why is not None:
        show_paragraph(f"why: {last.why}", "    ")
    if last.do is not None:
        show_paragraph(f"do: {last.do}", "    ")


def _tell_what_comes(schedule: Schedule, last: LastDue) -> None:
    """When it fires next, and what time it is by the clock that decides: a wrong one shows here."""
    upcoming = schedule.next_fire_at if schedule.state == ScheduleState.ACTIVE else None
    if last.now is None:
        return
    if upcoming is not None and upcoming > last.now:
        show_paragraph(
            f"next due {in_utc(upcoming)}{_local(in_zone(schedule, upcoming))}, in {spell(upcoming - last.now)}"
        )
    show_paragraph(f"it is now {in_utc(last.now.replace(microsecond=0))} by the database's clock{_offset(last.now)}")


def _offset(now: datetime) -> str:
    """By how much this host's clock differs, where it is worth a word: the answer took a moment too."""
    seconds = (SystemClock().now() - now).total_seconds()
    return f"; this host's is {seconds:+.0f} s off" if abs(seconds) > _WORTH_A_WORD else ""


def _local(instant: datetime | None) -> str:
    """The time on the wall of the trigger's zone, where that is another one than UTC."""
    zone = getattr(instant.tzinfo, "key", None) if instant is not None else None
    return f" ({instant:%a %H:%M:%S} {zone})" if instant is not None and zone not in (None, "UTC") else ""


def _changed(policies: Mapping[str, Any]) -> dict[str, Any] | str:
    """Those policies that are not as they are without a word said."""
    usual = Policies().to_spec()
    told = {name: value for name, value in policies.items() if name not in usual or value != usual[name]}
    return told or "as by default"
