"""What came of scenarios, kept as JSON: figures and verdicts, nothing that tells of the machine but its cores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Result:
    """One scenario on one database. ``form`` is short or long; ``why`` is why it was not run."""

    name: str
    on: str
    form: str
    verdict: str
    date: str
    why: str | None = None
    title: str = ""
    figures: Sequence[tuple[str, str]] = ()
    problems: Sequence[str] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    seconds: float = 0.0
    load: float | None = None
    cores: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Result:
        known = {one.name for one in fields(cls)}
        given = {name: value for name, value in said.items() if name in known}
        return cls(**{**given, "figures": [tuple(one) for one in said.get("figures", ())]})


def read_results(path: Path) -> list[Result]:
    """What a file holds; nothing where there is none. Raises ValueError when it is something else."""
    if not path.exists():
        return []
    said = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise ValueError(f"{path.name} is no record of the laboratory of format {FORMAT}: name another file")
    return [Result.read(one) for one in said["results"]]


def merged(before: Iterable[Result], after: Iterable[Result], order: Sequence[str]) -> list[Result]:
    """The later result of each scenario on each database. What could not be run now leaves what was found before.

    ``order`` names the scenarios that there are; results of others are dropped.
    """
    found: dict[tuple[str, str], Result] = {}
    for one in (*before, *after):
        known = found.get((one.name, one.on))
        if known is None or one.verdict != NOT_RUN or known.verdict == NOT_RUN:
            found[one.name, one.on] = one
    kept = [one for one in found.values() if one.name in order]
    return sorted(kept, key=lambda one: (order.index(one.name), one.on))


def told_as_json(results: Iterable[Result]) -> str:
    """A record as it is kept."""
    said = {"format": FORMAT, "results": [asdict(one) for one in results]}
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Replace a file in one step, so that an end in the middle leaves the one before."""
    draft = path.with_suffix(".draft")
    draft.write_text(told_as_json(results), encoding="utf-8")
    draft.replace(path)
