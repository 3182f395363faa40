"""The verb of the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.audit import Action, AuditEntry, AuditFilter, Subject
from hourbell.scheduler.pages import checked_limit, checked_run_cursor, checked_state, checked_text
from hourbell.scheduler.verbs import Verbs

if TYPE_CHECKING:
    from hourbell.model.page import Page


class AuditVerbs(Verbs):
    """Read what was done, and by whom."""

    async def list_audit(
        self,
        *,
        subject: Subject | str | None = None,
        subject_id: str | None = None,
        action: Action | str | None = None,
        actor: str | None = None,
        tracking_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[AuditEntry]:
        """What was done to schedules, runs and calendars, newest first, at most ``limit`` (1 to 1000) after ``cursor``.

        Whatever is changed by a verb has an entry, written in the same transaction: add, update, pause, resume, remove,
        trigger, backfill, cancel, retry. What the code declares at its start has none, nor has what changed nothing.
        ``subject`` is ``"schedule"``, ``"run"`` or ``"calendar"``, ``subject_id`` its id or name, ``actor`` who did it:
        the name of `hourbell.acting`, of the REST API's caller, or of the user at the command line. Each argument
        narrows the list. Entries are kept as long as runs are (``retention``).

        The answer is a sequence; its ``next_cursor`` is the ``cursor`` of the next page, None at the end. Raises
        InvalidArguments.
        """
        wanted = AuditFilter(
            subject=checked_state(Subject, subject, name="subject"),
            subject_id=checked_text("subject_id", subject_id),
            action=checked_state(Action, action, name="action"),
            actor=checked_text("actor", actor),
            tracking_id=checked_text("tracking_id", tracking_id),
            cursor=checked_run_cursor(cursor),
            limit=checked_limit(limit),
        )
        return await self._core.store.list_audit(wanted)
