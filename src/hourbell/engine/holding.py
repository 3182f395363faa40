"""Which runs this process holds under one lease: claimed and not started, running, or ended and not yet settled."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hourbell.executors.choice import Kind
from hourbell.model.run import ROOM_FOR_SUSPECTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.context import Context
    from hourbell.executors.protocol import Body
    from hourbell.model.policies import Policies
    from hourbell.model.run import Run, Settlement
    from hourbell.task import Task


@dataclass(slots=True, eq=False)
class Execution:
    """A run that an executor has. ``since`` is on the clock that only grows; ``given_up`` ignores its ending,
    ``unwanted`` means that somebody asked it to end, ``stuck`` that it was let go of and goes on,
    ``settled`` that its effect has ended the run so, whatever the body does after it.

    ``started`` (seconds since 1970) is None until the body really begins.
    """

    run: Run
    task: Task[..., Any]
    kind: Kind
    policies: Policies
    context: Context
    started: float | None = None
    since: float = 0.0
    body: Body | None = None
    noted: bool = False
    given_up: bool = False
    unwanted: bool = False
    stuck: bool = False
    settled: Settlement | None = None


class Holdings:
    """Everything here belongs to the application's loop, but for three things that the node's thread may take away.

    A run leaves ``unstarted`` by one pop, a body that an executor has but did not begin leaves ``beginning`` by one
    removal, and a claim in flight leaves ``claims`` by one pop. Each happens whole in whichever thread: so each run is
    either started here or handed back there, never both.

    ``taken``: how many runs of a kind have left their line so far. ``reported``: the attempts that have ended and are
    not written yet. ``claims``: those on their way, and the places that each keeps. ``uncompared``: something was
    claimed, or may have been, since the store was asked last what is held here.
    """

    def __init__(self) -> None:
        self.unstarted: dict[Kind, deque[Run]] = {kind: deque() for kind in Kind}
        self.taken: dict[Kind, int] = dict.fromkeys(Kind, 0)
        self.running: dict[str, Execution] = {}
        self.beginning: set[Execution] = set()
        self.reported: dict[str, int] = {}
        self.claims: dict[str, int] = {}
        self.uncompared = False
        self._suspects: dict[str, int] = {}
        self._idle: asyncio.Future[None] | None = None

    def waiting(self) -> int:
        """Runs that are claimed and not started."""
        return sum(map(len, self.unstarted.values()))

    def room_for_suspects(self) -> int:
        """How much more may be claimed of runs that were lost so often that they may be what kills their nodes."""
        return max(0, ROOM_FOR_SUSPECTS - sum(self._suspects.values()))

    def add(self, kind: Kind, runs: Sequence[Run], *, first: bool = False) -> None:
        """These were claimed; they start in this order, behind what waits already or before it."""
        self._suspects.update((run.id, run.suspicion) for run in runs if run.losses)
        if first:
            self.unstarted[kind].extendleft(reversed(runs))
        else:
            self.unstarted[kind].extend(runs)
        self.uncompared = self.uncompared or bool(runs)

    def take(self, kind: Kind) -> Run | None:
        """The next run to start, which from now on only the caller has."""
        try:
            run = self.unstarted[kind].popleft()
        except IndexError:
            return None
        self.taken[kind] += 1
        return run

    def withdraw(self, run_id: str, attempt: int) -> Run | None:
        """Take away this run if it waits for its start."""
        for line in self.unstarted.values():
            for run in list(line):
                if (run.id, run.attempt) == (run_id, attempt):
                    try:
                        line.remove(run)
                    except (ValueError, IndexError):  # the node's thread was quicker
                        return None
                    self.not_started(run)
                    return run
        return None

    def forfeit(self) -> tuple[list[Run], list[str]]:
        """Take away everything that has not begun: runs, and the ids of claims whose answers nobody has seen."""
        runs = self.forfeit_runs()
        claims = [claim_id for claim_id in list(self.claims) if self.claims.pop(claim_id, None) is not None]
        self.uncompared = self.uncompared or bool(claims)
        return runs, claims

    def forfeit_runs(self) -> list[Run]:
        """Take away the runs that have not begun, and leave the claims to who waits for their answers."""
        runs: list[Run] = []
        for kind in Kind:
            while (run := self.take(kind)) is not None:
                runs.append(run)
        runs += [execution.run for execution in list(self.beginning) if self.may_begin(execution)]
        for run in runs:
            self.not_started(run)
        # Whether they are handed back is not certain yet; the next comparison with the store will tell.
        self.uncompared = self.uncompared or bool(runs)
        return runs

    def lapse(self, claim_id: str) -> bool:
        """Keep no places any more for what comes under this name. False when it is over, or taken away."""
        if self.claims.pop(claim_id, None) is None:
            return False
        # Popped before it is set, so that of two threads only one has it.
        self.claims[claim_id] = 0
        return True

    def not_started(self, run: Run) -> None:
        """A run that was taken goes back, or ends, without a body."""
        self._suspects.pop(run.id, None)

    def may_begin(self, execution: Execution) -> bool:
        """True once, unless the body was taken away before it began."""
        try:
            self.beginning.remove(execution)
        except KeyError:
            return False
        return True

    def ended(self, execution: Execution) -> None:
        """The body is over, or given up."""
        execution.given_up = True
        self.beginning.discard(execution)
        if self.running.get(execution.run.id) is execution:
            del self.running[execution.run.id]
        if self._suspects:
            self._suspects.pop(execution.run.id, None)
        if not self.running and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def local(self) -> set[tuple[str, int]]:
        """Run and attempt of everything held here."""
        held = {(run.id, run.attempt) for line in self.unstarted.values() for run in list(line)}
        held.update((one.run.id, one.run.attempt) for one in self.running.values())
        held.update(self.reported.items())
        return held

    async def idle(self, patience: float) -> bool:
        """Wait until no body runs, at most so many seconds; answers whether that is so."""
        if self.running and patience > 0:
            self._idle = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._idle}, timeout=patience)
        return not self.running
