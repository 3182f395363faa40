"""What a hint may say besides that there is something new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.model.run import NewRun


@dataclass(frozen=True, slots=True)
class Hint:
    """The one run that is new, and due. No more of a fact than any hint: the run may be another node's by now."""

    run_id: str
    task: str
    queue: str

    @classmethod
    def of(cls, runs: Sequence[NewRun]) -> Hint | None:
        """What can be said of these requests: nothing of many, and nothing of one for later."""
        if len(runs) != 1:
            return None
        (run,) = runs
        is_due = run.run_at is None and (run.delay is None or run.delay <= timedelta(0))
        return cls(run.id, run.task, run.queue) if is_due else None


Heard = Callable[[Hint | None], object]
"""Hears hints; of those that name no run it is told None."""
