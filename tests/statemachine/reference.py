"""The reference: what every store must do, as plain rows in lists, with no transaction, index, lock or await.

It was written from what the port promises, not from any store, and is meant to be read in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from hourbell.model.run import NewRun, Run, Settlement

from .reference_schedules import ScheduleRules
from .rows import WAITING, RefNode, RefRun

NOBODY: Mapping[str, str] = {}
LIMIT = 2
"""How many runs of the task ``limited`` may run at once."""


class Refused(Exception):
    """The store must raise Conflict."""


class Reference(ScheduleRules):
    """Nodes and runs; schedules are in its base. Every verb is told the database's instant."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: dict[str, RefNode] = {}

    # Nodes

    def register(
        self, node: str, lease: timedelta, now: datetime, replaces: str | None = None, process: str | None = None
    ) -> None:
        if node in self.nodes:
            return
        self.nodes[node] = RefNode("live", now + lease, process=process)
        if replaces is not None:
            if self.nodes[replaces].state == "live":
                self.nodes[replaces].state = "dead"
            self._lose(self.held(replaces), now)

    def renew(self, node: str, lease: timedelta, now: datetime) -> bool:
        row = self.nodes[node]
        if row.state != "live" or row.lease_until <= now:
            return False
        row.lease_until = now + lease
        row.renewals += 1
        return True

    def rescue(self, suspects: Mapping[str, int], now: datetime, gone: Mapping[str, str] = NOBODY) -> list[str]:
        """``gone``: whose process is gone for certain, by the process that was looked for."""
        dead = [
            name
            for name, row in self.nodes.items()
            if row.state == "live"
            and ((row.lease_until <= now and suspects.get(name) == row.renewals) or gone.get(name) == row.process)
        ]
        for name in dead:
            self.nodes[name].state = "dead"
        self._lose([run for name, row in self.nodes.items() if row.state != "live" for run in self.held(name)], now)
        return sorted(dead)

    def retire(self, node: str, now: datetime) -> None:
        if self.nodes[node].state == "live":
            self.nodes[node].state = "stopped"
        for run in self.held(node):
            run.outcome = "handed_back"
            self._leave_behind(run, now, spent=False)
        self.pass_turns(now)

    def held(self, node: str) -> list[RefRun]:
        return [run for run in self.runs if run.state == "running" and run.node == node]

    def _lose(self, runs: Iterable[RefRun], now: datetime) -> None:
        for run in runs:
            run.losses += 1
            run.outcome = "lost"
            self._leave_behind(run, now, spent=run.losses >= run.lost_limit)
        self.pass_turns(now)

    def _leave_behind(self, run: RefRun, now: datetime, *, spent: bool) -> None:
        """A run without its node: cancelled if that was asked, failed if it may not start again, else queued."""
        if run.asked_at is not None:
            run.end("cancelled", now, reason=run.reason or "cancelled")
        elif run.on_lost == "fail" or spent:
            run.end("failed", now, reason="lost")
        else:
            run.queue(_place(run, now) if run.outcome == "handed_back" else now)

    # Runs

    def enqueue(self, wanted: Sequence[NewRun], now: datetime) -> list[RefRun]:
        return [self._insert(new, now) for new in wanted]

    def _insert(self, new: NewRun, now: datetime) -> RefRun:
        known = self.find(new.id) or next(
            (run for run in self.runs if new.key is not None and (run.task, run.key) == (new.task, new.key)), None
        )
        if known is not None:
            return known
        run = RefRun(new.id, new.task, new.origin, now, schedule=new.schedule_id)
        run.run_at = now + (new.delay or timedelta(0))
        run.line = new.queue
        run.key, run.priority, run.on_lost, run.lost_limit = new.key, new.priority, new.on_lost, new.lost_limit
        self.runs.append(run)
        return run

    def trigger(self, new: NewRun, now: datetime) -> RefRun:
        """A request under its schedule's policy."""
        known = self.find(new.id)
        if known is not None:
            return known
        assert new.schedule_id is not None
        what = self.turn_now(new.schedule_id)
        run = self._insert(new, now)
        if what == "skip":
            run.run_at = None
            run.end("skipped", now, reason="overlap")
        elif what != "now":
            run.run_at = None
        if what == "replace":
            self.make_way(new.schedule_id, now)
        self.pass_turns(now)
        return run

    def is_usual(self, run: RefRun, now: datetime) -> bool:
        """Whether who knows its name is given it: due, never lost, and not to be too late for."""
        is_due = run.state == "queued" and run.run_at is not None and run.run_at <= now
        return is_due and not run.losses and run.start_by is None

    def take(self, node: str, claim: str, runs: Sequence[Run], missed: Sequence[Run], now: datetime) -> None:
        """The claim that the store made; whether it was a right one is judged elsewhere."""
        for given in runs:
            run = self.of(given.id)
            run.state, run.node, run.outcome, run.claim = "running", node, None, claim
            run.attempt += 1
        for given in missed:
            run = self.of(given.id)
            run.outcome = None
            run.end("skipped", now, reason="missed")
        self.pass_turns(now)

    def settle(self, node: str, reports: Sequence[Settlement], now: datetime) -> dict[str, str]:
        accepted = {}
        for report in reports:
            became = self._settle(node, report, now)
            if became is not None:
                accepted[report.run_id] = became
        self.pass_turns(now)
        return accepted

    def _settle(self, node: str, report: Settlement, now: datetime) -> str | None:
        run = self.find(report.run_id)
        if run is None:
            return None
        said = (report.attempt, node, report.outcome.value)
        if (run.state, run.attempt, run.node) != ("running", report.attempt, node):
            # Accepted only as the repetition of what was written.
            if run.final and (run.attempt, run.node, run.outcome) == said:
                return run.state
            return report.state.value if said in run.attempts else None
        run.failures += report.failed
        run.outcome = report.outcome.value
        unwanted = run.asked_at is not None and (report.state == "queued" or report.outcome == "cancelled")
        if report.state == "queued" and not unwanted:
            back = report.outcome == "handed_back" and not report.delay
            run.queue(_place(run, now) if back else now + report.delay)
            return run.state
        state = "cancelled" if unwanted else report.state.value
        run.reason = (run.reason or "cancelled") if state == "cancelled" else None
        run.end(state, now)
        return state

    def cancel(self, run: RefRun, now: datetime) -> None:
        if run.final:
            raise Refused
        if run.asked_at is None:
            run.asked_at, run.reason = now, "cancelled"
        if run.state == "queued":
            run.end("cancelled", now, outcome="cancelled")
        self.pass_turns(now)

    def retry(self, run: RefRun, now: datetime) -> None:
        if not run.final or run.covers is not None:
            raise Refused
        schedule = self.schedules.get(run.schedule or "")
        waits = run.backfilled or (schedule is not None and schedule.overlap != "allow")
        run.failures = run.losses = 0
        run.start_by = run.asked_at = None
        run.queue(None if waits else now)
        run.outcome = None
        self.pass_turns(now)

    def prune(self, age: timedelta, now: datetime) -> int:
        # By their ids, too, which begin with when they were made: before they ended, unless the clock was set back.
        then = now - age
        old = [run for run in self.runs if run.finished_at and run.finished_at < then and run.created_at < then]
        self.runs = [run for run in self.runs if run not in old]
        return len(old)

    def find(self, run_id: str) -> RefRun | None:
        return next((run for run in self.runs if run.id == run_id), None)

    def of(self, run_id: str) -> RefRun:
        run = self.find(run_id)
        assert run is not None, f"there is a run {run_id} that nobody asked for"
        return run

    def may_lag(self, run: RefRun) -> bool:
        """Who waits under this schedule may be let go by the next rescue only: its policy lets nobody wait for long."""
        schedule = self.schedules.get(run.schedule or "")
        return schedule is not None and schedule.overlap not in WAITING


def _place(run: RefRun, now: datetime) -> datetime:
    """From when a run is due that goes back: as it was, unless the clock has gone back."""
    return min(run.run_at, now) if run.run_at is not None else now
