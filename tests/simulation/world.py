"""One simulated town: some nodes, a database, a minute of made-up time, and what goes wrong in it."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from hourbell import Context
from hourbell.clock import ManualClock
from hourbell.model.history import attempts_of
from hourbell.model.run import Attempt, Run, RunFilter
from hourbell.model.schedule import Declaration, Source
from hourbell.store.memory import MemoryStore
from hourbell.task import Task, TaskRegistry
from hourbell.triggers import Every

from .attempts import Attempts
from .flaky_store import FlakyStore, Line
from .machines import Machine
from .operator import PAUSED, Operator
from .sim_node import SETTINGS, SimNode, seeded
from .virtual_loop import VirtualLoop

SECONDS = 40
_MACHINES = (0, 0, 1)
"""By place: on which machine the node there is."""
_PATIENCE = 120
_KNOWN = SETTINGS.lease / 3 + 1
"""Seconds after which a node is known to its neighbours: registered, and told of by a renewal."""
LIMIT = 2


@dataclass(frozen=True)
class Hazards:
    """What may go wrong: how often a second per node or per town, and the line's shares."""

    kills: float = 0.0
    stops: float = 0.0
    drains: float = 0.0
    outages: float = 0.0
    cuts: float = 0.0
    stalls: float = 0.0
    lost: float = 0.0
    refused: float = 0.0
    struck: float = 0.0
    """At each place of each question, the process is killed or stopped just there."""
    mistaken: float = 0.0
    """At each look at a neighbour, it is taken for gone although it lives."""


EVERYTHING = Hazards(
    kills=0.06,
    stops=0.04,
    drains=0.03,
    outages=0.02,
    cuts=0.03,
    stalls=0.01,
    lost=0.01,
    refused=0.01,
    mistaken=0.002,
)
KILLS_ONLY = Hazards(kills=0.1)
STANDSTILLS = Hazards(stops=0.2, stalls=0.2)
BETWEEN = Hazards(drains=0.03, lost=0.02, refused=0.01, struck=0.002, mistaken=0.01)


