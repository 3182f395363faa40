"""The shapes of the REST API's reasons: what became of a due time, and what holds a run up."""

from __future__ import annotations

from pydantic import BaseModel

from hourbell.fastapi.schemas import Instant
from hourbell.model.held_up import HeldUp
from hourbell.model.last_due import Became, LastDue


class LastDueOut(BaseModel):
    """What became of a schedule's last due time. ``why`` and ``do`` say in words why it did not run, or not in time."""

    due_at: Instant | None
    became: Became
    run_id: str | None
    why: str | None
    do: str | None

    @classmethod
    def of(cls, last: LastDue) -> LastDueOut:
        """The answer as it looks outside."""
        run_id = None if last.run is None else last.run.id
        return cls(due_at=last.due_at, became=last.became, run_id=run_id, why=last.why, do=last.do)


class HeldUpOut(BaseModel):
    """What keeps a queued run from beginning, or why a due time was skipped. Both null: nothing does."""

    why: str | None
    do: str | None

    @classmethod
    def of(cls, held: HeldUp | None) -> HeldUpOut:
        """The answer as it looks outside."""
        return cls(why=None, do=None) if held is None else cls(why=held.why, do=held.do)
