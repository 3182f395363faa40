"""What processes say in their logs while the database is away: few lines, each of which has a name."""

from __future__ import annotations

import re
from collections import Counter

from .fleet import Fleet
from .report import Report

_SAYS = re.compile(r"^\S+ \S+ (\d+) (?:WARNING|ERROR) hourbell\.\S+: (.*)$", re.MULTILINE)
_OUTAGE = "the database does not answer; trying again until it does: "
NAMED = (_OUTAGE, "lost its lease", "LeaseLost", "started without the database", "took over from lost nodes")
"""All that a node has to say of a database that is away; the first goes on with the error's own words."""
MOST_WORDS = 40
"""So many lines a process may say in an outage, however long it is: that it began, and what it cost."""


def few_words(report: Report, fleet: Fleet, *, told: bool = True) -> None:
    """Each process says little, and nothing that has no name; ``told``: and each command line that it was an outage."""
    said = {group.name: _SAYS.findall(group.log()) for group in fleet.groups}
    counts = Counter(pid for lines in said.values() for pid, _ in lines)
    report.figure("warnings and errors of one process, at most", max(counts.values(), default=0))
    report.require(max(counts.values(), default=0) <= MOST_WORDS, f"lines by process: {dict(counts)}")
    strange = [line for lines in said.values() for _, line in lines if not any(name in line for name in NAMED)]
    report.require(not strange, f"{len(strange)} lines without a name: " + " | ".join(strange[:3]))
    for name, lines in said.items():
        outages = [line for _, line in lines if _OUTAGE in line]
        report.require(bool(outages) or not told, f"{name} did not say that the database was away")
        report.require(all(re.search(_OUTAGE + r"PostgreSQL ", line) for line in outages), f"{name}: {outages[:2]}")
