"""A schedule: a task, a trigger, arguments and policies, stored, with its cursor `next_fire_at`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hourbell.model.policies import Policies
from hourbell.triggers import Trigger

if TYPE_CHECKING:
    from collections.abc import Mapping


class ScheduleState(StrEnum):
    """``active`` fires; ``paused`` by an operator; ``finished``: no further fire; ``undeclared``: made by code that no
    live node declares any more."""

    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"
    UNDECLARED = "undeclared"


class Source(StrEnum):
    """Who made the schedule: the application's code, by a decorator, or somebody at run time."""

    CODE = "code"
    CALL = "call"


def revision_of(version: int, created_at: datetime) -> str:
    """See `Schedule.revision`."""
    made = created_at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return f"{version}-{made // timedelta(microseconds=1):x}"


def blackout_of(inherited: Mapping[str, Any], policies: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the calendars in force, whatever else stands there."""
    names = {**inherited, **policies}.get("blackout")
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list | tuple) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule as it was read from the store. Instants are aware UTC.

    ``task`` is the name of its task, ``args`` its arguments as JSON, ``trigger_spec`` its trigger as `Trigger.to_spec`
    writes it. ``state`` is a `ScheduleState`; ``note`` says why it is paused. ``source`` is ``code`` or ``call``.
    ``last_fire_at`` is the last due time that is recorded, whether it ran or not; ``last_skip_id`` and
    ``last_skip_reason`` are of the last that did not. ``version`` counts edits: see `revision`.

    ``next_fire_at`` is the cursor: the first fire that no row records yet. While the schedule does not fire (paused,
    undeclared) it stays where it was, so that what is passed over can be told later. ``resume_at`` is when a pause ends
    by itself. ``policies`` are those given for
    this schedule; ``inherited`` those of its scheduler and task. ``declared`` is what the code last said, so that an
    operator's edit can be told from a change of the code.
    """

    id: str
    task: str
    trigger_spec: Mapping[str, Any]
    args: Mapping[str, Any]
    policies: Mapping[str, Any]
    inherited: Mapping[str, Any]
    state: ScheduleState
    source: Source
    created_at: datetime
    updated_at: datetime
    version: int = 1
    note: str | None = None
    digest: str | None = None
    declared: Mapping[str, Any] | None = None
    next_fire_at: datetime | None = None
    last_fire_at: datetime | None = None
    last_skip_id: str | None = None
    last_skip_reason: str | None = None
    resume_at: datetime | None = None

    @property
    def revision(self) -> str:
        """Changes with every edit, and never comes back, also when the id is removed and made anew. Firing keeps it."""
        return revision_of(self.version, self.created_at)

    @property
    def trigger(self) -> Trigger:
        """The trigger, read from its spec. Raises TriggerError when this version cannot read it."""
        return Trigger.from_spec(self.trigger_spec)

    @property
    def effective(self) -> Policies:
        """Every policy with its value, inheritance resolved."""
        return Policies.layered(self.inherited, self.policies)

    @property
    def blackout(self) -> tuple[str, ...]:
        """The names of the calendars in force. Never raises, whatever other policies this version cannot read."""
        return blackout_of(self.inherited, self.policies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A schedule as code or a caller states it, before it has a cursor. ``trigger`` has a zone but no anchor yet."""

    id: str
    task: str
    trigger: Trigger
    args: Mapping[str, Any]
    policies: Mapping[str, Any]
    inherited: Mapping[str, Any]
    source: Source
    digest: str
    paused: bool = False
    note: str | None = None

    def spoken(self) -> dict[str, Any]:
        """The declaration by field, as JSON: what later declarations are compared with."""
        return {
            "task": self.task,
            "trigger": dict(self.trigger.declared_spec()),
            "args": dict(self.args),
            "policies": dict(self.policies),
        }
