"""What must be true of a store's rows after each step: of themselves, since the last step, and beside the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from hourbell.model.offer import Offer
from hourbell.model.plan import FiringReport
from hourbell.model.run import Claim, Run
from hourbell.model.schedule import Schedule

from .reference import LIMIT, Reference
from .rows import RefRun

MOVES = {
    "queued": {"running", "cancelled", "skipped"},
    "running": {"succeeded", "failed", "cancelled", "queued"},
}
"""Every move that a run may make in one step; a retry by hand besides takes any final run back to ``queued``."""


def adopt(reference: Reference, rows: Sequence[Run]) -> None:
    """Fires get their ids from the store: the reference learns them here, one row for each fire."""
    named = {(row.schedule_id, row.fire_at, row.origin): row.id for row in rows if row.fire_at is not None}
    for run in reference.runs:
        if run.id is None:
            run.id = named.get((run.schedule, run.fire_at, run.origin))
            assert run.id is not None, f"the fire {run.fire_at} of {run.schedule} stands in no row"


def check_rows(rows: Sequence[Run], before: Mapping[str, Run], *, retried: bool) -> None:
    """The promises that need no reference to be seen broken."""
    fires = Counter((row.schedule_id, row.fire_at, row.origin) for row in rows if row.fire_at is not None)
    assert all(count == 1 for count in fires.values()), f"a fire is recorded twice: {fires}"
    keys = Counter((row.task, row.key) for row in rows if row.key is not None)
    assert all(count == 1 for count in keys.values()), f"a key has two runs: {keys}"
    limited = sum(row.state == "running" and row.task == "limited" for row in rows)
    assert limited <= LIMIT, f"{limited} runs at once of a task with concurrency {LIMIT}"
    for row in rows:
        assert (row.state == "running") == (row.node_id is not None and not row.state.final), row
        assert row.state.final == (row.finished_at is not None), row
        assert row.state != "running" or row.attempt >= 1, row
        assert row.state not in ("skipped", "cancelled") or row.reason is not None, f"does not say why: {row}"
        old = before.get(row.id)
        if old is None:
            continue
        assert row.attempt >= old.attempt, f"the attempt number fell: {old} became {row}"
        if row.state != old.state:
            assert row.state in MOVES.get(old.state, {"queued"} if retried else ()), f"{old.state} became {row.state}"


def check_cursors(schedules: Sequence[Schedule], before: Mapping[str, Schedule]) -> None:
    """Cursors go forward."""
    for row in schedules:
        assert row.next_fire_at is not None
        assert row.last_fire_at is None or row.next_fire_at > row.last_fire_at, row
        old = before.get(row.id)
        if old is not None and old.created_at == row.created_at and old.last_fire_at is not None:
            assert row.last_fire_at is not None
            assert row.last_fire_at >= old.last_fire_at, f"the cursor went back: {old} became {row}"


def check_same(reference: Reference, rows: Sequence[Run], schedules: Sequence[Schedule], nodes: Sequence[Any]) -> None:
    """The store shows what the reference says, and nothing besides."""
    shown = {row.id: _shown(row) for row in rows}
    expected = {run.id: _expected(run) for run in reference.runs}
    assert shown == expected, _difference(shown, expected)
    cursors = {one.id: (one.state, one.next_fire_at, one.last_fire_at, one.resume_at) for one in schedules}
    wanted = {one.id: (one.state, one.next, one.last, one.resume_at) for one in reference.schedules.values()}
    assert cursors == wanted, _difference(cursors, wanted)
    leases = {node.id: (node.state, node.lease_until) for node in nodes}
    known = {name: (node.state, node.lease_until) for name, node in reference.nodes.items()}
    assert leases == known, _difference(leases, known)


@dataclass(frozen=True)
class Asked:
    """What a claim asks for, but for limits; see `RunStore.claim`."""

    limit: int
    tasks: Mapping[str, int]
    queues: Sequence[str] | None
    suspects: int
    slots: int
    since: datetime | None

    def words(self) -> dict[str, Any]:
        """As the store is told."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def serves(self, run: RefRun) -> bool:
        """Whether the run is in one of its queues."""
        return self.queues is None or run.line in self.queues


