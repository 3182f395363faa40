"""All attempts of a run: those that ended without ending it, and the one that its own row tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.run import Attempt
from hourbell.model.run_state import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hourbell.model.run import Run


MOST_ATTEMPTS = 1_000
"""Earlier attempts of one run that are kept, the newest: as many as a retry policy can ask for. A body that asks to be
tried again without a policy has no other bound."""


def attempts_of(run: Run, kept: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """The attempts, oldest first.

    ``kept`` may have been read after the run: what the run's row still tells of an attempt is then out of date.
    """
    by_number = {attempt.attempt: attempt for attempt in kept}
    if run.node_id is not None and run.attempt > 0 and run.attempt not in by_number:
        by_number[run.attempt] = _last(run, run.node_id)
    return tuple(by_number[number] for number in sorted(by_number))


def _last(run: Run, node_id: str) -> Attempt:
    ended = run.state.final
    return Attempt(
        run_id=run.id,
        attempt=run.attempt,
        node_id=node_id,
        started_at=run.started_at,
        finished_at=run.finished_at if ended else None,
        outcome=Outcome(run.outcome) if ended and run.outcome is not None else None,
        error=run.error,
    )
