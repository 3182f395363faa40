"""The audit over REST: what was done, and by whom."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from hourbell import AuditEntry, Scheduler
from hourbell.fastapi.parameters import Limit, refusals
from hourbell.fastapi.schemas import Instant, ListOut
from hourbell.fastapi.security import Guard

Filter = Annotated[str | None, Query(max_length=300)]


class AuditEntryOut(BaseModel):
    """Something that somebody did. ``before`` and ``after`` are the fields that it changed: null where there was
    nothing yet, or is nothing left. Secrets are hidden, long values cut."""

    id: str
    done_at: Instant
    action: str
    subject: str
    subject_id: str
    actor: str | None
    tracking_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditEntryOut:
        """The entry as it looks outside."""
        return cls.model_validate({name: getattr(entry, name) for name in cls.model_fields})


def read_audit(router: APIRouter, scheduler: Scheduler, guard: Guard) -> None:
    """The route that tells it, to those who may read."""

    @router.get("/audit", dependencies=[guard.require("read")], responses=refusals())
    async def list_audit(
        subject: Filter = None,
        subject_id: Filter = None,
        action: Filter = None,
        actor: Filter = None,
        tracking_id: Filter = None,
        cursor: Filter = None,
        limit: Limit = 50,
    ) -> ListOut[AuditEntryOut]:
        """What was done to schedules, runs and calendars, newest first."""
        page = await scheduler.list_audit(
            subject=subject,
            subject_id=subject_id,
            action=action,
            actor=actor,
            tracking_id=tracking_id,
            cursor=cursor,
            limit=limit,
        )
        return ListOut(items=[AuditEntryOut.of(one) for one in page], next_cursor=page.next_cursor)