def check_taken(reference: Reference, report: FiringReport, offer: Offer, could: int) -> None:
    """Of the fires that ``could`` be taken as many were as there are places, by a node that lives."""
    live = reference.nodes[offer.node_id].state == "live"
    assert len(report.taken) == (min(could, offer.room) if live else 0), report.taken
    for given in report.taken:
        run = reference.of(given.id)
        assert (given.state, given.node_id, given.attempt) == ("running", offer.node_id, 1)
        assert (run.state, run.origin, run.task, run.on_lost) == ("queued", "fire", "plain", "retry"), run
        assert run.run_at is not None, f"{run} waits for its turn, and was taken"
        assert not _late(run, report.now), f"{run} was taken past its grace"


def check_claim(reference: Reference, claim: Claim, node: str, asked: Asked) -> None:
    """What one claim gave was claimable, in order, within every limit, and nothing was held back without a reason."""
    most, rooms, slots, suspects = asked.limit, asked.tasks, asked.slots, asked.suspects
    now, taken = claim.now, [reference.of(run.id) for run in claim.runs]
    missed = [reference.of(run.id) for run in claim.missed]
    assert all(run.node_id == node and run.state == "running" for run in claim.runs)
    assert len(taken) + len(missed) <= most
    for run, given in zip(taken, claim.runs, strict=True):
        assert run.state == "queued", f"{run} was given"
        assert run.run_at is not None
        assert run.run_at <= now, f"{run} was given before its time"
        assert given.attempt == run.attempt + 1
        assert not _late(run, now), f"{run} was given past its grace"
    assert all(_late(run, now) and run.state == "queued" for run in missed)
    assert all(asked.serves(run) for run in [*taken, *missed])
    assert taken == sorted(taken, key=lambda run: run.place)
    assert sum(_at_once(run) for run in taken) <= slots, "more that may not wait than there are free slots"
    assert sum(run.suspicion for run in claim.runs) <= suspects
    left = {task: room - sum(run.task == task for run in taken) for task, room in rooms.items()}
    assert all(room >= 0 for room in left.values())
    full = len(taken) + len(missed) == most
    for run in reference.runs:
        due = run.state == "queued" and run.run_at is not None and run.run_at <= now
        if not due or run in taken or run in missed or run.losses or _at_once(run) or not asked.serves(run):
            continue
        if asked.since is not None and run.run_at is not None and run.run_at < asked.since:
            continue  # that may be left out
        later = all(run.place > other.place for other in taken if other.task == run.task and not other.losses)
        assert later, f"{run} was passed over for a later one"
        used = sum(other.task == run.task for other in [*taken, *missed])
        running = sum(other.state == "running" and other.task == "limited" for other in reference.runs)
        bounded = run.task == "limited" and running + used >= LIMIT
        assert full or bounded or used >= rooms[run.task], f"{run} was not given, and nothing stood in its way"


def _late(run: RefRun, now: Any) -> bool:
    return run.attempt == 0 and run.start_by is not None and run.start_by < now


def _at_once(run: RefRun) -> bool:
    """Only for a slot that is free: it may start once, or was lost before."""
    return run.on_lost == "fail" or run.losses > 0


def _shown(row: Run) -> tuple[Any, ...]:
    counts = (row.attempt, row.failures, row.losses, row.node_id, row.outcome)
    times = (row.fire_at, row.run_at if row.state == "queued" else None, row.start_by, row.cancel_requested_at)
    return (row.state.value, row.reason, *counts, *times, row.finished_at, row.covers_count, row.covers_until, row.key)


def _expected(run: RefRun) -> tuple[Any, ...]:
    counts = (run.attempt, run.failures, run.losses, run.node, run.outcome)
    times = (run.fire_at, run.run_at if run.state == "queued" else None, run.start_by, run.asked_at)
    return (run.state, run.reason, *counts, *times, run.finished_at, run.covers, run.until, run.key)


def _difference(shown: Mapping[Any, Any], expected: Mapping[Any, Any]) -> str:
    lines = [
        f"{key}:\n  the store:     {shown.get(key)}\n  the reference: {expected.get(key)}"
        for key in sorted({*shown, *expected}, key=str)
        if shown.get(key) != expected.get(key)
    ]
    return "store and reference differ\n" + "\n".join(lines)
