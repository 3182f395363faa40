"""Whose turn it is: what becomes of a run of a schedule while others of that schedule are unfinished.

A run that waits for its turn is ``queued`` and has no ``run_at``. Everything here is decided under the schedule's lock,
from counts that were made after the lock was granted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourbell.model.policies import Policies
    from hourbell.model.schedule import Schedule

MOST_WAITING = 10_000
"""Fires of one schedule that ``buffer_all`` lets wait; those after them are skipped, and say so."""


class Turn(StrEnum):
    """What becomes of one more run. ``replace``: it waits, and those before it are asked to make way."""

    NOW = "now"
    WAIT = "wait"
    SKIP = "skip"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The runs of one schedule that are queued or running, counted.

    ``total``: fires, requests and retries, of which ``waiting`` wait for their turn. Backfilled runs are counted by
    themselves, so that no fire is skipped on their account: ``backfilling`` have their turn, ``put_off`` wait for it.
    ``newest``: the id of the run made last, backfilled ones last of all.
    """

    total: int = 0
    waiting: int = 0
    backfilling: int = 0
    put_off: int = 0
    newest: str | None = None

    @property
    def active(self) -> int:
        """Runs that take room: running, or free to start now or at their time (a retry, for one)."""
        return self.total - self.waiting + self.backfilling


@dataclass(frozen=True, slots=True)
class Turns:
    """How many of those that wait may go now, the oldest first."""

    due: int = 0
    put_off: int = 0


def turn_of(policies: Policies, others: Unfinished) -> Turn:
    """What becomes of one more fire or request, given the others that are unfinished."""
    most = policies.max_running
    if policies.overlap == "allow" or (others.active < most and not others.waiting):
        return Turn.NOW
    if policies.overlap == "skip":
        # Only backfilled runs are in the way: they have not been waiting for this, so the fire is not lost to them.
        may_wait = others.total < most
    elif policies.overlap == "buffer_one":
        may_wait = not others.waiting
    elif policies.overlap == "buffer_all":
        may_wait = others.waiting < MOST_WAITING
    else:
        return Turn.REPLACE
    return Turn.WAIT if may_wait else Turn.SKIP


def turns(policies: Policies | None, others: Unfinished) -> Turns:
    """Who of those that wait may go. None: the schedule is gone, and with it what they could wait for.

    Fires and requests go before backfilled runs. These go ``max_running`` at once even where overlap is allowed.
    """
    if policies is None:
        return Turns(others.waiting, others.put_off)
    if policies.overlap == "allow":
        return Turns(others.waiting, _within(others.put_off, policies.max_running - others.backfilling))
    room = policies.max_running - others.active
    due = _within(others.waiting, room)
    return Turns(due, _within(others.put_off, room - due))


def turns_of(schedule: Schedule | None, others: Unfinished) -> Turns:
    """The same for a schedule as it is stored; None: it is gone. Policies that cannot be read here let nobody go."""
    try:
        return turns(schedule.effective if schedule is not None else None, others)
    except ValueError:  # policies of another version: nodes of that version will let them go
        return Turns()


def has_turns(schedule: Schedule) -> bool:
    """True when runs of this schedule may have to wait or give way, so that they have to be counted."""
    try:
        return schedule.effective.overlap != "allow"
    except ValueError:  # policies of another version; the planner will leave this schedule alone
        return False


def takes_turns(overlap: str | None, origin: str) -> bool:
    """Whether others may be waiting for a run of this origin, under this policy, to end."""
    return origin.startswith("backfill") or overlap in ("buffer_one", "buffer_all", "cancel_other")


def _within(wanted: int, room: int) -> int:
    return max(0, min(wanted, room))
