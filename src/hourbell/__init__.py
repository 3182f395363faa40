"""Hourbell: scheduled and background jobs for FastAPI, on the database the application already has."""

from __future__ import annotations

from hourbell.context import Context, current_run
from hourbell.errors import (
    Busy,
    Conflict,
    HourbellError,
    InvalidArguments,
    LeaseLost,
    MigrationNeeded,
    NotFound,
    StaleRevision,
    StoreMisconfigured,
    StoreUnavailable,
    TriggerError,
    UnknownTask,
)
from hourbell.model.audit import AuditEntry
from hourbell.model.backfill import Backfill
from hourbell.model.named_calendar import NamedCalendar
from hourbell.model.retry import Retry
from hourbell.model.run import Run
from hourbell.model.schedule import Schedule
from hourbell.scheduler import Scheduler
from hourbell.task import Task
from hourbell.triggers import At, Calendar, CalendarEvery, Cron, Every, RRule, Trigger, any_of, lint, lint_all

__all__ = [
    "At",
    "AuditEntry",
    "Backfill",
    "Busy",
    "Calendar",
    "CalendarEvery",
    "Conflict",
    "Context",
    "Cron",
    "Every",
    "HourbellError",
    "InvalidArguments",
    "LeaseLost",
    "MigrationNeeded",
    "NamedCalendar",
    "NotFound",
    "RRule",
    "Retry",
    "Run",
    "Schedule",
    "Scheduler",
    "StaleRevision",
    "StoreMisconfigured",
    "StoreUnavailable",
    "Task",
    "Trigger",
    "TriggerError",
    "UnknownTask",
    "any_of",
    "current_run",
    "lint",
    "lint_all",
]
