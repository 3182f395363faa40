"""How a due schedule is decided in these histories: one small rule for the store and for the reference alike.

The store is given it as its planner; the reference asks it with the facts that it has counted itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hourbell.model.plan import FirePlan, PlannedRun, PlannedSkip
from hourbell.model.run_state import Reason
from hourbell.triggers import Trigger


@dataclass(frozen=True)
class Counted:
    """Unfinished runs of one schedule: ``total`` fires and requests, ``waiting`` of them for their turn; backfilled
    ones are ``backfilling`` when it is their turn."""

    total: int = 0
    waiting: int = 0
    backfilling: int = 0

    @property
    def active(self) -> int:
        return self.total - self.waiting + self.backfilling


def turn(overlap: str, others: Counted) -> str:
    """What becomes of one more run: ``now``, ``wait``, ``skip`` or ``replace``, with one run at a time."""
    if overlap == "allow" or (others.active == 0 and others.waiting == 0):
        return "now"
    if overlap == "cancel_other":
        return "replace"
    waits = {"skip": others.total == 0, "buffer_one": others.waiting == 0, "buffer_all": True}[overlap]
    return "wait" if waits else "skip"


def times(trigger: Trigger, cursor: datetime, now: datetime) -> list[datetime]:
    """Every due time from the cursor to now."""
    found = []
    moment: datetime | None = cursor
    while moment is not None and moment <= now:
        found.append(moment)
        moment = trigger.next_after(moment)
    return found


def decided(
    trigger: Trigger,
    cursor: datetime,
    now: datetime,
    overlap: str,
    others: Counted,
    grace: timedelta | None,
    dark: bool,
) -> FirePlan:
    """Where runs may overlap, each due time runs; else the last one, as its turn has it. ``dark``: none runs."""
    due = times(trigger, cursor, now)
    runs: list[PlannedRun] = []
    skips: list[PlannedSkip] = []
    wanted = due if overlap == "allow" else due[-1:]
    missed = [] if dark else due[: -len(wanted)]
    if dark:
        skips.append(PlannedSkip(Reason.BLACKOUT, due[0], due[-1], len(due)))
        wanted = []
    if missed:
        skips.append(PlannedSkip(Reason.COALESCED, missed[0], missed[-1], len(missed)))
    for fire in wanted:
        what = turn(overlap, others)
        if what == "skip":
            skips.append(PlannedSkip(Reason.OVERLAP, fire, fire, 1))
            continue
        start_by = fire + grace if grace is not None else None
        runs.append(PlannedRun(fire, fire if what == "now" else None, start_by, replaces=what == "replace"))
    upcoming = trigger.next_after(due[-1])
    assert upcoming is not None
    return FirePlan(tuple(runs), tuple(skips), upcoming, due[-1])
