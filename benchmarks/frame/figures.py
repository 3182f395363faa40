"""Figures and what is said of them: medians with their spread, ratios, and whether a goal is reached. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One kind of number that a workload gives, and how it is written."""

    key: str
    title: str
    unit: str
    more_is_better: bool
    digits: int = 0

    def written(self, value: float) -> str:
        return f"{value:,.{self.digits}f}"


@dataclass(frozen=True, slots=True)
class Series:
    """What several runs gave for one figure."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    @property
    def spread(self) -> float:
        """How far the runs lie apart, as a share of their median; 0 for a single run."""
        return (self.high - self.low) / self.median if self.median else 0.0


@dataclass(slots=True)
class Measurement:
    """One contender under one variant of a workload: for each figure what each run gave."""

    contender: str
    variant: str
    values: dict[str, list[float]] = field(default_factory=dict)
    note: str = ""

    def add(self, figures: Mapping[str, float]) -> None:
        """Take up one more run."""
        for key, value in figures.items():
            self.values.setdefault(key, []).append(value)

    def series(self, key: str) -> Series | None:
        found = self.values.get(key)
        return Series(tuple(found)) if found else None


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached: our median over that of the best of ``peers``, which ``limit`` bounds from the one side.

    ``per`` may name another variant of ours instead of peers: what we are compared with then is ourselves.
    """

    text: str
    variant: str
    figure: str
    peers: tuple[str, ...]
    limit: float
    kind: Literal["at least", "at most"]
    per: str | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """What became of a goal. ``ratio`` is None where one of the two was not measured."""

    goal: Goal
    ratio: float | None
    against: str

    @property
    def is_met(self) -> bool | None:
        if self.ratio is None:
            return None
        return self.ratio >= self.goal.limit if self.goal.kind == "at least" else self.ratio <= self.goal.limit


OURS = "hourbell"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank)."""
    if not values:
        raise ValueError("there is no percentile of no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def judged(goal: Goal, measurements: Iterable[Measurement]) -> Reached:
    """Our median over the best peer's: the largest where at least so much is wanted, the smallest otherwise."""
    found = list(measurements)
    ours = _median(found, OURS, goal.variant, goal.figure)
    if goal.per is not None:
        others = [(f"itself, {goal.per}", _median(found, OURS, goal.per, goal.figure))]
    else:
        others = [(peer, _median(found, peer, goal.variant, goal.figure)) for peer in goal.peers]
    known = [(name, value) for name, value in others if value]
    if ours is None or not known:
        return Reached(goal, None, ", ".join(name for name, _ in others))
    best = max if goal.kind == "at least" else min
    against, value = best(known, key=lambda one: one[1])
    return Reached(goal, ours / value, against)


def _median(measurements: Iterable[Measurement], contender: str, variant: str, figure: str) -> float | None:
    for one in measurements:
        if (one.contender, one.variant) == (contender, variant):
            series = one.series(figure)
            return series.median if series else None
    return None


def in_turn(names: Sequence[Any], runs: int) -> Iterator[tuple[int, Any]]:
    """A B A B …, every other round backwards: what changes slowly on the machine strikes all alike."""
    for run in range(runs):
        for name in names if run % 2 == 0 else reversed(names):
            yield run, name
