"""Guards taken out of the engine and of the memory store, to see that a simulation notices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from hourbell.engine.comparing import Comparing
from hourbell.engine.neighbours import Neighbours
from hourbell.engine.trust import Trust
from hourbell.model.run import Run, Settlement
from hourbell.model.run_state import RunState
from hourbell.model.schedule import ScheduleState
from hourbell.store.memory import claims, endings, ledger, schedules


def trusts_for_ever() -> None:
    """A node that stood still goes on as if nothing had been."""
    Trust.holds = lambda _: True  # type: ignore[method-assign]
    Trust.holds_at = lambda *_: True  # type: ignore[method-assign]


def forgets_what_is_under_way() -> None:
    """What an answer brings that is late was handed back before."""
    Comparing._in_flight = property(lambda _: set(), lambda _, __: None)  # type: ignore[assignment]


def hears_zombies() -> None:
    """A report counts whoever has the run by now."""
    heard = endings.settle

    def settle(tables: Any, node_id: str, settlement: Settlement, now: datetime) -> RunState | None:
        run = tables.runs.get(settlement.run_id)
        if run is not None and run.state is RunState.RUNNING:
            node_id, settlement = run.node_id, replace(settlement, attempt=run.attempt)
        return heard(tables, node_id, settlement, now)

    claims.settle = settle


def forgets_who_was_asked_to_end() -> None:
    """What somebody asked to end is tried again all the same."""
    endings._becomes = lambda _, settlement: settlement.state  # type: ignore[assignment]
    handed_on = endings._hand_on

    def hand_on(tables: Any, ended: Run, now: datetime, *, spent: bool) -> RunState:
        return handed_on(tables, replace(ended, cancel_requested_at=None), now, spent=spent)

    endings._hand_on = hand_on


def a_pause_leaves_what_is_queued() -> None:
    """Fires that were queued before the pause are not ended by it, nor those recorded while it lasts."""
    ledger.end_queued = lambda *_: None
    was_due = schedules._due

    def due(tables: Any, now: datetime, exclude: Any) -> Any:
        paused = [one for one in tables.schedules.values() if one.state is ScheduleState.PAUSED]
        for one in paused:
            tables.schedules.put(one.id, replace(one, state=ScheduleState.ACTIVE))
        found = was_due(tables, now, exclude)
        for one in paused:
            tables.schedules.put(one.id, one)
        return found

    schedules._due = due


def gives_by_name_whoever_has_it() -> None:
    """A run that a hint named is given to each node that asks for it."""
    claims._is_usual = lambda run, hint, now: not run.state.final


def looks_at_no_neighbour() -> None:
    """Nodes of one machine wait for each other's leases, as all others do."""
    Neighbours.gone = lambda *_: {}  # type: ignore[method-assign]


SABOTAGES: dict[str, tuple[Callable[[], None], str]] = {
    one.__name__: (one, hazards)
    for one, hazards in (
        (trusts_for_ever, "standstills"),
        (forgets_what_is_under_way, "standstills"),
        (hears_zombies, "standstills"),
        (forgets_who_was_asked_to_end, "everything"),
        (a_pause_leaves_what_is_queued, "kills"),
        (looks_at_no_neighbour, "kills"),
        (gives_by_name_whoever_has_it, "kills"),
    )
}
"""Each with what has to go wrong for it to be seen."""
