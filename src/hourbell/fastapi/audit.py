"""The audit over REST: what was done, and by whom."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from hourbell import AuditEntry, Scheduler
from hourbell.fastapi.problems import ProblemRoute
from hourbell.fastapi.schemas import Instant, ListOut

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


def audit_routes(scheduler: Scheduler, router: APIRouter) -> APIRouter:
    """Add ``GET /audit`` to a router whose dependencies decide who may read."""
    own = APIRouter(route_class=ProblemRoute)

    @own.get("/audit")
    async def list_audit(
        subject: Filter = None,
        subject_id: Filter = None,
        action: Filter = None,
        actor: Filter = None,
        tracking_id: Filter = None,
        cursor: Filter = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
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

    router.include_router(own)
    return router
