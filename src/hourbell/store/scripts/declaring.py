"""Reconciling the schedules of a node's code with what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.declaring import DeclarationFacts, redeclared
from hourbell.model.editing import created
from hourbell.store.scripts import endings, overlap
from hourbell.store.scripts.rows import schedule_from, schedule_values
from hourbell.store.scripts.schedules import write_edits
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.model.schedule import Declaration, Schedule


def declare(node_id: str, declarations: Sequence[Declaration]) -> Script[Sequence[Schedule]]:
    """See `ScheduleStore.declare`. New rows are inserted where nothing is; then all are locked, in order of their ids,
    and changed as `redeclared` decides."""
    clock = yield call("clock.read")
    now = clock[0]["now_at"]
    by_id = {declaration.id: declaration for declaration in declarations}
    ordered = [by_id[schedule_id] for schedule_id in sorted(by_id)]
    fresh = [schedule_values(created(declaration, now)) for declaration in ordered]
    locked: Sequence[Row] = ()
    while len(locked) < len(by_id):  # again when an operator removed one after the insert had found it
        inserted = yield batch("schedules.insert", fresh)
        yield from endings.date([row["id"] for row in inserted])
        locked = yield call("schedules.lock", ids=list(by_id))
    facts = yield from _facts(node_id, by_id, locked)
    edits = []
    for row in locked:
        edit = redeclared(schedule_from(row), by_id[row["id"]], facts[row["id"]], now)
        if edit is not None:
            edits.append(edit)
    if edits:
        yield from write_edits(edits, locked[0])
        yield from overlap.reconsider([edit.schedule for edit in edits])
    spoken = [{"id": declaration.id, "digest": declaration.digest} for declaration in ordered]
    yield batch("declarations.note_digest", spoken)
    yield call("declarations.forget", node=node_id)
    yield batch("declarations.remember", spoken, node=node_id)
    stored = (yield call("schedules.lock", ids=list(by_id))) if edits else locked
    found = {row["id"]: schedule_from(row) for row in stored}
    return [found[declaration.id] for declaration in declarations]


def _facts(node_id: str, by_id: dict[str, Declaration], locked: Sequence[Row]) -> Script[dict[str, DeclarationFacts]]:
    asked = [{"id": row["id"], "digest": by_id[row["id"]].digest, "stored": row["digest"]} for row in locked]
    rows = yield batch("declarations.facts", asked, node=node_id)
    return {row["id"]: DeclarationFacts(bool(row["seen_before"]), bool(row["stored_is_live"])) for row in rows}
