"""The verbs of named calendars."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.errors import Conflict
from hourbell.model.audit import Subject, told_calendar
from hourbell.model.named_calendar import NamedCalendar, missing_calendar, still_named
from hourbell.model.page import Page
from hourbell.store.memory.audit import note
from hourbell.store.memory.handle import Handle

if TYPE_CHECKING:
    from hourbell.model.schedule import Schedule
    from hourbell.store.memory.tables import Tables
    from hourbell.store.protocol import OnConflict


class CalendarVerbs(Handle):
    """`CalendarStore` over the tables."""

    async def put_calendar(self, name: str, spec: str, on_conflict: OnConflict) -> NamedCalendar:
        async with self._transaction() as now:
            calendars = self._tables.calendars
            stored = calendars.get(name)
            if stored is None:
                calendars.put(name, NamedCalendar(name=name, spec=spec, version=1, created_at=now, updated_at=now))
            elif on_conflict == "error":
                raise Conflict(f"calendar {name!r} exists; give on_conflict='update' to change it, or another name")
            elif on_conflict == "update" and stored.spec != spec:
                calendars.put(name, replace(stored, spec=spec, version=stored.version + 1, updated_at=now))
            after = _read(self._tables, name)
            note(self._tables, self._act, Subject.CALENDAR, name, told_calendar(stored), told_calendar(after), now)
            return after

    async def get_calendar(self, name: str) -> NamedCalendar:
        async with self._transaction():
            return _read(self._tables, name)

    async def list_calendars(self, *, cursor: str | None = None, limit: int = 50) -> Page[NamedCalendar]:
        async with self._transaction():
            calendars = self._tables.calendars
            wanted = sorted(name for name in calendars if cursor is None or name > cursor)
            items = tuple(_read(self._tables, name) for name in wanted[:limit])
        return Page(items, items[-1].name if len(wanted) > limit else None)

    async def remove_calendar(self, name: str, *, force: bool = False) -> NamedCalendar:
        async with self._transaction() as now:
            found = _read(self._tables, name)
            users = sorted(one.id for one in self._tables.schedules.values() if name in one.blackout)
            if users and not force:
                raise still_named(name, users)
            self._tables.calendars.drop(name)
            note(self._tables, self._act, Subject.CALENDAR, name, told_calendar(found), None, now)
            return found


def calendars_of(tables: Tables, schedule: Schedule) -> tuple[dict[str, NamedCalendar], str | None]:
    """The stored calendars that a schedule names, and the first name that none has."""
    found = {name: calendar for name in schedule.blackout if (calendar := tables.calendars.get(name)) is not None}
    return found, next((name for name in schedule.blackout if name not in found), None)


def _read(tables: Tables, name: str) -> NamedCalendar:
    found = tables.calendars.get(name)
    if found is None:
        raise missing_calendar(name)
    return found
