"""Named calendars: stored, changed and removed, and handed to the planner of whoever names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.errors import Conflict, NotFound
from hourbell.model.named_calendar import NamedCalendar, missing_calendar, still_named
from hourbell.model.stored_json import mapping_from
from hourbell.store.scripts.script import Row, Script, call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hourbell.model.schedule import Schedule
    from hourbell.store.protocol import OnConflict


def put_calendar(name: str, spec: str, on_conflict: OnConflict) -> Script[NamedCalendar]:
    """See `CalendarStore.put_calendar`."""
    while True:
        inserted = yield call("calendars.insert", name=name, spec=spec)
        if not inserted and on_conflict == "error":
            raise Conflict(f"calendar {name!r} exists; give on_conflict='update' to change it, or another name")
        if not inserted and on_conflict == "update":
            yield call("calendars.write", name=name, spec=spec)
        try:
            return (yield from get_calendar(name))
        except NotFound:  # it was there, and somebody has removed it since: add it after all
            continue


def get_calendar(name: str) -> Script[NamedCalendar]:
    """See `CalendarStore.get_calendar`."""
    rows = yield call("calendars.get", name=name)
    if not rows:
        raise missing_calendar(name)
    return calendar_from(rows[0])


def remove_calendar(name: str, *, force: bool) -> Script[NamedCalendar]:
    """See `CalendarStore.remove_calendar`."""
    found = yield from get_calendar(name)
    if not force:
        rows = yield call("calendars.naming")
        users = [
            row["id"] for row in rows if name in _named(mapping_from(row["policies"]), mapping_from(row["inherited"]))
        ]
        if users:
            raise still_named(name, users)
    yield call("calendars.delete", name=name)
    return found


def calendars_of(schedules: Sequence[Schedule]) -> Script[Mapping[str, NamedCalendar]]:
    """Those that these schedules name, by name. Asked in a statement of its own: an edit that is committed counts."""
    names = sorted({name for schedule in schedules for name in schedule.blackout})
    if not names:
        return {}
    rows = yield call("calendars.named", names=names)
    return {row["name"]: calendar_from(row) for row in rows}


def calendar_from(row: Row) -> NamedCalendar:
    """A row of ``calendars``."""
    return NamedCalendar(
        name=row["name"],
        spec=row["spec"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _named(policies: Mapping[str, object], inherited: Mapping[str, object]) -> Sequence[str]:
    names = {**inherited, **policies}.get("blackout")
    return names if isinstance(names, list) else ()
