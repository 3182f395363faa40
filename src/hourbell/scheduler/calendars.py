"""The verbs of named calendars: what schedules refer to in their policy `blackout`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hourbell.errors import InvalidArguments
from hourbell.model.audit import Action
from hourbell.model.policies import checked_name
from hourbell.scheduler.pages import checked_limit, checked_text
from hourbell.scheduler.verbs import Verbs
from hourbell.triggers import Calendar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from hourbell.model.named_calendar import NamedCalendar
    from hourbell.model.page import Page
    from hourbell.store.protocol import OnConflict, StoreVerbs

_ON_CONFLICT = ("update", "keep", "error")


class CalendarVerbs(Verbs):
    """Store, read, change and remove calendars."""

    async def add_calendar(self, name: str, calendar: Calendar, *, on_conflict: OnConflict = "update") -> NamedCalendar:
        """Store a calendar under a name (1 to 100 printable characters) and answer it as stored.

        Schedules that name it follow at once: what becomes due from now on is judged by it. When the name exists:
        ``"update"`` changes the calendar, ``"keep"`` changes nothing, ``"error"`` raises Conflict. A calendar without
        a zone takes the scheduler's. Raises InvalidArguments.
        """
        core = self._core
        if not isinstance(calendar, Calendar):
            raise InvalidArguments(f"give a Calendar, such as Calendar(days=['2030-12-25']), not {calendar!r:.60}")
        if on_conflict not in _ON_CONFLICT:
            raise InvalidArguments(f"on_conflict={on_conflict!r}: choose 'update', 'keep' or 'error'")
        spec = calendar.localized(core.settings.timezone).to_spec()
        text = json.dumps(spec, sort_keys=True, separators=(",", ":"))
        store = core.store.audited(core.act(Action.ADD))
        stored = await store.put_calendar(checked_name("calendar", name), text, on_conflict)
        await core.wake_firing()  # schedules may be waiting for it
        return stored

    async def get_calendar(self, name: str) -> NamedCalendar:
        """The calendar as it is stored. Raises NotFound."""
        return await self._core.store.get_calendar(checked_name("calendar", name))

    async def list_calendars(self, *, cursor: str | None = None, limit: int = 50) -> Page[NamedCalendar]:
        """Calendars in the order of their names, at most ``limit`` (1 to 1000) after ``cursor``.

        The answer is a sequence; its ``next_cursor`` is the ``cursor`` of the next page, None at the end. Raises
        InvalidArguments.
        """
        return await self._core.store.list_calendars(cursor=checked_text("cursor", cursor), limit=checked_limit(limit))

    async def remove_calendar(self, name: str, *, force: bool = False) -> NamedCalendar:
        """Delete the calendar and answer it as it was.

        While schedules name it, Conflict is raised and tells which; with ``force`` it is deleted all the same, and
        they do not fire until it is there again or they no longer name it. Raises NotFound.
        """
        store = self._core.store.audited(self._core.act(Action.REMOVE))
        return await store.remove_calendar(checked_name("calendar", name), force=force)


async def check_blackout(store: StoreVerbs, policies: Mapping[str, Any]) -> None:
    """Refuse policies that name a calendar which is not stored. Raises NotFound."""
    for name in policies.get("blackout") or ():
        await store.get_calendar(name)
