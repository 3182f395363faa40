"""What is going to happen, drawn from a seed before anything starts: the schedules, and who suffers what when."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LEASE = 3.0
POLL = 1.0
DRAIN = 4.0
FREEZE = LEASE + 2.0
ENDING = 3.0
LOCKED = 1.5
# What a node is given to come back, and the others to take over, before the next blow.
_BREATH = 2.5
# How many blows are aimed at who has most to lose; the others hit anybody.
_BUSIEST = 0.7
# Nothing is begun so late that its end could not be seen.
_QUIET_END = FREEZE + 2.0


class Blow(StrEnum):
    """What is done to the nodes or to their database."""

    KILL = "kill -9"
    KILL_ALL = "kill -9 of all at once"
    FREEZE = "stopped for longer than its lease, then let go on"
    DEPLOY = "SIGTERM, and a new one in its place"
    END_SESSIONS = "database sessions ended five times a second"
    LOCK_TABLE = "the table of runs locked against everybody"
    LOCK_FILE = "the file locked against everybody who writes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """One blow: ``at`` seconds after the first fire, to the node in place ``place`` where it is for one.

    ``busiest``  to the node with the most bodies under way instead, if any has one.
    """

    at: float
    blow: Blow
    place: int
    busiest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A schedule: its body by name with what it is given, every ``seconds``, under these policies."""

    id: str
    body: str
    seconds: int
    args: Mapping[str, Any] = field(default_factory=dict)
    policies: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All that a proof is going to do. The same seed, length and number of nodes give the same course."""

    seed: int
    seconds: float
    nodes: int
    kind: str
    schedules: Sequence[Planned]
    strokes: Sequence[Stroke]
    bends: Sequence[float]
    """By place: how many seconds the clock of that node's host is wrong."""

    @classmethod
    def drawn(cls, *, seed: int, seconds: float, nodes: int, kind: str) -> Course:
        """Draw it. ``kind`` is "postgres" or "sqlite"; seconds as long as the schedules fire."""
        chance = random.Random(seed)
        # The database's clock is on another host than the nodes, or could be; a file's clock is that of its host.
        bends = [round(chance.uniform(-120, 120), 1) if kind == "postgres" else 0.0 for _ in range(nodes)]
        return cls(
            seed=seed,
            seconds=seconds,
            nodes=nodes,
            kind=kind,
            schedules=tuple(_schedules()),
            strokes=tuple(_strokes(chance, seconds, nodes, kind)),
            bends=tuple(bends),
        )


COUNTING: Mapping[str, Any] = {"catch_up": "all", "overlap": "allow"}
"""Every fire gets a run of its own."""


def _schedules() -> Iterator[Planned]:
    for number in range(10):
        yield Planned(id=f"quick-{number:02}", body="quick", seconds=1, policies=COUNTING)
    for number in range(2):
        yield Planned(id=f"thread-{number:02}", body="in_thread", seconds=1, args={"pause": 0.2}, policies=COUNTING)
    for number in range(4):
        # Nobody can end a thread: one that is stopped with its process comes to its end all the same, and too late.
        yield Planned(id=f"stubborn-{number:02}", body="in_thread", seconds=2, args={"pause": 1.7}, policies=COUNTING)
    for number in range(4):
        yield Planned(id=f"slow-{number:02}", body="quick", seconds=2, args={"pause": 1.5}, policies=COUNTING)
    for number in range(2):
        yield Planned(id=f"long-{number:02}", body="quick", seconds=5, args={"pause": 2 * LEASE}, policies=COUNTING)
    for number in range(2):
        yield Planned(id=f"flaky-{number:02}", body="flaky", seconds=2, policies=COUNTING)
    for number in range(4):
        policies = {**COUNTING, "on_lost": "fail"}
        yield Planned(id=f"at-most-once-{number:02}", body="quick", seconds=1, args={"pause": 0.9}, policies=policies)
    for number in range(2):
        policies = {"catch_up": "all", "overlap": "skip"}
        yield Planned(id=f"skipping-{number:02}", body="quick", seconds=1, args={"pause": 1.2}, policies=policies)


def _strokes(chance: random.Random, seconds: float, nodes: int, kind: str) -> Iterator[Stroke]:
    ordinary = [Blow.KILL, Blow.FREEZE, Blow.DEPLOY]
    ordinary += [Blow.END_SESSIONS, Blow.LOCK_TABLE] if kind == "postgres" else [Blow.LOCK_FILE]
    # Each once in an order drawn by lot, then kills mostly; all at once in the middle, where it is seen best.
    first = chance.sample(ordinary, len(ordinary))
    at, number, all_killed = 2.0, 0, False
    while at < seconds - _QUIET_END:
        if not all_killed and at > seconds / 2:
            blow, all_killed = Blow.KILL_ALL, True
        elif number < len(first):
            blow, number = first[number], number + 1
        else:
            blow = chance.choice([*ordinary, Blow.KILL, Blow.KILL, Blow.KILL])
        yield Stroke(at=round(at, 1), blow=blow, place=chance.randrange(nodes), busiest=chance.random() < _BUSIEST)
        at += lasts(blow) + _BREATH


_LASTS: Mapping[Blow, float] = {
    Blow.FREEZE: FREEZE,
    Blow.END_SESSIONS: ENDING,
    Blow.LOCK_TABLE: LOCKED,
    Blow.LOCK_FILE: LOCKED,
    Blow.KILL_ALL: 2.0,
}


def lasts(blow: Blow) -> float:
    """Seconds from its beginning to its end."""
    return _LASTS.get(blow, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What one node process is told: its database, how wrong its clock is, and the folder of its ledger."""

    database: str
    schema: str
    folder: str
    bend: float = 0.0

    def to_json(self) -> str:
        """As text for the environment of the process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Orders:
        """Read what ``to_json`` wrote."""
        return cls(**json.loads(text))
