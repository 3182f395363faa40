"""From times of the wall clock to instants: a pattern of local times, a zone and a policy make fires.

A pattern knows nothing of zones: it lists naive local times. Everything about skipped and repeated hours is here,
once, for every trigger that follows the wall clock.
"""

from __future__ import annotations

from datetime import MAXYEAR, datetime
from typing import TYPE_CHECKING, Protocol

from hourbell.triggers.instants import SECOND, as_utc
from hourbell.triggers.offsets import OffsetChange, change_around

if TYPE_CHECKING:
    from datetime import tzinfo

    from hourbell.triggers.dst import DstPolicy


class WallPattern(Protocol):
    """Local times at whole seconds, naive, without end in either direction but for the calendar's own."""

    def after(self, local: datetime) -> datetime | None:
        """The first time strictly later than `local`, a whole second."""

    def before(self, local: datetime) -> datetime | None:
        """The last time strictly earlier than `local`, a whole second."""

    def count(self, start: datetime, end: datetime, cap: int) -> int:
        """How many times from `start` (included) to `end` (excluded); any number from `cap` on may be `cap`."""


def resolve_local(zone: tzinfo, local: datetime) -> datetime:
    """The instant of one naive local time: a repeated one is its first, a skipped one the end of the gap."""
    change = change_around(zone, local.replace(fold=0))
    if change is not None and change.skips:
        return change.instant.astimezone(zone)
    return local.replace(tzinfo=zone, fold=0)


def next_fire(pattern: WallPattern, zone: tzinfo, policy: DstPolicy, instant: datetime) -> datetime | None:
    """The first fire strictly later than `instant` (in UTC)."""
    now = _inside(instant, zone)
    cursor = datetime(now.year, now.month, now.day, now.hour, now.minute, now.second)  # noqa: DTZ001 - local
    change = change_around(zone, cursor)
    if change is not None and change.skips:
        # A time that does not exist, given in this very zone: its instant has another local time.
        return next_fire(pattern, zone, policy, as_utc(instant))
    if change is not None:
        fire = _next_in_repeat(pattern, zone, policy.over(change), change, cursor, now.fold)
        if fire is not None:
            return fire
        cursor = change.end - SECOND
    while (local := pattern.after(cursor)) is not None:
        change = change_around(zone, local)
        if change is None:
            return _placed(local, zone)
        rule = policy.over(change)
        if not change.skips:
            return local.replace(tzinfo=zone, fold=1 if rule.fold == "second" else 0)
        if rule.gap == "next_valid":
            return change.instant.astimezone(zone)
        cursor = change.end - SECOND
    return None


def prev_fire(pattern: WallPattern, zone: tzinfo, policy: DstPolicy, instant: datetime) -> datetime | None:
    """The last fire strictly earlier than `instant` (in UTC)."""
    # Fires are at whole seconds: before 12:00:00.5 means before 12:00:01. Added in UTC, as a change may be just there.
    limit = as_utc(instant)
    if limit.microsecond:
        limit = limit.replace(microsecond=0) + SECOND
    now = limit.astimezone(zone)
    cursor = datetime(now.year, now.month, now.day, now.hour, now.minute, now.second)  # noqa: DTZ001 - local
    change = change_around(zone, cursor)
    if change is not None:
        fire = _prev_in_repeat(pattern, zone, policy.over(change), change, cursor, now.fold)
        if fire is not None:
            return fire
        cursor = change.first
    while (local := pattern.before(cursor)) is not None:
        change = change_around(zone, local)
        if change is None:
            return _placed(local, zone)
        rule = policy.over(change)
        if not change.skips:
            return local.replace(tzinfo=zone, fold=0 if rule.fold == "first" else 1)
        if rule.gap == "next_valid" and change.instant < limit:
            return change.instant.astimezone(zone)
        cursor = change.first
    return None


def _inside(instant: datetime, zone: tzinfo) -> datetime:
    """The instant told in the zone; as it is when it comes from there, as the last fire does."""
    if type(instant) is datetime and instant.tzinfo is zone and 1 < instant.year < MAXYEAR:
        return instant
    return as_utc(instant).astimezone(zone)


def _placed(local: datetime, zone: tzinfo) -> datetime:
    """The local time in the zone; made anew because `replace` takes four times as long."""
    return datetime(local.year, local.month, local.day, local.hour, local.minute, local.second, 0, zone)


def _next_in_repeat(
    pattern: WallPattern, zone: tzinfo, rule: DstPolicy, change: OffsetChange, local: datetime, fold: int
) -> datetime | None:
    """The next fire inside the repeated times, of which `local` is one, in its first or second pass."""
    if fold == 0:
        found = _within(pattern.after(local), change) if rule.fold != "second" else None
        if found is not None:
            return found.replace(tzinfo=zone)
        local = change.first - SECOND
    found = _within(pattern.after(local), change) if rule.fold != "first" else None
    return None if found is None else found.replace(tzinfo=zone, fold=1)


def _prev_in_repeat(
    pattern: WallPattern, zone: tzinfo, rule: DstPolicy, change: OffsetChange, local: datetime, fold: int
) -> datetime | None:
    """The last fire inside the repeated times, of which `local` is one, in its first or second pass."""
    if fold == 1:
        found = _within(pattern.before(local), change) if rule.fold != "first" else None
        if found is not None:
            return found.replace(tzinfo=zone, fold=1)
        local = change.end
    found = _within(pattern.before(local), change) if rule.fold != "second" else None
    return None if found is None else found.replace(tzinfo=zone)


def _within(local: datetime | None, change: OffsetChange) -> datetime | None:
    return local if local is not None and change.first <= local < change.end else None
