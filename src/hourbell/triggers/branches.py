"""The normal form of a combined trigger: simple triggers, each with what covers it and the bounds it lives in.

Filters of filters become one list of windows, and a choice of choices one list of branches. So the work of an answer
grows with the number of parts, and never with one part's windows times another's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hourbell.errors import TriggerError
from hourbell.triggers.cover import NOTHING, Cover
from hourbell.triggers.instants import EARLIEST, LATEST
from hourbell.triggers.open_times import MOST_WINDOWS, count_open, next_open, prev_open

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hourbell.triggers.cover import Windows
    from hourbell.triggers.trigger import Trigger

MOST_BRANCHES = 32
"""Simple triggers in one combination."""

MOST_WALKED = 1_000
"""Fires of several branches that are counted one by one, since one instant may be a fire of more than one."""

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Branch:
    """A simple trigger, without its fires that are covered, are before `start`, or are after `end` (in UTC)."""

    leaf: Trigger
    cover: Cover = NOTHING
    start: datetime = EARLIEST
    end: datetime = LATEST

    def without(self, parts: Iterable[Windows]) -> Branch:
        """This branch, less the fires that these windows cover."""
        return replace(self, cover=Cover((*self.cover.parts, *parts)))

    def clipped(self, start: datetime = EARLIEST, end: datetime = LATEST) -> Branch:
        """This branch, less the fires that are outside of these bounds."""
        return replace(self, start=max(self.start, start), end=min(self.end, end))

    def next_after(self, instant: datetime, most: int) -> datetime | None:
        fire = next_open(self.leaf, self.cover, max(instant, self.start - _TICK), self.end, most)
        return fire if fire is not None and fire.astimezone(UTC) <= self.end else None

    def prev_before(self, instant: datetime, most: int) -> datetime | None:
        fire = prev_open(self.leaf, self.cover, min(instant, self.end + _TICK), self.start, most)
        return fire if fire is not None and fire.astimezone(UTC) >= self.start else None

    def count(self, start: datetime, end: datetime, cap: int) -> int:
        low, high = max(start, self.start - _TICK), min(end, self.end)
        return count_open(self.leaf, self.cover, low, high, cap) if low < high else 0


@dataclass(frozen=True, slots=True)
class Branches:
    """The fires of any of several branches; one instant is one fire, however many of them have it."""

    parts: tuple[Branch, ...]

    def next_after(self, instant: datetime) -> datetime | None:
        """The first fire strictly later than `instant` (in UTC)."""
        most = self._most()
        fires = [fire for part in self.parts if (fire := part.next_after(instant, most)) is not None]
        return min(fires, key=_in_utc, default=None)

    def prev_before(self, instant: datetime) -> datetime | None:
        """The last fire strictly earlier than `instant` (in UTC)."""
        most = self._most()
        fires = [fire for part in self.parts if (fire := part.prev_before(instant, most)) is not None]
        return max(fires, key=_in_utc, default=None)

    def count(self, start: datetime, end: datetime, cap: int) -> int:
        """How many fires are later than `start` and not later than `end` (both in UTC), at most `cap`.

        Of several branches together the first thousand are counted; beyond, the answer is at least right for the
        branch that has the most.
        """
        if len(self.parts) == 1:
            return self.parts[0].count(start, end, cap)
        total = 0
        for fire in self._walk(start):
            if fire > end:
                return total
            total += 1
            if total >= cap:
                return cap
        return min(cap, max(total, *(part.count(start, end, cap) for part in self.parts)))

    def first_fires(self, start: datetime, count: int) -> list[datetime]:
        """The first `count` fires from `start` on, itself included, in UTC."""
        found: list[datetime] = []
        instant = start - _TICK
        while len(found) < count and (fire := self.next_after(instant)) is not None:
            instant = fire.astimezone(UTC)
            found.append(instant)
        return found

    def _walk(self, instant: datetime) -> Iterator[datetime]:
        for _ in range(MOST_WALKED):
            fire = self.next_after(instant)
            if fire is None:
                instant = LATEST + _TICK
                yield instant
                return
            instant = fire.astimezone(UTC)
            yield instant

    def _most(self) -> int:
        """Windows that each branch may pass over: together as many as one alone."""
        return max(1, MOST_WINDOWS // len(self.parts))


def checked(branches: Iterable[Branch]) -> Branches:
    """These branches, not too many.

    Raises:
        TriggerError: when they are.
    """
    parts = tuple(branches)
    if len(parts) > MOST_BRANCHES:
        raise too_many(len(parts))
    return Branches(parts)


def too_many(count: int) -> TriggerError:
    """The error for a combination of so many."""
    return TriggerError(f"a combination may have at most {MOST_BRANCHES} triggers, not {count}")


def refuse_never(branches: Branches, what: str) -> None:
    """Refuse a combination that has no fire. One whose start is not known yet is not judged.

    Raises:
        TriggerError: saying why.
    """
    try:
        first = branches.next_after(EARLIEST)
    except TriggerError:  # it has no start yet; it is judged when it is anchored
        return
    if first is None:
        raise TriggerError(f"this can never fire: {what}")


def _in_utc(fire: datetime) -> datetime:
    return fire.astimezone(UTC)
