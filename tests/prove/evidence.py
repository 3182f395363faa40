"""Evidence made by hand: a proof in which all went well, to be spoilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hourbell import Run
from hourbell.model.run import Attempt
from hourbell.model.run_state import Outcome, RunState
from hourbell.prove.course import COUNTING, LEASE, Blow, Course, Planned
from hourbell.prove.figures import Evidence
from hourbell.prove.ledger import Line, Phase
from hourbell.prove.mayhem import Deed
from hourbell.prove.nodes import Exit
from hourbell.prove.record import Record

FIRST = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KILLED, FROZEN, REPLACED, SURVIVOR = 11, 12, 13, 14


def after(seconds: float) -> datetime:
    return FIRST + timedelta(seconds=seconds)


def run(name: str, schedule: str, at: float, **changed: Any) -> Run:
    values: dict[str, Any] = {
        "fire_at": after(at),
        "state": RunState.SUCCEEDED,
        "attempt": 1,
        "node_id": "survivor",
        "created_at": after(at + 0.01),
        "finished_at": after(at + 1),
    }
    return Run(id=name, task="quick", origin="fire", schedule_id=schedule, **values | changed)


def line(phase: Phase, of: Run, at: float, *, attempt: int = 1, pid: int = SURVIVOR) -> Line:
    assert of.schedule_id is not None
    assert of.fire_at is not None
    return Line(
        phase=phase,
        schedule=of.schedule_id,
        fire_at=of.fire_at,
        run=of.id,
        attempt=attempt,
        pid=pid,
        at=after(at),
    )


def attempt(of: Run, number: int, outcome: Outcome, *, node: str, until: float) -> Attempt:
    return Attempt(
        run_id=of.id,
        attempt=number,
        node_id=node,
        started_at=after(until - 1),
        finished_at=after(until),
        outcome=outcome,
        error=None,
    )


class Story:
    """Three fires of one schedule and one of each of the others, and one blow of each kind."""

    def __init__(self) -> None:
        self.plain = [run(f"plain-{second}", "plain", second) for second in range(3)]
        self.taken = replace(self.plain[1], attempt=2, losses=1)
        self.plain[1] = self.taken
        self.thawed = run("thawed", "thawed", 0, attempt=2, losses=1)
        self.long = run("long", "long", 0)
        self.once = run("once", "once", 0, state=RunState.FAILED, on_lost="fail", node_id="killed")
        self.skipped = run("skipped", "skipping", 0, state=RunState.SKIPPED, reason="overlap", attempt=0)
        self.runs: list[Run] = [*self.plain, self.thawed, self.long, self.once, self.skipped]
        self.attempts = [
            attempt(self.taken, 1, Outcome.LOST, node="killed", until=5),
            attempt(self.thawed, 1, Outcome.LOST, node="frozen", until=5),
        ]
        self.lines: list[Line] = []
        for one in self.runs:
            if one.state is RunState.SUCCEEDED:
                last = one.attempt
                self.lines += [line(Phase.BEGAN, one, 5.5, attempt=last), line(Phase.ENDED, one, 6, attempt=last)]
                self.lines.append(line(Phase.ACCEPTED, one, 6.1, attempt=last))
        self.lines += [
            line(Phase.BEGAN, self.taken, 1.1, pid=KILLED),
            line(Phase.BEGAN, self.once, 1.1, pid=KILLED),
            line(Phase.BEGAN, self.thawed, 1.1, pid=FROZEN),
            line(Phase.ENDED, self.thawed, 7, pid=FROZEN),
        ]
        self.deeds = [
            Deed(blow=Blow.KILL, began=after(2), ended=after(2), pids=(KILLED,)),
            Deed(blow=Blow.FREEZE, began=after(2), ended=after(7), pids=(FROZEN,)),
            Deed(blow=Blow.DEPLOY, began=after(2), ended=after(3), pids=(REPLACED,), exits=(Exit(0, 1.0),)),
            Deed(blow=Blow.END_SESSIONS, began=after(-9), ended=after(-6), count=3),
        ]
        self.schedules: Sequence[Planned] = (
            Planned(id="plain", body="quick", seconds=1, policies=COUNTING),
            Planned(id="thawed", body="quick", seconds=9, policies=COUNTING),
            Planned(id="long", body="quick", seconds=9, args={"pause": 2 * LEASE}, policies=COUNTING),
            Planned(id="once", body="quick", seconds=9, policies={**COUNTING, "on_lost": "fail"}),
            Planned(id="skipping", body="quick", seconds=9, policies={"overlap": "skip"}),
        )
        self.bends = (60.0, -60.0)
        # The next row after the sessions were ended.
        early = run("early", "plain", -5, fire_at=None, state=RunState.SKIPPED, reason="by hand")
        self.runs.insert(0, replace(early, schedule_id=None))

    def evidence(self) -> Evidence:
        course = Course(
            seed=1,
            seconds=2,
            nodes=2,
            kind="postgres",
            schedules=self.schedules,
            strokes=(),
            bends=self.bends,
        )
        pids = {"killed": KILLED, "frozen": FROZEN, "replaced": REPLACED, "survivor": SURVIVOR}
        return Evidence(
            course=course,
            first=FIRST,
            last=after(2),
            deeds=self.deeds,
            record=Record(runs=self.runs, attempts=self.attempts, pids=pids),
            lines=sorted(self.lines, key=lambda one: one.at),
        )
