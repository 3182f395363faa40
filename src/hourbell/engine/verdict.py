"""What a body's end means for its run. Pure: from the ending to the settlement. Instants are seconds since 1970."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.errors import ResultRejected
from hourbell.executors.describing import describe
from hourbell.executors.protocol import How
from hourbell.model.retry import GaveUp, RetryLater, parts_of
from hourbell.model.run import Settlement
from hourbell.model.run_state import Outcome, RunState

if TYPE_CHECKING:
    from hourbell.executors.protocol import Ending
    from hourbell.model.policies import Policies
    from hourbell.model.run import Run

LONGEST_WAIT = 10 * 366 * 86400.0
"""Seconds that a body may ask to wait: what it asks beyond that could leave the calendar, and no node could read it."""

REFUSED = "the database refused to record how the body ended"
"""How the error of a run begins whose report was refused for its data."""


def succeeded(run: Run, result: str | None, started: float | None, finished: float) -> Settlement:
    """The body returned; ``result`` is its value as JSON text."""
    return Settlement.success(run.id, run.attempt, result, started, finished)


def failed(run: Run, policies: Policies, ending: Ending, started: float | None, finished: float) -> Settlement:
    """The body raised or took too long: tried again while the retry policy wants that, else failed for good."""
    timed_out = ending.how is How.TIMED_OUT
    error = ending.error if ending.error is not None else RuntimeError("the body ended without a reason")
    delay = _wait(run, policies, error)
    return Settlement(
        run_id=run.id,
        attempt=run.attempt,
        state=RunState.FAILED if delay is None else RunState.QUEUED,
        outcome=Outcome.TIMED_OUT if timed_out else Outcome.FAILED,
        failed=True,
        delay=timedelta(seconds=delay or 0.0),
        error=_timed_out(policies, ending) if timed_out else describe(error),
        started=started,
        finished=finished,
    )


def _timed_out(policies: Policies, ending: Ending) -> str:
    told = f"timed out after {policies.timeout or 0:g} s"
    if ending.stuck:
        told += f", did not end within {policies.timeout_grace:g} s more, and goes on unheeded"
    return f"{told}; {ending.note}" if ending.note else told


def _wait(run: Run, policies: Policies, error: BaseException) -> float | None:
    """Seconds until the next try; None when there is none."""
    retry, failures = policies.retry, run.failures + 1
    spent = retry is not None and failures >= retry.attempts
    asked = [part for part in parts_of(error) if isinstance(part, GaveUp | RetryLater)]
    if any(isinstance(part, GaveUp) for part in asked):
        return None
    if asked:
        # Without a retry policy there is no budget to spend: the body alone decides how often.
        wait = max(part.seconds for part in asked if isinstance(part, RetryLater))
        return None if spent else min(max(0.0, wait), LONGEST_WAIT)
    if retry is None or spent or not retry.wants(error):
        return None
    return retry.delay(failures, run.id)


def refused(run: Run, error: BaseException, now: float) -> Settlement:
    """The body was never called, since its arguments do not fit: trying again would not mend that."""
    return _failed_for_good(run, describe(error), None, now)


def unkept(run: Run, error: BaseException, started: float | None, finished: float) -> Settlement:
    """The body returned what cannot be kept as a result: it would do so again, so there is no other try."""
    told = str(error) if isinstance(error, ResultRejected) else describe(error)
    return _failed_for_good(run, f"the body returned, but its result cannot be kept: {told}", started, finished)


def unjudged(run: Run, error: BaseException, started: float | None, finished: float) -> Settlement:
    """To look at what the body raised has raised something itself."""
    told = f"how the body ended cannot be told: looking at that raised {describe(error)}"
    return _failed_for_good(run, told, started, finished)


def _failed_for_good(run: Run, told: str, started: float | None, finished: float) -> Settlement:
    return Settlement(
        run_id=run.id,
        attempt=run.attempt,
        state=RunState.FAILED,
        outcome=Outcome.FAILED,
        failed=True,
        error=told,
        started=started,
        finished=finished,
    )


def handed_back(run: Run, *, delay: float = 0.0) -> Settlement:
    """The body did not start here: queued again for whoever comes first, with nothing counted against it."""
    return Settlement(
        run_id=run.id,
        attempt=run.attempt,
        state=RunState.QUEUED,
        outcome=Outcome.HANDED_BACK,
        delay=timedelta(seconds=delay),
    )


def interrupted(run: Run, started: float | None, finished: float) -> Settlement:
    """The node ends before the body did: handed back, unless it began and the task says that it starts at most once."""
    at_most_once = run.on_lost == "fail" and started is not None
    return Settlement(
        run_id=run.id,
        attempt=run.attempt,
        state=RunState.FAILED if at_most_once else RunState.QUEUED,
        outcome=Outcome.CANCELLED if at_most_once else Outcome.HANDED_BACK,
        error="its node stopped before the body ended, and on_lost='fail' does not let it start again"
        if at_most_once
        else None,
        started=started,
        finished=finished,
    )


def cancelled(run: Run, ending: Ending, started: float | None, finished: float) -> Settlement:
    """Somebody asked the run to end, and its body has ended for that or was let go of; what it raised is told."""
    quiet = ending.error is None or isinstance(ending.error, asyncio.CancelledError)
    note = "the body does not end, and goes on unheeded" if ending.stuck else ending.note
    return Settlement(
        run_id=run.id,
        attempt=run.attempt,
        state=RunState.CANCELLED,
        outcome=Outcome.CANCELLED,
        error=note if quiet or note or ending.error is None else describe(ending.error),
        started=started,
        finished=finished,
    )


def rejected(settlement: Settlement, reason: BaseException) -> Settlement:
    """The database refused this very report: the run fails and says so, without the data that was refused."""
    return Settlement(
        run_id=settlement.run_id,
        attempt=settlement.attempt,
        state=RunState.FAILED,
        outcome=Outcome.FAILED,
        failed=True,
        error=f"{REFUSED} ({settlement.outcome}): {reason}",
        started=settlement.started,
        finished=settlement.finished,
    )
