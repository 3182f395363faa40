"""A cron expression in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourbell.triggers.cron_fields import CronFields


def explain_fields(fields: CronFields) -> str:
    """What the fields say, in plain English."""
    return str(fields)
