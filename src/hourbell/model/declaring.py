"""How the code's declaration of a schedule meets what is stored. Pure; decided under the schedule's lock.

The code's change wins when the code changed, field by field; a pause or an edit by an operator survives. While
versions flap during a deploy, a declaration never seen for this schedule is news and wins; one seen before (an old
process restarting) wins only when no live node declares what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hourbell.model.editing import Edit, realigned, waken, with_trigger
from hourbell.model.run_state import Reason
from hourbell.model.schedule import Declaration, Schedule, ScheduleState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class DeclarationFacts:
    """``seen_before``: this digest was declared for this id at some time. ``stored_is_live``: a live node declares the
    digest that is stored now."""

    seen_before: bool
    stored_is_live: bool


def redeclared(schedule: Schedule, declaration: Declaration, facts: DeclarationFacts, now: datetime) -> Edit | None:
    """What a declaration changes of a schedule that exists; None when nothing."""
    edited = realigned(schedule, now)
    if _wins(schedule, declaration, facts):
        edited = _merged(edited, declaration, now)
    if edited.state is ScheduleState.UNDECLARED:
        return _woken(edited, now)
    return Edit(replace(edited, updated_at=now)) if edited != schedule else None


def _woken(schedule: Schedule, now: datetime) -> Edit:
    try:
        woken = waken(schedule, now, Reason.UNDECLARED)
    except ValueError:  # by an operator, of another version or a zone that is gone: it must keep no node from starting
        return Edit(replace(schedule, state=ScheduleState.ACTIVE, updated_at=now))
    return Edit(replace(woken.schedule, note=schedule.note), woken.skip)


def _wins(schedule: Schedule, declaration: Declaration, facts: DeclarationFacts) -> bool:
    if schedule.digest == declaration.digest:
        return False
    return not facts.seen_before or not facts.stored_is_live


def _merged(schedule: Schedule, declaration: Declaration, now: datetime) -> Schedule:
    """Take every field in which the code differs from what the code said last; keep operators' edits of the others."""
    spoken, before = declaration.spoken(), schedule.declared or {}
    edited = replace(
        schedule,
        source=declaration.source,
        digest=declaration.digest,
        declared=spoken,
        inherited=dict(declaration.inherited),
        policies=_merged_policies(schedule.policies, before.get("policies", {}), spoken["policies"]),
    )
    if spoken["task"] != before.get("task"):
        edited = replace(edited, task=declaration.task)
    if spoken["args"] != before.get("args"):
        edited = replace(edited, args=dict(declaration.args))
    if spoken["trigger"] != before.get("trigger"):
        edited = with_trigger(edited, declaration.trigger, now)
    return edited


def _merged_policies(stored: Mapping[str, Any], before: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(stored)
    for name in before.keys() | said.keys():
        if name not in said:
            merged.pop(name, None)
        elif name not in before or before[name] != said[name]:
            merged[name] = said[name]
    return merged
