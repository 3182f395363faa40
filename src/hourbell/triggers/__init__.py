"""When to run: pure rules that answer `next_after(instant)`. They read no clock, no file and no database."""

from hourbell.triggers.calendar_interval import CalendarEvery
from hourbell.triggers.calendars import Calendar
from hourbell.triggers.choice import any_of
from hourbell.triggers.cron import Cron
from hourbell.triggers.date import At
from hourbell.triggers.interval import Every
from hourbell.triggers.lint import Advice, lint, lint_all
from hourbell.triggers.preview import PreviewedFire
from hourbell.triggers.rrule import RRule
from hourbell.triggers.trigger import Trigger

__all__ = [
    "Advice",
    "At",
    "Calendar",
    "CalendarEvery",
    "Cron",
    "Every",
    "PreviewedFire",
    "RRule",
    "Trigger",
    "any_of",
    "lint",
    "lint_all",
]