@dataclass
class Seen:
    """What the bodies themselves saw, and what the store was seen to do."""

    begun: Counter[tuple[str, int]] = field(default_factory=Counter)
    begun_at: dict[tuple[str, int], float] = field(default_factory=dict)
    """By attempt: on the clock that only grows."""
    began: dict[tuple[str, int], datetime] = field(default_factory=dict)
    ended: Counter[tuple[str, int]] = field(default_factory=Counter)
    killed_at: dict[tuple[str, int], float] = field(default_factory=dict)
    """By attempt whose node was killed: when."""
    watched: set[tuple[str, int]] = field(default_factory=set)
    """Those of them whose node had a neighbour on its machine that had heard of it."""
    kills: list[float] = field(default_factory=list)
    most_at_once: int = 0
    problems: list[str] = field(default_factory=list)
    claimed: dict[tuple[str, int], datetime] = field(default_factory=dict)
    """By attempt: when the store gave it to a node."""
    buried_alive: set[tuple[str, int]] = field(default_factory=set)
    """Attempts of nodes that were taken for gone while they lived."""
    cancelled: set[str] = field(default_factory=set)
    """Runs that the operator asked to end."""
    killed: list[datetime] = field(default_factory=list)
    """When nodes were."""
    requested: dict[str, datetime] = field(default_factory=dict)
    """Runs that the operator asked for: from when on they were due."""
    named: int = 0
    """How many runs were claimed by the name that a hint told."""
    pauses: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Of the schedule ``paused``: from when until when."""


@dataclass(frozen=True)
class Outcome:
    """The end of one simulation."""

    seed: int
    first: datetime
    last: datetime
    periods: dict[str, int]
    policies: dict[str, dict[str, Any]]
    runs: list[Run]
    attempts: dict[str, list[Attempt]]
    seen: Seen
    history: list[str]


class Town:
    """Everything of one simulation."""

    def __init__(self, seed: int, hazards: Hazards, clock: ManualClock) -> None:
        self.seed = seed
        self.chance = seeded(seed)
        self.hazards = hazards
        self.clock = clock
        self.store = MemoryStore(self.clock)
        self.seen = Seen()
        self._machines = [Machine(f"boot-{number}", self.chance, hazards.mistaken) for number in range(2)]
        self.nodes: list[SimNode] = []
        self.lines: dict[str, Line] = {}
        self.holders: dict[tuple[str, int], SimNode] = {}
        self.history: list[str] = []
        self.attempts = Attempts(self.seen.problems)
        self._operator = Operator(self.store, self.chance, self.seen, self._tell)
        self._made = 0

    async def live(self) -> Outcome:
        """From the first node's start to the last run's end."""
        first = self.clock.now() + timedelta(seconds=3)
        last = first + timedelta(seconds=SECONDS)
        await self._store_schedules(first, last)
        self.nodes = [self._new_node(place) for place in range(len(_MACHINES))]
        await asyncio.sleep(3)
        for _ in range(SECONDS * 2):
            self._strike()
            await self._operator.act()
            await asyncio.sleep(0.5)
        await self._operator.resume()
        for line in self.lines.values():
            line.perfect()
        await self._until_all_is_done()
        return await self._outcome(first, last)

    async def _store_schedules(self, first: datetime, last: datetime) -> None:
        for name, (task, seconds, policies) in SCHEDULES.items():
            declaration = Declaration(
                id=name,
                task=task,
                trigger=Every(seconds=seconds, start=first, end=last),
                args={},
                policies=policies,
                inherited={},
                source=Source.CALL,
                digest=None,
            )
            await self.store.add_schedule(declaration, "error")

    def _new_node(self, place: int) -> SimNode:
        self._made += 1
        name = f"node {self._made}"
        hazards = self.hazards
        line = Line(self.chance, stalls=hazards.stalls, lost=hazards.lost, refused=hazards.refused)
        self.lines[name] = line
        store = FlakyStore(self.store.twin(), line, self._asked)
        node = SimNode(name, store, TaskRegistry(), self.clock, self._machines[_MACHINES[place]], place)
        line.struck, line.strike = hazards.struck, lambda: self._strike_down(node)
        for task in self._bodies(node):
            node._parts.tasks.add(task)
        node.start()
        return node

    def _bodies(self, node: SimNode) -> Iterator[Task[..., Any]]:
        def body(name: str, seconds: float, *, fails: bool = False, **policies: Any) -> Task[..., Any]:
            async def run(context: Context) -> None:
                attempt = (context.run_id, context.attempt)
                self.seen.begun[attempt] += 1
                self.seen.begun_at[attempt] = self.clock.elapsed()
                self.seen.began[attempt] = self.clock.now()
                self.holders[attempt] = node
                if seconds:
                    await asyncio.sleep(seconds)
                if fails and context.attempt == 1:
                    raise ConnectionError("the first try always fails")
                self.seen.ended[attempt] += 1

            return Task(run, name=name, policies=policies)

        yield body("quick", 0)
        yield body("slow", 1.3)
        yield body("long", 2 * SETTINGS.lease)
        yield body("limited", 0.7, concurrency=LIMIT)
        yield body("flaky", 0, fails=True, retry={"attempts": 5, "first": 0.5, "jitter": False})

    def _asked(self, verb: str, args: tuple[Any, ...], answer: Any) -> None:
        """After each statement: what must be true of the tables at any moment."""
        self.attempts.asked(verb, args, answer)
        if verb == "fire_due":
            given = answer.taken
        elif verb in ("claim", "claim_named"):
            given = answer.runs if answer is not None else ()
        else:
            return
        if verb == "claim_named":
            self.seen.named += len(given)
        for run in given:
            self.seen.claimed[run.id, run.attempt] = answer.now
        running = sum(run.task == "limited" and run.state == "running" for run in self.store._tables.unfinished())
        self.seen.most_at_once = max(self.seen.most_at_once, running)

    def _strike(self) -> None:
        """What goes wrong in this half second."""
        hazards, chance = self.hazards, self.chance
        for place, node in enumerate(self.nodes):
            draw = chance.random() * 2
            if node.stopped_until > self.clock.elapsed():
                continue
            if draw < hazards.kills:
                self._kill(place)
            elif draw < hazards.kills + hazards.stops:
                seconds = chance.choice([0.4, 2.0, 5.0, 9.0])
                self._tell(f"{node.name} is stopped for {seconds} s")
                node.stop_for(seconds)
            elif draw < hazards.kills + hazards.stops + hazards.drains:
                self._tell(f"{node.name} is drained")
                node.in_its_name(node.drain())
                self.nodes[place] = self._new_node(place)
            elif draw < hazards.kills + hazards.stops + hazards.drains + hazards.cuts:
                self._away([node], chance.choice([0.5, 2.0, 5.0]))
        if chance.random() * 2 < hazards.outages:
            self._away(self.nodes, chance.choice([0.5, 2.0, 6.0]))

    def _strike_down(self, node: SimNode) -> None:
        """Just there, where it asks or hears the database."""
        if node not in self.nodes or self.chance.random() < 0.5:
            self._tell(f"{node.name} stands still where it is")
            node.stop_for(self.chance.choice([0.4, 2.0, 5.0]))
        else:
            # Not in the name of the dead: a new node is to come in its place.
            contextvars.Context().run(self._kill, self.nodes.index(node))

    def _kill(self, place: int) -> None:
        node = self.nodes[place]
        self._tell(f"{node.name} is killed")
        node.kill()
        self.seen.kills.append(self.clock.elapsed())
        self.seen.killed.append(self.clock.now())
        watched = self._is_watched(node)
        for attempt, holder in self.holders.items():
            if holder is node and not self.seen.ended[attempt]:
                self.seen.killed_at[attempt] = self.clock.elapsed()
                if watched:
                    self.seen.watched.add(attempt)
        asyncio.get_running_loop().call_later(self.chance.uniform(0.1, 3.0), self._renew, place, node)

    def _is_watched(self, node: SimNode) -> bool:
        """Whether another on the same machine lives and has had time for a renewal that tells of this one."""
        old = self.clock.elapsed() - _KNOWN
        others = [other for other in self.nodes if other is not node and other.machine is node.machine]
        return node.begun_at < old and any(not other.dead and other.begun_at < old for other in others)

    def _renew(self, place: int, dead: SimNode) -> None:
        if self.nodes[place] is dead:
            self.nodes[place] = self._new_node(place)

    def _away(self, nodes: list[SimNode], seconds: float) -> None:
        self._tell(f"the database is away from {', '.join(node.name for node in nodes)} for {seconds} s")
        for node in nodes:
            line = self.lines[node.name]
            line.away = True
            asyncio.get_running_loop().call_later(seconds, line.__setattr__, "away", False)

    def _tell(self, what: str) -> None:
        self.history.append(f"{self.clock.now():%H:%M:%S.%f} {what}")

    async def _until_all_is_done(self) -> None:
        for _ in range(_PATIENCE):
            await asyncio.sleep(1)
            unfinished = list(self.store._tables.unfinished())
            waiting = [one for one in self.store._tables.schedules.values() if one.next_fire_at is not None]
            if not unfinished and not waiting:
                return
        self.seen.problems.append(f"after {_PATIENCE} s {len(unfinished)} runs and {len(waiting)} schedules go on")

    async def _outcome(self, first: datetime, last: datetime) -> Outcome:
        self.seen.buried_alive = {
            attempt for attempt, node in self.holders.items() if node in node.machine.buried_alive
        }
        runs = list((await self.store.list_runs(RunFilter(limit=100_000))).items)
        attempts = {run.id: list(attempts_of(run, await self.store.list_attempts(run.id))) for run in runs}
        return Outcome(
            seed=self.seed,
            first=first,
            last=last,
            periods={name: seconds for name, (_, seconds, _) in SCHEDULES.items()},
            policies={name: policies for name, (_, _, policies) in SCHEDULES.items()},
            runs=runs,
            attempts=attempts,
            seen=self.seen,
            history=self.history,
        )


_EACH = {"catch_up": "all", "overlap": "allow"}
SCHEDULES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "quick": ("quick", 1, _EACH),
    "slow": ("slow", 1, _EACH),
    "long": ("long", 5, _EACH),
    "limited": ("limited", 1, _EACH),
    "flaky": ("flaky", 2, _EACH),
    "once": ("slow", 1, {**_EACH, "on_lost": "fail"}),
    "skipping": ("slow", 1, {"catch_up": "all", "overlap": "skip"}),
    "buffering": ("slow", 2, {"catch_up": "all", "overlap": "buffer_one"}),
    PAUSED: ("slow", 1, _EACH),
}


def simulated(seed: int, hazards: Hazards = EVERYTHING) -> Outcome:
    """Live through one town. The same seed gives the same history, to the microsecond."""
    with _only_this_chance(seed):
        clock = ManualClock()
        loop = VirtualLoop(clock)
        try:
            return loop.run_until_complete(Town(seed, hazards, clock).live())
        finally:
            loop.close()


@contextmanager
def _only_this_chance(seed: int) -> Iterator[None]:
    """Ids come from the seed as well; and what nodes log about their hardships is not for the terminal."""
    chance = random.Random(seed ^ 0x5EED)
    log = logging.getLogger("hourbell")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with mock.patch.object(os, "urandom", chance.randbytes):
            yield
    finally:
        log.setLevel(level)
