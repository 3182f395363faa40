"""What one workload gave, with what it ran on: kept as JSON, shown as tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.frame.figures import Figure, Goal, Measurement, Reached, judged

VERSION = 1


@dataclass(slots=True)
class Report:
    """The figures of a workload and the facts without which they mean little."""

    workload: str
    title: str
    figures: tuple[Figure, ...]
    goals: tuple[Goal, ...] = ()
    measurements: list[Measurement] = field(default_factory=list)
    contenders: dict[str, str] = field(default_factory=dict)
    """Title with version of each, by its key."""
    not_run: dict[str, str] = field(default_factory=dict)
    """Why a contender gave no figures, by its key, with the variant where it is only that."""
    facts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def measurement(self, contender: str, variant: str) -> Measurement:
        """Where this contender's runs of the variant are taken up."""
        for one in self.measurements:
            if (one.contender, one.variant) == (contender, variant):
                return one
        self.measurements.append(Measurement(contender, variant))
        return self.measurements[-1]

    def variants(self) -> list[str]:
        """In the order in which they were measured first."""
        return list(dict.fromkeys(one.variant for one in self.measurements))

    def reached(self) -> list[Reached]:
        return [judged(goal, self.measurements) for goal in self.goals]

    def named(self, key: str) -> str:
        return self.contenders.get(key, key)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"version": VERSION, **asdict(self)}, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Report:
        """Raises ValueError for a file of another version of this suite."""
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found.pop("version", None) != VERSION:
            raise ValueError(f"{path} was written by another version of the benchmarks; measure again")
        return cls.of(found)

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Report:
        plain = dict(found)
        plain["figures"] = tuple(Figure(**one) for one in plain["figures"])
        plain["goals"] = tuple(Goal(**{**one, "peers": tuple(one["peers"])}) for one in plain["goals"])
        plain["measurements"] = [Measurement(**one) for one in plain["measurements"]]
        return cls(**plain)
