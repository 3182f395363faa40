"""Claiming: in one statement where the database locks rows, in steps where the writer's transaction is the lock.

Under a limit the count comes after the lock: on the row of the task, or on the whole database.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from hourbell.model.run import ROOM_FOR_SUSPECTS, Claim
from hourbell.model.run_state import RunState
from hourbell.store.scripts.rows import claimed_from
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from hourbell.model.hint import Hint
    from hourbell.model.limit import Limit

_IN_ORDER = attrgetter("priority", "run_at", "id")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a node asks for; see `RunStore.claim`."""

    node_id: str
    claim_id: str
    limit: int
    tasks: Mapping[str, int]
    queues: Sequence[str] | None
    suspects: int
    limits: Collection[Limit]
    slots: int
    since: datetime | None
    until: datetime | None

    def queue_list(self) -> list[str] | None:
        """The queues as a statement takes them."""
        return list(self.queues) if self.queues is not None else None


def claim_at_once(asked: Asked) -> Script[Claim | None]:
    """See `RunStore.claim`: one statement, for databases with row locks; two where a limit is to be kept."""
    tasks = dict(asked.tasks)
    bounds: list[tuple[str, str, int]] = []
    passed_over: list[str] = []
    if asked.limits:
        names = sorted(name for limit in asked.limits for name in limit.tasks)
        rows = yield call("claiming.lock_limits", node=asked.node_id, tasks=names)
        locked = {row["task"]: row["stated"] for row in rows}
        for limit in asked.limits:
            if all(name in locked for name in limit.tasks):
                most = _least(limit, [locked[name] for name in limit.tasks])
                bounds.extend((name, limit.name, most) for name in limit.tasks)
            else:
                # Another node counts it at this moment; to wait for that would hold up all the others.
                passed_over.append(limit.name)
                tasks = {name: room for name, room in tasks.items() if name not in limit.tasks}
    rows = yield call(
        "claiming.claim",
        node=asked.node_id,
        claim_id=asked.claim_id,
        limit=asked.limit,
        tasks=list(tasks),
        rooms=list(tasks.values()),
        queues=asked.queue_list(),
        suspects=asked.suspects,
        all_suspects=ROOM_FOR_SUSPECTS,
        slots=asked.slots,
        since=asked.since,
        until=asked.until,
        limited=[name for name, _, _ in bounds],
        names=[name for _, name, _ in bounds],
        mosts=[most for _, _, most in bounds],
    )
    head = next(row for row in rows if row["is_live"] is not None)
    if not head["is_live"]:
        return None
    return _claim(asked, head["now_at"], [row for row in rows if row is not head], passed_over)


def claim_in_steps(asked: Asked) -> Script[Claim | None]:
    """See `RunStore.claim`: look, choose, take; for databases where the transaction holds everything."""
    if not (yield call("nodes.is_live", node=asked.node_id)):
        return None
    clock = yield call("clock.read")
    rooms = yield from _rooms(asked)
    places = yield call("claiming.places", tasks=list(asked.tasks), queues=asked.queue_list())
    found: list[Row] = []
    for place in places:
        room = min(rooms.of(place["task"]), asked.limit, asked.suspects if place["suspect"] else asked.limit)
        if room > 0:
            found.extend((yield call("claiming.candidates", **place, room=room, all_suspects=ROOM_FOR_SUSPECTS)))
    chosen = _chosen(sorted(found, key=_order), rooms, asked)[: asked.limit]
    if not chosen:
        return Claim(clock[0]["now_at"], ())
    taken = yield call(
        "claiming.take",
        ids=[row["id"] for row in chosen],
        limited=list(rooms.names),
        node=asked.node_id,
        claim_id=asked.claim_id,
    )
    return _claim(asked, clock[0]["now_at"], taken)


def named(node_id: str, claim_id: str, hint: Hint, *, in_steps: bool) -> Script[Claim | None]:
    """See `RunStore.claim_named`: one statement, or look and take."""
    wanted = {"id": hint.run_id, "task": hint.task, "queue": hint.queue}
    if not in_steps:
        rows = yield call("claiming.named", **wanted, node=node_id, claim_id=claim_id)
        head = rows[0]
        runs = claimed_from([row for row in rows if row["id"] is not None], node_id)
        return Claim(head["now_at"], tuple(runs)) if head["is_live"] else None
    if not (yield call("nodes.is_live", node=node_id)):
        return None
    clock = yield call("clock.read")
    found = yield call("claiming.named", **wanted)
    ids = [row["id"] for row in found]
    taken = (yield call("claiming.take", ids=ids, limited=[], node=node_id, claim_id=claim_id)) if ids else ()
    return Claim(clock[0]["now_at"], tuple(claimed_from(taken, node_id)))


@dataclass(frozen=True, slots=True)
class _Rooms:
    """How many more runs of each task; a limited one and its aliases share what is left for all of them."""

    own: dict[str, int]
    shared: dict[str, int]
    names: dict[str, str]

    def of(self, task: str) -> int:
        shared = self.shared[self.names[task]] if task in self.names else self.own[task]
        return min(self.own[task], shared)

    def take(self, task: str) -> None:
        self.own[task] -= 1
        if task in self.names:
            self.shared[self.names[task]] -= 1


def _rooms(asked: Asked) -> Script[_Rooms]:
    rooms = _Rooms(dict(asked.tasks), {}, {})
    for limit in asked.limits:
        rows = yield batch("claiming.limited", [{"task": name} for name in limit.tasks])
        running = sum(row["running"] for row in rows)
        rooms.shared[limit.name] = max(0, _least(limit, [row["stated"] for row in rows]) - running)
        rooms.names.update(dict.fromkeys(limit.tasks, limit.name))
    return rooms


def _least(limit: Limit, stated: Sequence[int | None]) -> int:
    """While versions change, the least limit that any of them states counts."""
    return min([limit.most, *(most for most in stated if most is not None)])


def _chosen(ordered: Sequence[Row], rooms: _Rooms, asked: Asked) -> list[Row]:
    """Those for which there is room: so many of a task over all queues, suspects until one does not fit, and of those
    that may not wait as many as start now."""
    suspects, slots = asked.suspects, asked.slots
    chosen = []
    for row in ordered:
        if rooms.of(row["task"]) <= 0 or (row["at_once"] and slots <= 0):
            continue
        if row["suspicion"] > suspects:
            suspects = 0
            continue
        suspects -= row["suspicion"]
        slots -= row["at_once"]
        rooms.take(row["task"])
        chosen.append(row)
    return chosen


def _order(row: Row) -> tuple[Any, ...]:
    return (row["priority"], row["run_at"], row["id"])


def _claim(asked: Asked, now: Any, rows: Sequence[Row], passed_over: Sequence[str] = ()) -> Claim:
    runs = sorted(claimed_from(rows, asked.node_id), key=_IN_ORDER)
    return Claim(
        now,
        tuple([run for run in runs if run.state is RunState.RUNNING]),
        tuple([run for run in runs if run.state is RunState.SKIPPED]),
        tuple(passed_over),
    )
