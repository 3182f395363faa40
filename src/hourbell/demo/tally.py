"""Fires, runs, duplicates and missed, counted from what the bodies wrote down and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hourbell.demo.entry import Entry, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hourbell.triggers import Trigger

_JUST_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """``fires`` are due times for which a body started; ``runs`` also count what was asked for by hand.

    ``duplicates``: a second run for the same fire, or the same attempt of a run started twice. (That an attempt
    follows another, after a failure or after the death of a node, is none.) ``missed``: due times of the trigger,
    between the first and the last that were seen, for which no body started. ``strays``: fires at times that are none
    of the trigger's.
    """

    fires: int
    runs: int
    attempts: int
    duplicates: int
    missed: int
    strays: int

    @property
    def right(self) -> bool:
        """True when every fire had one run."""
        return not (self.duplicates or self.missed or self.strays)

    def __str__(self) -> str:
        text = f"fires {self.fires} · runs {self.runs} · duplicates {self.duplicates} · missed {self.missed}"
        return f"{text} · strays {self.strays}" if self.strays else text


class Tally:
    """Counts entries against the triggers of their schedules. Elapsed seconds are given by the caller."""

    def __init__(self, triggers: Mapping[str, Trigger]) -> None:
        self._schedules = {name: _Fires(trigger) for name, trigger in triggers.items()}
        self._attempts: set[tuple[str, int]] = set()
        self._runs: set[str] = set()
        self._duplicates = 0

    def note(self, entry: Entry, elapsed: float) -> None:
        """Take note of an entry that was read at this moment."""
        if entry.phase is not Phase.STARTED:
            return
        attempt = (entry.run, entry.attempt)
        if attempt in self._attempts:
            self._duplicates += 1
            return
        self._attempts.add(attempt)
        if entry.run in self._runs:
            return
        self._runs.add(entry.run)
        if entry.schedule is not None and entry.fire_at is not None:
            self._duplicates += not self._schedules[entry.schedule].record(entry.fire_at, elapsed)

    def counts(self, *, elapsed: float | None = None, patience: float = 0.0) -> Counts:
        """How it stands. With ``elapsed``, a fire is missed only when its absence is ``patience`` seconds old.

        Bodies of one second may start in any order, and the runs of a node that died wait for its lease to end.
        """
        fires = self._schedules.values()
        return Counts(
            fires=sum(len(one.seen) for one in fires),
            runs=len(self._runs),
            attempts=len(self._attempts),
            duplicates=self._duplicates,
            missed=sum(one.missing_since(None if elapsed is None else elapsed - patience) for one in fires),
            strays=sum(one.strays for one in fires),
        )


class _Fires:
    """What was seen of one schedule, and what its trigger says should have been seen in between."""

    def __init__(self, trigger: Trigger) -> None:
        self._trigger = trigger
        self._missing: dict[datetime, float] = {}
        self.seen: set[datetime] = set()
        self.strays = 0
        self._first: datetime | None = None
        self._last: datetime | None = None

    def record(self, fire_at: datetime, elapsed: float) -> bool:
        """Note a fire. False when it was seen before."""
        if fire_at in self.seen:
            return False
        self.seen.add(fire_at)
        if self._trigger.next_after(fire_at - _JUST_BEFORE) != fire_at:
            self.strays += 1
            return True
        self._missing.pop(fire_at, None)
        if self._first is None or self._last is None:
            self._first = self._last = fire_at
        for passed in (*self._between(self._last, fire_at), *self._between(fire_at, self._first)):
            self._missing[passed] = elapsed
        self._first, self._last = min(self._first, fire_at), max(self._last, fire_at)
        return True

    def missing_since(self, elapsed: float | None) -> int:
        """How many are missing, and were already at this moment; None: at all."""
        return sum(elapsed is None or since <= elapsed for since in self._missing.values())

    def _between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        instant = self._trigger.next_after(start)
        while instant is not None and instant < end:
            yield instant
            instant = self._trigger.next_after(instant)
