"""Writing what a firing decided: runs and skips inserted, cursors advanced, what the firing node takes claimed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from hourbell.model.ids import new_run_ids
from hourbell.model.offer import Taker
from hourbell.model.plan import Fired, FirePlan
from hourbell.model.run import Run
from hourbell.model.run_state import Origin, RunState
from hourbell.store.scripts import overlap
from hourbell.store.scripts.ledger import LastSkip, Ledger, Written
from hourbell.store.scripts.rows import carried_policies, run_policies
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from hourbell.model.due import DueSchedule
    from hourbell.model.offer import Offer
    from hourbell.store.scripts.alike import Alike


_OF_A_RUN = ("fire_at", "run_at", "start_by", "queue", "priority", "policies", "on_lost", "lost_limit", "is_taken")


@dataclass(frozen=True, slots=True)
class Recorded:
    """``fired``: runs that are queued. ``taken``: those that are claimed by who fired. ``displaced``: older runs that
    have ended to make way."""

    fired: tuple[Fired, ...]
    taken: tuple[Run, ...]
    displaced: tuple[Run, ...]


class Recording:
    """Gathers decisions and writes them together.

    Plans of one run and nothing else, which nearly all are, go into one statement that moves the cursors and inserts
    the runs, or three where it cannot be one. Everything else goes through the ledger. ``is_held``: all of it will be
    due only at ``due_at``, and nothing is written but what the firing node takes.
    """

    def __init__(self, now: datetime, offer: Offer | None, *, in_steps: bool, due_at: datetime) -> None:
        self._now = now
        self._due_at = due_at
        self.is_held = due_at > now
        self._offer = offer
        self._taker = Taker(offer) if offer is not None else None
        self._in_steps = in_steps
        self._ledger = Ledger(now)
        self._decisions: list[tuple[DueSchedule, FirePlan, LastSkip]] = []
        self._plain: list[tuple[Alike, FirePlan, bool]] = []

    def add(self, alike: Alike, plan: FirePlan) -> None:
        """Note the plan of each of these schedules."""
        run, first = plan.plain, alike.first
        if run is not None and run.fire_at != first.next_fire_at:
            run = None
        taken = 0
        if run is not None and self._taker is not None:
            taken = self._taker.takes(first.task, first.effective, run, self._due_at, len(alike))
        if self.is_held and not taken:
            return
        if run is not None:
            if taken:
                self._plain.append((alike[:taken], plan, True))
            if taken < len(alike) and not self.is_held:
                self._plain.append((alike[taken:], plan, False))
            return
        for one in alike.each():
            self._decisions.append((one.first, plan, self._ledger.record(one.first, plan)))

    def write(self) -> Script[Recorded]:
        """Write everything, and answer what became of it."""
        fired, taken = yield from self._write_plain()
        written = yield from self._ledger.write()
        advances = [_advance(schedule, plan, written.settled(last)) for schedule, plan, last in self._decisions]
        yield batch("firing.advance", advances)
        schedules = {schedule.id: schedule for schedule, _, _ in self._decisions}
        displaced = yield from _take_turns(self._ledger, written, schedules)
        fired += [_fired(row) for row in written.inserted if row["state"] == "queued"]
        return Recorded(tuple(fired), tuple(taken), displaced)

    def _write_plain(self) -> Script[tuple[list[Fired], list[Run]]]:
        if not self._plain:
            return [], []
        ids = new_run_ids(self._now, sum(len(alike) for alike, _, _ in self._plain))
        plans = [_columns(alike.first, plan, is_taken) for alike, plan, is_taken in self._plain]
        refused = yield from (self._record_in_steps(ids, plans) if self._in_steps else self._record(ids, plans))
        node = self._offer.node_id if self._offer is not None else None
        known = {str(row["id"]) for row in refused}  # their fires have been recorded before
        fired: list[Fired] = []
        runs: list[Run] = []
        left = iter(ids)
        for (alike, _, is_taken), columns in zip(self._plain, plans, strict=True):
            own = islice(left, len(alike))
            if is_taken and node is not None:
                runs += _runs(alike, columns, own, self._now, node)
            else:
                place = (columns["queue"], columns["fire_at"], columns["run_at"])
                fired += (
                    Fired(run_id, schedule_id, alike.first.task, *place)
                    for run_id, schedule_id in zip(own, alike.ids, strict=True)
                )
        if known:
            runs = [run for run in runs if run.id not in known]
            fired = [one for one in fired if one.run_id not in known]
        return fired, runs

    def _record(self, ids: list[str], plans: list[dict[str, Any]]) -> Script[Sequence[Row]]:
        schedules = [schedule_id for alike, _, _ in self._plain for schedule_id in alike.ids]
        numbers = [number for number, (alike, _, _) in enumerate(self._plain, 1) for _ in alike.ids]
        columns = {name: [plan[name] for plan in plans] for name in plans[0]}
        return (yield call("firing.record", id=ids, schedule_id=schedules, plan=numbers, **self._taking(), **columns))

    def _record_in_steps(self, ids: list[str], plans: list[dict[str, Any]]) -> Script[Sequence[Row]]:
        places = [
            (schedule_id, number) for number, (alike, _, _) in enumerate(self._plain, 1) for schedule_id in alike.ids
        ]
        fires = [(run_id, *place) for run_id, place in zip(ids, places, strict=True)]
        columns = [[plan[name] for name in _OF_A_RUN] for plan in plans]
        yield call("firing.record", fires=fires, plans=columns, **self._taking())
        refused = yield call("firing.refused", ids=ids)
        moves = [(name, plans[number - 1]["fire_at"], plans[number - 1]["next_fire_at"]) for name, number in places]
        yield call("firing.move", moves=moves)
        return refused

    def _taking(self) -> dict[str, str | None]:
        offer = self._offer
        return {"node": offer.node_id if offer else None, "claim_id": offer.claim_id if offer else None}


def _columns(schedule: DueSchedule, plan: FirePlan, is_taken: bool) -> dict[str, Any]:
    """What one plan says of its run, which is the same for all schedules that it is made for."""
    policies, run = schedule.effective, plan.runs[0]
    return {
        "fire_at": run.fire_at,
        "next_fire_at": plan.next_fire_at,
        "run_at": run.run_at,
        "start_by": run.start_by,
        "queue": policies.queue,
        "priority": policies.priority,
        "policies": run_policies(schedule.policies, policies),
        "on_lost": policies.on_lost,
        "lost_limit": policies.lost_limit,
        "is_taken": is_taken,
    }


def _runs(alike: Alike, columns: Mapping[str, Any], ids: Iterable[str], now: datetime, node_id: str) -> Iterator[Run]:
    """The runs as they stand in their rows."""
    first = alike.first
    common = {
        "task": first.task,
        "state": RunState.RUNNING,
        "origin": Origin.FIRE.value,
        "created_at": max(now, columns["fire_at"]),
        "fire_at": columns["fire_at"],
        "run_at": columns["run_at"],
        "start_by": columns["start_by"],
        "attempt": 1,
        "node_id": node_id,
        "queue": columns["queue"],
        "priority": columns["priority"],
        "policies": carried_policies(first.policies, first.effective) or None,
        "on_lost": columns["on_lost"],
        "lost_limit": columns["lost_limit"],
    }
    for run_id, schedule_id, args in zip(ids, alike.ids, alike.args, strict=True):
        yield Run.of_fields({**common, "id": run_id, "schedule_id": schedule_id}, args)


def _take_turns(ledger: Ledger, written: Written, schedules: Mapping[str, DueSchedule]) -> Script[tuple[Run, ...]]:
    """Have others make way, and tell those that still run who waits for them. Answers those that have ended."""
    displaced: list[Run] = []
    for schedule_id in sorted(ledger.replacing):
        displaced += yield from overlap.displace(schedules[schedule_id], ledger.replacing[schedule_id])
    waiting = {row["schedule_id"] for row in written.inserted if row["state"] == "queued" and row["run_at"] is None}
    if waiting:
        yield from overlap.take_turns({schedule_id: schedules[schedule_id] for schedule_id in waiting})
    return tuple(displaced)


def _advance(schedule: DueSchedule, plan: FirePlan, last: LastSkip) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "seen": schedule.next_fire_at,
        "next_fire_at": plan.next_fire_at,
        "last_fire_at": plan.last_fire_at,
        "state": plan.state.value,
        "last_skip_id": last.id,
        "last_skip_reason": last.reason,
    }


def _fired(row: Row) -> Fired:
    return Fired(str(row["id"]), row["schedule_id"], row["task"], row["queue"], row["fire_at"], row["run_at"])
