"""The audit: what somebody did to a schedule, a run or a calendar, who, and what it was before and after."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hourbell.model.ids import new_run_id
from hourbell.redaction import redacted_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hourbell.model.named_calendar import NamedCalendar
    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule

_LONGEST_VALUE = 2_000
_SHOWN_OF_LONG = 200
_OF_RUNS = ("state", "reason", "args", "run_at", "cancel_requested_at")
_OF_SCHEDULES = ("task", "trigger_spec", "args", "policies", "state", "note", "resume_at", "next_fire_at")


class Action(StrEnum):
    """What was done."""

    ADD = "add"
    UPDATE = "update"
    PAUSE = "pause"
    RESUME = "resume"
    REMOVE = "remove"
    TRIGGER = "trigger"
    BACKFILL = "backfill"
    CANCEL = "cancel"
    RETRY = "retry"


class Subject(StrEnum):
    """To what."""

    SCHEDULE = "schedule"
    RUN = "run"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Somebody is about to do this; ``id`` is the client's, so that an act whose answer was lost is noted once."""

    id: str
    action: Action
    actor: str | None = None
    tracking_id: str | None = None

    def another(self, now: datetime) -> Act:
        """The same, done to one more: its entry has an id of its own."""
        return Act(id=new_run_id(now), action=self.action, actor=self.actor, tracking_id=self.tracking_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Something that was done: ``actor`` did ``action`` to ``subject`` ``subject_id`` at ``done_at`` (aware UTC).

    ``before`` and ``after`` are what it changed, as JSON by field, without secrets, each value cut where it is long;
    ``before`` is None where there was nothing yet, ``after`` where nothing is left. ``actor`` is None where nobody said
    who acts; ``tracking_id`` is that of the request.
    """

    id: str
    done_at: datetime
    action: str
    subject: str
    subject_id: str
    actor: str | None = None
    tracking_id: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries a list shows; None means any. ``cursor`` is the id after which the page begins (newest first)."""

    subject: Subject | None = None
    subject_id: str | None = None
    action: Action | None = None
    actor: str | None = None
    tracking_id: str | None = None
    cursor: str | None = None
    limit: int = 50


Values = dict[str, Any]


def told_schedule(schedule: Schedule | None) -> Values | None:
    """What an operator can see changing in a schedule."""
    return _told(schedule, _OF_SCHEDULES)


def told_run(run: Run | None) -> Values | None:
    """What an operator can see changing in a run."""
    return _told(run, _OF_RUNS)


def told_calendar(calendar: NamedCalendar | None) -> Values | None:
    """What an operator can see changing in a calendar."""
    return _told(calendar, ("spec",))


def told_request(run: Run) -> Values:
    """What somebody asked for who triggered a schedule."""
    return {"run_id": run.id, "state": run.state.value, "args": dict(run.args), "key": run.key}


def told_backfill(origin: str, fires: Sequence[datetime], made: int) -> Values:
    """What somebody asked for who backfilled a schedule, and how many runs were made of it."""
    return {"origin": origin, "first": _plain(min(fires)), "last": _plain(max(fires)), "runs": made}


def difference(before: Values | None, after: Values | None) -> tuple[Values | None, Values | None] | None:
    """The fields that differ, as they were and as they are, fit to be kept; None when nothing was changed."""
    if before is None or after is None:
        return None if before is after else (_kept(before), _kept(after))
    names = [name for name in after if before.get(name) != after[name]]
    if not names:
        return None
    return _kept({name: before.get(name) for name in names}), _kept({name: after[name] for name in names})


def _told(thing: object, names: tuple[str, ...]) -> Values | None:
    if thing is None:
        return None
    return {name: _plain(getattr(thing, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.value if isinstance(value, StrEnum) else value


def _kept(values: Values | None) -> Values | None:
    """Without secrets, and no value longer than somebody reads."""
    if values is None:
        return None
    return {name: _short(redacted_values(value)) for name, value in values.items()}


def _short(value: Any) -> Any:
    text = json.dumps(value)
    if len(text) <= _LONGEST_VALUE:
        return value
    return f"{text[:_SHOWN_OF_LONG]}… ({len(text):,} characters)"
