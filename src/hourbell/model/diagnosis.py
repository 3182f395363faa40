"""A diagnosis: what was seen, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from hourbell.model.database_facts import DatabaseFacts
    from hourbell.model.survey import Survey

Severity = Literal["problem", "notice"]
Hints = Literal["arrive", "lost", "none", "unknown"]
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be. ``about`` is a word for programs, and stays the same over versions.

    ``what``  in a sentence; ``do``  what to do about it; ``named``  the ids or names that it is about. A ``problem``
    keeps something from running, or soon will; a ``notice`` does not.
    """

    about: str
    severity: Severity
    what: str
    do: str
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was seen. Seconds: ``lease`` and ``poll`` are settings, ``offset`` is by how much this host's clock is ahead
    of the database's. ``hints``: they ``arrive``, are ``lost`` on the way, this database has ``none``, or it is
    ``unknown``, since its tables do not answer.

    ``survey`` is None where the tables could not be read, because of what ``database`` tells.
    """

    now: datetime
    lease: float
    poll: float
    database: DatabaseFacts
    hints: Hints = "arrive"
    pooler: bool = False
    offset: float = 0.0
    survey: Survey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The facts and the findings, problems first."""

    facts: Facts
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """True when nothing is a problem."""
        return not any(one.severity == "problem" for one in self.findings)


def some(names: list[str]) -> str:
    """The first few of these names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def counted(number: int, noun: str) -> str:
    """So many of these: 1 run, 2 runs."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def ago(since: datetime, now: datetime) -> str:
    """How long ago it was, to be read."""
    return f"{spell(now - since)} ago"


def spell(span: timedelta) -> str:
    """How long it is, to be read: whole units, the largest of which there are two."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
