"""The rows of the reference: what a store must show after each step, and nothing that it may choose by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hourbell.triggers import Trigger

WAITING = ("buffer_one", "buffer_all", "cancel_other")
"""Policies under which a run of the schedule may wait for another one to end."""


@dataclass
class RefNode:
    """A node and its lease."""

    state: str
    lease_until: datetime
    renewals: int = 0
    process: str | None = None


@dataclass
class RefSchedule:
    """A schedule with its cursor. ``last_skip`` is the row that the next skip for the same reason grows."""

    id: str
    overlap: str
    on_lost: str
    grace: timedelta | None
    trigger: Trigger
    next: datetime
    last: datetime | None = None
    state: str = "active"
    resume_at: datetime | None = None
    last_skip: RefRun | None = None

    @property
    def task(self) -> str:
        """Each schedule has a task of its own, so that a claim can be told what it may take."""
        return "limited" if self.overlap == "allow" else "plain"


@dataclass
class RefRun:
    """A run. ``id`` is None until the store has said which one it gave to a fire."""

    id: str | None
    task: str
    origin: str
    created_at: datetime
    schedule: str | None = None
    fire_at: datetime | None = None
    state: str = "queued"
    run_at: datetime | None = None
    start_by: datetime | None = None
    reason: str | None = None
    attempt: int = 0
    node: str | None = None
    failures: int = 0
    losses: int = 0
    outcome: str | None = None
    asked_at: datetime | None = None
    finished_at: datetime | None = None
    covers: int | None = None
    until: datetime | None = None
    key: str | None = None
    priority: int = 0
    line: str = "default"
    """Its queue."""
    on_lost: str = "retry"
    lost_limit: int = 5
    claim: str | None = None
    attempts: list[tuple[int, str, str]] = field(default_factory=list)
    """Those that ended without ending the run, as (number, node, outcome)."""

    @property
    def final(self) -> bool:
        return self.state not in ("queued", "running")

    @property
    def waits(self) -> bool:
        """It has no time of its own: it waits for its turn."""
        return self.state == "queued" and self.run_at is None

    @property
    def backfilled(self) -> bool:
        return self.origin.startswith("backfill")

    @property
    def age(self) -> tuple[datetime, bool, datetime, str]:
        """Oldest first: by when it was made, then by its fire, requests after fires, then by its id."""
        return (self.created_at, self.fire_at is None, self.fire_at or self.created_at, self.id or "")

    @property
    def place(self) -> tuple[int, datetime | None, str]:
        """In the queue of those that may start."""
        return (self.priority, self.run_at, self.id or "")

    def end(self, state: str, now: datetime, *, reason: str | None = None, outcome: str | None = None) -> None:
        """The run's end."""
        self.state, self.finished_at = state, now
        self.reason = reason if reason is not None else self.reason
        self.outcome = outcome if outcome is not None else self.outcome

    def queue(self, run_at: datetime | None) -> None:
        """Queued again; the attempt that ended becomes history, and its number stays used."""
        if self.node is not None and self.outcome is not None:
            self.attempts.append((self.attempt, self.node, self.outcome))
        self.state, self.run_at = "queued", run_at
        self.node = self.reason = self.finished_at = self.claim = None
