"""The whole result, for people and as JSON."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from hourbell.prove.course import DRAIN, LEASE, POLL
from hourbell.prove.figures import at_share
from hourbell.prove.judge import Verdict, Word, judged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.prove.figures import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was seen, and a verdict on each promise. ``place`` is the database, without its password."""

    place: str
    evidence: Evidence
    verdicts: Sequence[Verdict]

    @classmethod
    def of(cls, evidence: Evidence, place: str) -> Result:
        """Judge the evidence."""
        return cls(place=place, evidence=evidence, verdicts=judged(evidence))

    @property
    def broken(self) -> int:
        """How many promises were broken."""
        return sum(one.word is Word.BROKEN for one in self.verdicts)

    @property
    def exit_code(self) -> int:
        """0 when no promise was broken, else 1."""
        return 1 if self.broken else 0

    def blows(self) -> list[tuple[str, int]]:
        """How often each thing was done."""
        return sorted(Counter(str(deed.blow) for deed in self.evidence.deeds).items())

    def to_json(self) -> dict[str, Any]:
        """Everything a reader needs to judge for himself, and to do it again: seed, versions, figures, verdicts."""
        evidence, course = self.evidence, self.evidence.course
        takeovers = evidence.takeovers()
        return {
            "database": self.place,
            "versions": {"hourbell": version("hourbell"), "python": platform.python_version()},
            "platform": platform.platform(),
            "seed": course.seed,
            "seconds": course.seconds,
            "nodes": course.nodes,
            "lease": LEASE,
            "poll": POLL,
            "drain": DRAIN,
            "clocks_bent_by": list(course.bends),
            "first_fire": evidence.first.isoformat(),
            "last_fire": evidence.last.isoformat(),
            "done": dict(self.blows()),
            "fires_expected": len(evidence.expected()),
            "fires_recorded": len(evidence.recorded()),
            "runs": len(evidence.record.runs),
            "bodies_begun": sum(evidence.attempts_begun().values()),
            "attempts_lost": len(evidence.lost()),
            "reports_refused": len(evidence.fenced()),
            "takeover_seconds": {name: round(at_share(takeovers, share), 3) for name, share in _SHARES},
            "lateness_seconds": {name: round(at_share(evidence.lateness(), share), 3) for name, share in _SHARES},
            "verdicts": [{"promise": one.promise, "verdict": str(one.word), "seen": one.seen} for one in self.verdicts],
        }


_SHARES = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
