"""What changed between two looks at the database: told to those who watch, and never instead of the lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Kind = Literal["run", "schedule", "node", "reload"]


@dataclass(frozen=True, slots=True)
class Change:
    """Something is otherwise than at the last look: a run, a schedule or a node of this id is in this state now.

    ``state`` is None where it is gone. Of a run ``details`` tell schedule_id, task, attempt and reason; of a schedule
    its revision and next_fire_at. The kind ``reload`` says that more has changed than is told: read the lists again.
    """

    kind: Kind
    id: str = ""
    state: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeen:
    """What a look sees of a run."""

    id: str
    schedule_id: str | None
    task: str
    state: str
    attempt: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSeen:
    """What a look sees of a schedule; the others are None when it is gone."""

    id: str
    state: str | None = None
    revision: str | None = None
    next_fire_at: datetime | None = None
