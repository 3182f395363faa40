"""How an attempt ends: by its node's report, with its node, or handed back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.model.run import Attempt, Run, Settlement
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.store.memory.rows import read_result
from hourbell.store.memory.turns import pass_on

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.store.memory.tables import Tables


def settle(tables: Tables, node_id: str, settlement: Settlement, now: datetime) -> RunState | None:
    """Write one settlement and answer what the run became; None when the attempt is not this node's any more."""
    run = tables.runs.get(settlement.run_id)
    if run is None:
        return None
    if (run.state, run.node_id, run.attempt) != (RunState.RUNNING, node_id, settlement.attempt):
        return _written(tables, run, node_id, settlement)
    state = _becomes(run, settlement)
    reported = replace(
        run,
        reason=run.reason or Reason.CANCELLED if state is RunState.CANCELLED else None,
        started_at=settlement.started_at or run.started_at,
        finished_at=settlement.finished_at or now,
        outcome=settlement.outcome,
        error=settlement.error,
        failures=run.failures + settlement.failed,
    )
    if state is RunState.QUEUED:
        is_back = settlement.outcome is Outcome.HANDED_BACK and not settlement.delay
        requeue(tables, reported, _place(run, now) if is_back else now + settlement.delay)
    else:
        tables.claims.drop(run.id)
        tables.write_run(replace(reported, state=state, result=read_result(settlement.result)))
        pass_on(tables, run, now)
    return state


def _place(run: Run, now: datetime) -> datetime:
    """From when a run is due that goes back: as it was, unless the clock has gone back."""
    return min(run.run_at, now) if run.run_at is not None else now


def _becomes(run: Run, settlement: Settlement) -> RunState:
    """What somebody asked to end is not queued again; what ended by itself did so."""
    unwanted = run.cancel_requested_at is not None
    if unwanted and (settlement.state is RunState.QUEUED or settlement.outcome is Outcome.CANCELLED):
        return RunState.CANCELLED
    return settlement.state


def lose(tables: Tables, run: Run, now: datetime) -> RunState:
    """The node of this running run is gone: queue the run again, fail it, or cancel it where that was asked."""
    lost = replace(run, losses=run.losses + 1, finished_at=now, outcome=Outcome.LOST, error=None)
    return _hand_on(tables, lost, now, spent=lost.losses >= run.lost_limit)


def hand_back(tables: Tables, run: Run, now: datetime) -> RunState:
    """Its node leaves this running run behind: as `lose`, but nothing is counted against it."""
    return _hand_on(tables, replace(run, finished_at=now, outcome=Outcome.HANDED_BACK, error=None), now, spent=False)


def _hand_on(tables: Tables, ended: Run, now: datetime, *, spent: bool) -> RunState:
    if ended.cancel_requested_at is not None:
        tables.claims.drop(ended.id)
        tables.write_run(replace(ended, state=RunState.CANCELLED, reason=ended.reason or Reason.CANCELLED))
        pass_on(tables, ended, now)
        return RunState.CANCELLED
    # Whether the body had begun is not known here: a run that may start at most once must not start again.
    if ended.on_lost != "fail" and not spent:
        requeue(tables, ended, _place(ended, now) if ended.outcome is Outcome.HANDED_BACK else now)
        return RunState.QUEUED
    error = "lost with its node" if ended.losses <= 1 else f"lost with its node {ended.losses} times"
    tables.claims.drop(ended.id)
    tables.write_run(replace(ended, state=RunState.FAILED, reason=Reason.LOST, error=error))
    pass_on(tables, ended, now)
    return RunState.FAILED


def requeue(tables: Tables, ended: Run, run_at: datetime | None) -> None:
    """Keep the attempt that ended, which stands in the run's own row, and queue the run; the number stays used.

    How it ended (outcome, error) stays to be seen in the row until the next attempt begins. Without ``run_at`` it waits
    for its turn.
    """
    if ended.node_id is not None and ended.outcome is not None and ended.finished_at is not None:
        attempt = Attempt(
            run_id=ended.id,
            attempt=ended.attempt,
            node_id=ended.node_id,
            started_at=ended.started_at,
            finished_at=ended.finished_at,
            outcome=Outcome(ended.outcome),
            error=ended.error,
        )
        tables.add_attempt(attempt)
    tables.claims.drop(ended.id)
    queued = replace(
        ended,
        state=RunState.QUEUED,
        reason=None,
        run_at=run_at,
        node_id=None,
        started_at=None,
        finished_at=None,
        result=None,
    )
    tables.write_run(queued)


def _written(tables: Tables, run: Run, node_id: str, settlement: Settlement) -> RunState | None:
    """What the run became when this very report was written before and only its answer was lost, else None.

    The outcome is compared too: a rescue or a retirement ends an attempt in its node's name, and what the node
    reports after that was not written.
    """
    said = (node_id, settlement.attempt, settlement.outcome)
    if run.state.final and (run.node_id, run.attempt, run.outcome) == said:
        return run.state
    ended = tables.attempts.get(run.id) or ()
    return settlement.state if any((one.node_id, one.attempt, one.outcome) == said for one in ended) else None
