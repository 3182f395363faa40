"""Nodes and their leases. The order of locks is node first, then runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from hourbell.model.node import NewNode, NodeState, Registration, Renewal, Sibling, Upkeep
from hourbell.model.run_state import Outcome
from hourbell.store.scripts import watching
from hourbell.store.scripts.rows import ended_from
from hourbell.store.scripts.script import Script, batch, call, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from hourbell.model.plan import Question
    from hourbell.model.run import Run
    from hourbell.store.scripts.script import Row


MOST_AT_ONCE = 1_000
"""Runs that are handed on in one transaction: however many a node had, no statement needs the patience of a loop."""


@dataclass(frozen=True, slots=True)
class HandedOn:
    """How many runs were queued again, those that have ended, and whose runs there may be more of."""

    requeued: int = 0
    ended: tuple[Run, ...] = ()
    left: Sequence[str] = ()

    def and_then(self, later: HandedOn) -> HandedOn:
        """Both together."""
        ended = sorted((*self.ended, *later.ended), key=attrgetter("id"))
        return HandedOn(self.requeued + later.requeued, tuple(ended), later.left)


NOTHING = HandedOn()


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a renewal says of its node."""

    lease: timedelta
    running: int
    clock_offset: float | None


def register_node(node: NewNode, *, in_steps: bool) -> Script[tuple[Registration, HandedOn]]:
    """See `NodeStore.register_node`. Answers too what was handed on so far of the node that it replaces."""
    yield call(
        "nodes.register",
        id=node.id,
        host=node.host,
        pid=node.pid,
        version=node.version,
        queues=to_json(node.queues),
        process=node.process,
        lease=node.lease,
    )
    stated = [{"task": task, "concurrency": node.tasks[task]} for task in sorted(node.tasks)]
    yield batch("nodes.state_tasks", stated, node=node.id)
    handed_on = NOTHING
    if node.replaces is not None:
        yield call("nodes.end", node=node.replaces, state=NodeState.DEAD.value)
        handed_on = yield from hand_on([node.replaces], is_loss=True, in_steps=in_steps)
    clock = yield call("clock.read")
    return Registration(clock[0]["now_at"]), handed_on


def renew(node_id: str, pulse: Pulse, question: Question | None, *, in_steps: bool) -> Script[Renewal | None]:
    """See `NodeStore.renew`: one statement, or one for each part of it."""
    if in_steps:
        return (yield from _renew_in_steps(node_id, pulse, question))
    if question is None:
        rows = yield call("nodes.renew", node=node_id, **asdict(pulse))
        return Renewal(rows[0]["now_at"], _siblings_from(rows)) if rows else None
    rows = yield watching.ask(node_id, question, **asdict(pulse))
    if not rows[0]["renewed"]:
        return None
    return Renewal(rows[0]["now_at"], _siblings_from(rows), watching.work_from(rows[0]))


def _renew_in_steps(node_id: str, pulse: Pulse, question: Question | None) -> Script[Renewal | None]:
    renewed = yield call("nodes.renew", node=node_id, **asdict(pulse))
    if not renewed:
        return None
    if question is None:
        rows = yield call("nodes.siblings", node=node_id)
        return Renewal(renewed[0]["now_at"], _siblings_from(rows))
    rows = yield watching.ask(node_id, question, lease=pulse.lease)
    return Renewal(renewed[0]["now_at"], _siblings_from(rows), watching.work_from(rows[0]))


def _siblings_from(rows: Sequence[Row]) -> tuple[Sibling, ...]:
    return tuple(
        Sibling(row["id"], row["renewals"], row["held_until"], row["process"]) for row in rows if row["id"] is not None
    )


def upkeep(node_id: str) -> Script[Upkeep]:
    """See `NodeStore.upkeep`."""
    rows = yield call("nodes.upkeep", node=node_id)
    row = rows[0]
    return Upkeep(
        lost=bool(row["has_lost"]),
        waiting=bool(row["has_waiting"]),
        ending=bool(row["has_ending"]),
        overruled=bool(row["is_overruled"]),
    )


def rescue(
    suspects: Mapping[str, int], gone: Mapping[str, str], *, in_steps: bool
) -> Script[tuple[tuple[str, ...], HandedOn]]:
    """See `NodeStore.rescue`. Answers who was declared dead, and what was handed on so far. The runs are looked for in
    a statement after the one that locked the nodes: a claim that was in flight has committed by then, and is seen."""
    marked = yield batch(
        "nodes.mark_dead", [{"id": node_id, "renewals": suspects[node_id]} for node_id in sorted(suspects)]
    )
    certain = yield batch("nodes.mark_gone", [{"id": node_id, "process": gone[node_id]} for node_id in sorted(gone)])
    left = yield call("nodes.gone")
    dead = tuple(sorted(row["id"] for row in (*marked, *certain)))
    if not left:
        return dead, NOTHING
    handed_on = yield from hand_on(sorted(row["node_id"] for row in left), is_loss=True, in_steps=in_steps)
    return dead, handed_on


def retire_node(node_id: str, *, in_steps: bool) -> Script[HandedOn]:
    """See `NodeStore.retire_node`. Answers what was handed on so far."""
    yield call("nodes.end", node=node_id, state=NodeState.STOPPED.value)
    return (yield from hand_on([node_id], is_loss=False, in_steps=in_steps))


def hand_on(nodes: Sequence[str], *, is_loss: bool, in_steps: bool) -> Script[HandedOn]:
    """Of the runs that are running under these nodes `MOST_AT_ONCE` are queued again, failed or cancelled."""
    outcome = (Outcome.LOST if is_loss else Outcome.HANDED_BACK).value
    values = {"is_loss": is_loss, "outcome": outcome}
    if not in_steps:
        rows = yield call("nodes.hand_on", nodes=list(nodes), limit=MOST_AT_ONCE, **values)
        left = nodes if rows[0]["found"] >= MOST_AT_ONCE else ()
        return HandedOn(rows[0]["requeued"], ended_from(row for row in rows if row["id"] is not None), left)
    found = yield call("nodes.found", nodes=list(nodes), limit=MOST_AT_ONCE)
    ids = [row["id"] for row in found]
    yield call("nodes.keep_attempts", ids=ids, **values)
    cancelled = yield call("nodes.cancel_lost", ids=ids, **values)
    failed = yield call("nodes.fail_lost", ids=ids, **values)
    requeued = yield call("nodes.requeue_lost", ids=ids, **values)
    left = nodes if len(found) >= MOST_AT_ONCE else ()
    return HandedOn(len(requeued), ended_from([*cancelled, *failed]), left)
