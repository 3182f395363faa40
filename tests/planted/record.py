"""What found each planted fault the last time, and the page that is made of it: ``python -m tests.planted.record``."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.planted.every import EVERY
from tests.planted.plant import Plant

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "tests" / "planted" / "found.json"
PAGE = ROOT / "docs" / "explanation" / "planted-faults.md"

_BEGIN = """# Planted faults, and what found them

A test that cannot fail proves nothing. So faults are planted into a copy of Hourbell, one at a time: a fence that
compares too little, a lock that is not taken, a cursor that is committed apart from its runs, a renewal that waits for
the application's loop, a timeout that is missing. The tests are run against each of these copies. A fault counts as
found when one of them fails, and passes again without the fault.

`python -m tests.planted` plants all of them, `--only "the fence"` those with this in their name.

This page is made from the record of the last time that each was planted (`python -m tests.planted --keep`).
Faults that only show when several things go wrong in one order are looked for by histories that are made up:
`python -m tests.statemachine --on postgres` tries the stores beside a small reference, step by step, and
`python -m tests.simulation` lets whole nodes live through minutes of made-up time in which processes are killed or
stand still at any await, answers are lost, operators interfere and neighbours are mistaken. Both print the seed that
shows a fault again. On 22 November 2026 the seeds from 10,000 on were lived through while the code changed beneath
them: 9,000 simulations with 2.7 million bodies begun, 375,000 of them lost with their nodes. What was wrong in eight of
them was wrong in the checkers.
"""


def found() -> dict[str, dict[str, str | None]]:
    """By the name of the fault: where it was planted, and the test that found it; None: nothing did."""
    kept: dict[str, dict[str, str | None]] = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    return kept


def is_found(name: str) -> bool:
    """Whether the fault was planted, and found."""
    return found().get(name, {}).get("found_by") is not None


def keep(plant: Plant, finder: str | None) -> None:
    """Write one more into the record, and the page anew. Faults that are not planted any more are forgotten."""
    kept = {**found(), plant.name: {"file": plant.file, "found_by": finder}}
    known = {one.name: kept[one.name] for one in EVERY if one.name in kept}
    RECORD.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    write_page()


def write_page() -> None:
    """Make the page from the record."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    kept = found()
    rows = [f"| {name} | `{one['file']}` | {_told(one['found_by'])} |" for name, one in kept.items()]
    count = sum(one["found_by"] is not None for one in kept.values())
    summary = f"{len(rows)} faults were planted, and {count} found."
    return "\n".join([_BEGIN, summary, "", "| the fault | planted in | found by |", "|---|---|---|", *rows, ""])


def _told(finder: str | None) -> str:
    """The test as a link: its file and its name, without what it was run with."""
    if finder is None:
        return "nothing"
    path, *names = re.sub(r"\[.*$", "", finder).split("::")
    return f"[{' '.join(names[-1:]) or path}](../../{path})"


if __name__ == "__main__":
    write_page()
