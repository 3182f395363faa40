"""What somebody did, and who: noted while the tables are held, taken back with the change that it tells of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.model.audit import Action, AuditEntry, AuditFilter, difference
from hourbell.model.page import Page
from hourbell.store.memory.handle import Handle
from hourbell.store.memory.rows import copied

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.audit import Act, Subject, Values
    from hourbell.store.memory.tables import Tables


class AuditVerbs(Handle):
    """`AuditStore` over the tables."""

    async def list_audit(self, wanted: AuditFilter) -> Page[AuditEntry]:
        async with self._transaction():
            found = [entry for entry in self._tables.audit.values() if _matches(entry, wanted)]
        found.sort(key=lambda entry: entry.id, reverse=True)
        items = tuple(found[: wanted.limit])
        return Page(items, items[-1].id if len(found) > wanted.limit else None)


def note(
    tables: Tables,
    act: Act | None,
    subject: Subject,
    subject_id: str,
    before: Values | None,
    after: Values | None,
    now: datetime,
) -> None:
    """Keep what this act changed; nothing when it changed nothing, or there is no act."""
    changes = difference(before, after)
    if act is None or changes is None or act.id in tables.audit:
        return
    was, became = changes
    action = Action.UPDATE if act.action is Action.ADD and before is not None else act.action
    entry = AuditEntry(
        id=act.id,
        done_at=now,
        action=action.value,
        subject=subject.value,
        subject_id=subject_id,
        actor=act.actor,
        tracking_id=act.tracking_id,
    )
    tables.audit.put(act.id, replace(entry, before=copied(was), after=copied(became)))


def prune_audit(tables: Tables, older_than: datetime, limit: int) -> None:
    """Forget the oldest entries of before this instant."""
    old = sorted(entry.id for entry in tables.audit.values() if entry.done_at < older_than)
    for entry_id in old[:limit]:
        tables.audit.drop(entry_id)


def _matches(entry: AuditEntry, wanted: AuditFilter) -> bool:
    return (
        (wanted.cursor is None or entry.id < wanted.cursor)
        and (wanted.subject is None or entry.subject == wanted.subject)
        and (wanted.subject_id is None or entry.subject_id == wanted.subject_id)
        and (wanted.action is None or entry.action == wanted.action)
        and (wanted.actor is None or entry.actor == wanted.actor)
        and (wanted.tracking_id is None or entry.tracking_id == wanted.tracking_id)
    )
