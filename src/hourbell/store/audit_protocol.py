"""The part of the port that is about the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hourbell.model.audit import Act, AuditEntry, AuditFilter
    from hourbell.model.page import Page
    from hourbell.store.protocol import StoreVerbs


class AuditStore(Protocol):
    """What somebody did, and who."""

    def audited(self, act: Act) -> StoreVerbs:
        """The verbs as somebody uses them: the one that is called next notes in the audit what it changed.

        The entry is written in the transaction of the change: both are there, or neither is. What changes nothing
        leaves no entry. It is about `add_schedule`, `edit_schedule`, `remove_schedule`, `backfill`,
        `trigger_schedule`, `put_calendar`, `remove_calendar`, `cancel_run`, `retry_run`, and `retry_runs`, where each
        run has an entry; the other verbs are as they are.
        """

    async def list_audit(self, wanted: AuditFilter) -> Page[AuditEntry]:
        """Entries of the audit, newest first. They are pruned with the runs, at the age for every state."""
