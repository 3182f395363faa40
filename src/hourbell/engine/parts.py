"""What every room of the engine needs, handed in by the node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hourbell.engine.process_table import ProcessTable
from hourbell.engine.stuck import Stuck

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hourbell.clock import Clock
    from hourbell.engine.timekeeping import Timekeeper
    from hourbell.engine.troubles import Troubles
    from hourbell.events import Events
    from hourbell.model.schedule import Declaration
    from hourbell.settings import Settings
    from hourbell.task import TaskRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Shared by both threads of a node; each of these may be used from either.

    ``defaults`` are the scheduler's policies, which hold for every task that says nothing else.
    """

    clock: Clock
    settings: Settings
    tasks: TaskRegistry
    events: Events
    declarations: Callable[[], Sequence[Declaration]]
    timekeeper: Timekeeper
    troubles: Troubles
    defaults: Mapping[str, Any] = field(default_factory=dict)
    stuck: Stuck = field(default_factory=Stuck)
    processes: ProcessTable = field(default_factory=ProcessTable)
