"""The list of all kinds of trigger, by their names in specs. A new kind is added here and nowhere else."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from hourbell.triggers.bounds import Between
from hourbell.triggers.calendar_interval import CalendarEvery
from hourbell.triggers.choice import AnyOf
from hourbell.triggers.cron import Cron
from hourbell.triggers.date import At
from hourbell.triggers.exception import Except
from hourbell.triggers.hours import WithinHours
from hourbell.triggers.interval import Every
from hourbell.triggers.limited import Limit
from hourbell.triggers.rrule import RRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.triggers.trigger import Trigger

_CHILDREN: tuple[type[Trigger], ...] = (
    Cron,
    Every,
    CalendarEvery,
    At,
    RRule,
    AnyOf,
    Except,
    Between,
    WithinHours,
    Limit,
)

KINDS: Mapping[str, type[Trigger]] = MappingProxyType({child.kind: child for child in _CHILDREN})
