"""How long runs are kept after they ended, by the way they ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from hourbell.model.run_state import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Retention:
    """The age since its end at which a run is deleted: ``every`` state's, unless it has one of its own."""

    every: timedelta
    succeeded: timedelta | None = None
    failed: timedelta | None = None
    cancelled: timedelta | None = None
    skipped: timedelta | None = None

    def of(self, state: RunState) -> timedelta:
        """The age for runs that ended in this state."""
        own: timedelta | None = getattr(self, state.value)
        return self.every if own is None else own

    def __iter__(self) -> Iterator[tuple[RunState, timedelta]]:
        """Each final state with its age."""
        return ((state, self.of(state)) for state in RunState if state.final)


FROM_THE_FIRST: Mapping[RunState, str] = MappingProxyType({})
"""Where a step of pruning begins that leaves nothing out."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a step of pruning did: how many runs it ``deleted``, and of each final state that it found some of the id of
    the last one, up to which it ``reached``. ``is_cut_short``  it has looked at so many that are kept that there may be
    more to delete behind them, and goes on from there."""

    deleted: int
    reached: Mapping[RunState, str] = field(default_factory=lambda: FROM_THE_FIRST)
    is_cut_short: bool = False
