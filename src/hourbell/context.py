"""The run that a body is in: told to the body by a parameter, or found by `current_run`."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from datetime import datetime

    from hourbell.model.run import Run

_current: ContextVar[Context | None] = ContextVar("hourbell_current_run", default=None)
_runs = logging.getLogger("hourbell.run")


class RunLog(logging.LoggerAdapter[logging.Logger]):
    """A logger whose records carry task, run_id, schedule_id, attempt and tracking_id as fields."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the fields of the run to those that the call gives."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


@dataclass(slots=True, eq=False, kw_only=True)
class Context:
    """The current run, as its body sees it.

    ``fire_at``  the due time this run stands for (aware UTC); None for a run requested by hand.
    ``attempt``  1 for the first try; it rises with every claim. ``fence`` is the same number under the name it has
    where it guards writes: another system that remembers the highest fence it saw can refuse a node that was replaced.
    ``tracking_id``  one id for a chain of runs: runs enqueued inside a body inherit it.
    ``cancelled``  True once this attempt should end: the run was cancelled, timed out or taken over. Bodies in threads
    look at it now and then; async bodies are cancelled as well.
    """

    run_id: str
    task: str
    schedule_id: str | None
    fire_at: datetime | None
    attempt: int
    tracking_id: str
    cancelled: bool = False
    _log: RunLog | None = field(default=None, repr=False)

    @classmethod
    def of(cls, run: Run) -> Context:
        """The context of this run's present attempt."""
        return cls(
            run_id=run.id,
            task=run.task,
            schedule_id=run.schedule_id,
            fire_at=run.fire_at,
            attempt=run.attempt,
            tracking_id=run.tracking_id or run.id,
        )

    @property
    def fence(self) -> int:
        """The attempt number: it never falls, and a settle under an older one is refused."""
        return self.attempt

    @property
    def log(self) -> RunLog:
        """A logger that knows which run it speaks of."""
        if self._log is None:
            known = ("task", "run_id", "schedule_id", "attempt", "tracking_id")
            self._log = RunLog(_runs, {name: getattr(self, name) for name in known})
        return self._log

    @contextmanager
    def entered(self) -> Iterator[Context]:
        """Make this the current run of the code inside, and of what copies its context variables."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)


def current_run() -> Context | None:
    """The run that this code is part of, or None outside of any (as in a request)."""
    return _current.get()
