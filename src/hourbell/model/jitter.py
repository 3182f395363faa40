"""How far the start of a fire is put off, so that schedules of one moment do not all start at once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hourbell.model.run_state import Origin

if TYPE_CHECKING:
    from hourbell.model.policies import Policies
    from hourbell.model.schedule import Schedule

_NONE = timedelta(0)
_RESOLUTION = 2**64


def start_of(schedule_id: str, fire_at: datetime, policies: Policies) -> datetime:
    """When the run of this fire may start: the fire itself, or up to ``jitter`` later.

    The delay is drawn from the schedule's id and the fire alone, evenly over the jitter: every node, and every process
    to come, answers the same instant. It never uses up more than half of the ``grace``, which counts from the fire, so
    that no jitter makes a fire missed.
    """
    widest = policies.jitter
    if widest is None or widest <= _NONE:
        return fire_at
    if policies.grace is not None:
        widest = min(widest, policies.grace / 2)
    said = f"{schedule_id}\n{fire_at.astimezone(UTC).isoformat()}"
    drawn = int.from_bytes(hashlib.blake2b(said.encode(), digest_size=8).digest(), "big")
    # In whole numbers: a float would make the answer depend on how it is rounded.
    return fire_at + timedelta(microseconds=(widest // timedelta(microseconds=1)) * drawn // _RESOLUTION)


def start_in_line(place: datetime, start_by: datetime | None, now: datetime) -> datetime:
    """When a fire that is caught up may start, whose place in the line is this.

    It uses up at most half of what is left of the ``grace``, so that no line makes a fire missed.
    """
    return min(place, now + (start_by - now) / 2) if start_by is not None else place


def start_in_turn(schedule: Schedule | None, origin: str, fire_at: datetime | None, attempt: int) -> datetime | None:
    """When a run that had to wait for its turn may start, now that it has it; None: at once.

    A fire keeps its jitter, which counts from the fire: one that has waited longer than that starts at once. What was
    asked for by hand or is backfilled has none, and one that has had an attempt was put off before.
    """
    if schedule is None or origin != Origin.FIRE or fire_at is None or attempt:
        return None
    start = start_of(schedule.id, fire_at, schedule.effective)
    return start if start > fire_at else None
