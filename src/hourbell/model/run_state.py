"""The states of a run, and the only moves between them.

::

                   fire / enqueue / trigger now
                          |
                          v     policy says no
                       queued ------------------------> skipped    (reason)
             cancel <--+  ^
                       |  |  retry, lease lost, handed back   (the attempt number never goes down)
                  claim|  |
                       v  |
                      running --> succeeded
                         +------> failed       tries spent, or lease lost under on_lost="fail"
                         +------> cancelled

"Retrying" and "scheduled" are ``queued`` with a later ``run_at``. "Lost", "timed out" and "handed back" are outcomes
of an attempt, so that the history keeps the truth and this machine stays small.
"""

from __future__ import annotations

from enum import StrEnum


class RunState(StrEnum):
    """Where a run stands. Four of the six are final; one that waits for its retry, or for a later time, is queued."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def final(self) -> bool:
        """True when nothing but a retry by hand can move the run again."""
        return self not in (RunState.QUEUED, RunState.RUNNING)


class Outcome(StrEnum):
    """How one attempt ended. What ended the attempt is not always what ended the run."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    HANDED_BACK = "handed_back"
    LOST = "lost"


class Origin(StrEnum):
    """Where a run came from. A backfill's origin carries its own id: ``backfill:<id>``."""

    FIRE = "fire"
    TRIGGER = "trigger"
    BACKFILL = "backfill"
    ENQUEUE = "enqueue"


class Reason(StrEnum):
    """Why a due time did not run, or why a run ended without its body's say.

    ``missed``: nobody was there, or later than its grace. ``coalesced``: a later one ran for it. ``overlap``: another
    run was in its way. ``paused``, ``removed``, ``undeclared``: its schedule was. ``blackout``: a calendar covered it.
    ``catch_up_limit``: more were missed than are made up for. ``lost``: with its node, once too often. ``cancelled``:
    somebody did.
    """

    MISSED = "missed"
    COALESCED = "coalesced"
    OVERLAP = "overlap"
    PAUSED = "paused"
    REMOVED = "removed"
    UNDECLARED = "undeclared"
    BLACKOUT = "blackout"
    CATCH_UP_LIMIT = "catch_up_limit"
    LOST = "lost"
    CANCELLED = "cancelled"
