"""Looking ahead with open eyes: the next fires, and what changes of the clock do to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from hourbell.triggers.instants import SECOND, as_utc
from hourbell.triggers.offsets import change_around, changes_between, find_change, offset_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hourbell.triggers.trigger import Trigger
    from hourbell.triggers.wall_rule import WallRule

Mark = Literal["moved", "dropped", "first", "second"]

_MOST_DROPPED = 1_000


@dataclass(frozen=True, slots=True)
class PreviewedFire:
    """A fire to come, or times of the rule that the clock will skip."""

    fire_at: datetime | None
    """The fire, in the trigger's zone; None for times at which nothing runs."""
    local: datetime
    """The time of the wall clock that the rule names, naive; it differs from the fire's where the fire was moved."""
    mark: Mark | None = None
    """`moved`: `local` does not exist, it runs at the end of the gap. `dropped`: it does not exist and nothing runs.
    `first`, `second`: `local` exists twice, and this is its first or second occurrence."""
    count: int = 1
    """How many times of the rule were dropped there, `local` being the first."""

    def note(self) -> str:
        """The mark in words; empty without one."""
        clock = self.local.strftime("%H:%M:%S" if self.local.second else "%H:%M")
        match self.mark:
            case "moved":
                return f"moved: {clock} does not exist on this day"
            case "dropped":
                more = f", nor do {self.count - 1} more times" if self.count > 1 else ""
                return f"dropped: {clock} does not exist on this day{more}"
            case "first" | "second":
                return f"{clock} comes twice on this day, this is the {self.mark}"
            case _:
                return ""


def foresee(trigger: Trigger, count: int, after: datetime) -> list[PreviewedFire]:
    """The next `count` fires later than `after`, with what the clock drops between them.

    Raises:
        TriggerError: when `after` is naive, or the trigger cannot name its fires yet.
    """
    rule = trigger.wall_rule()
    found: list[PreviewedFire] = []
    at = as_utc(after, "after")
    for _ in range(count):
        fire = trigger.next_after(at)
        if fire is None:
            break
        instant = fire.astimezone(UTC)
        if rule is not None:
            found += _dropped(rule, at, instant)
        found.append(_told(rule, fire))
        at = instant
    return found


def _dropped(rule: WallRule, start: datetime, end: datetime) -> Iterator[PreviewedFire]:
    """What the clock skips between two instants and nothing makes up for."""
    for change in changes_between(rule.zone, start, end):
        if not change.skips or rule.policy.over(change).gap == "next_valid":
            continue
        first = rule.pattern.after(change.first - SECOND)
        if first is not None and first < change.end:
            count = rule.pattern.count(change.first, change.end, _MOST_DROPPED)
            yield PreviewedFire(None, first, "dropped", count)


def _told(rule: WallRule | None, fire: datetime) -> PreviewedFire:
    local = fire.replace(tzinfo=None, fold=0)
    if rule is None:
        return PreviewedFire(fire, local)
    if change_around(rule.zone, local) is not None:
        return PreviewedFire(fire, local, "second" if fire.fold else "first")
    instant = fire.astimezone(UTC)
    before, after = offset_at(rule.zone, instant - SECOND), offset_at(rule.zone, instant)
    if after > before:
        change = find_change(rule.zone, instant - SECOND, instant, before, after)
        named = rule.pattern.after(change.first - SECOND)
        if rule.policy.over(change).gap == "next_valid" and named is not None and named < change.end:
            return PreviewedFire(fire, named, "moved")
    return PreviewedFire(fire, local)
