"""Writing what a firing decided: runs and skips inserted, cursors advanced, what the firing node takes claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hourbell.model.ids import new_run_ids
from hourbell.model.offer import Taker
from hourbell.model.plan import Fired, FirePlan
from hourbell.model.run import Run
from hourbell.model.run_state import Origin, RunState
from hourbell.store.scripts import overlap
from hourbell.store.scripts.ledger import LastSkip, Ledger, Written
from hourbell.store.scripts.rows import carried_policies, run_policies, whole_run_from
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hourbell.model.due import DueSchedule, Rules
    from hourbell.model.offer import Offer


@dataclass(frozen=True, slots=True)
class Recorded:
    """``fired``: runs that are queued. ``taken``: those that are claimed by who fired. ``displaced``: older runs that
    have ended to make way."""

    fired: tuple[Fired, ...]
    taken: tuple[Run, ...]
    displaced: tuple[Run, ...]


class Recording:
    """Gathers decisions and writes them together.

    A plan of one run and nothing else, which nearly all are, is one row of one statement that moves the cursor and
    inserts the run. Everything else goes through the ledger.
    """

    def __init__(self, now: datetime, offer: Offer | None, *, in_steps: bool) -> None:
        self._now = now
        self._offer = offer
        self._taker = Taker(offer) if offer is not None else None
        self._in_steps = in_steps
        self._ledger = Ledger(now)
        self._decisions: list[tuple[DueSchedule, FirePlan, LastSkip]] = []
        self._takes: list[str] = []
        self._plain: list[tuple[DueSchedule, FirePlan, bool]] = []

    def add(self, schedule: DueSchedule, plan: FirePlan) -> None:
        """Note one schedule's plan."""
        run = plan.plain
        is_plain = run is not None and run.fire_at == schedule.next_fire_at
        taken = (
            run is not None
            and is_plain
            and self._taker is not None
            and self._taker.takes(schedule.task, schedule.effective, run, self._now)
        )
        if is_plain and not self._in_steps:
            self._plain.append((schedule, plan, taken))
            return
        self._decisions.append((schedule, plan, self._ledger.record(schedule, plan)))
        if taken:
            self._takes.append(next(reversed(self._ledger.inserts)))

    def write(self) -> Script[Recorded]:
        """Write everything, and answer what became of it."""
        fired, taken = yield from self._write_plain()
        written = yield from self._ledger.write()
        advances = [_advance(schedule, plan, written.settled(last)) for schedule, plan, last in self._decisions]
        yield batch("firing.advance", advances)
        schedules = {schedule.id: schedule for schedule, _, _ in self._decisions}
        displaced = yield from _take_turns(self._ledger, written, schedules)
        took = yield from self._take(written)
        held = {run.id for run in took}
        fired += [_fired(row) for row in written.inserted if row["state"] == "queued" and str(row["id"]) not in held]
        return Recorded(tuple(fired), (*taken, *took), displaced)

    def _write_plain(self) -> Script[tuple[list[Fired], list[Run]]]:
        if not self._plain:
            return [], []
        columns: dict[Rules, dict[str, Any]] = {}
        rows: list[dict[str, Any]] = []
        ids = new_run_ids(self._now, len(self._plain))
        for run_id, (schedule, plan, taken) in zip(ids, self._plain, strict=True):
            same = columns.get(schedule.rules)
            if same is None:
                same = columns[schedule.rules] = _columns(schedule)
            run = plan.runs[0]
            rows.append(
                {
                    "id": run_id,
                    "schedule_id": schedule.id,
                    "fire_at": run.fire_at,
                    "next_fire_at": plan.next_fire_at,
                    "run_at": run.run_at,
                    "start_by": run.start_by,
                    "is_taken": taken,
                    **same,
                }
            )
        node, claim = (self._offer.node_id, self._offer.claim_id) if self._offer is not None else (None, None)
        refused = yield batch("firing.record", rows, node=node, claim_id=claim)
        known = {str(row["id"]) for row in refused}
        fired: list[Fired] = []
        runs: list[Run] = []
        for values, (schedule, _, taken) in zip(rows, self._plain, strict=True):
            if known and values["id"] in known:
                continue  # this fire has been recorded before
            if taken and self._offer is not None:
                runs.append(_run(schedule, values, self._now, self._offer.node_id))
            else:
                place = (schedule.task, values["queue"], values["fire_at"], values["run_at"])
                fired.append(Fired(values["id"], schedule.id, *place))
        return fired, runs

    def _take(self, written: Written) -> Script[list[Run]]:
        """Claim those that the node takes, where that is a step of its own."""
        if self._offer is None or not self._takes:
            return []
        found = {str(row["id"]) for row in written.inserted}
        ids = [run_id for run_id in self._takes if run_id in found]
        if not ids:
            return []
        node, claim = self._offer.node_id, self._offer.claim_id
        taken = yield call("claiming.take", ids=ids, limited=[], node=node, claim_id=claim)
        runs = {row["id"]: whole_run_from(row) for row in taken if row["state"] == "running"}
        return [runs[run_id] for run_id in ids if run_id in runs]


def _columns(schedule: DueSchedule) -> dict[str, Any]:
    """What is the same in the runs of all schedules with the same rules."""
    policies = schedule.effective
    return {
        "queue": policies.queue,
        "priority": policies.priority,
        "policies": run_policies(schedule.policies, policies),
        "on_lost": policies.on_lost,
        "lost_limit": policies.lost_limit,
    }


def _run(schedule: DueSchedule, values: Mapping[str, Any], now: datetime, node_id: str) -> Run:
    """The run as it stands in its row."""
    return Run(
        id=values["id"],
        task=schedule.task,
        state=RunState.RUNNING,
        origin=Origin.FIRE.value,
        created_at=now,
        schedule_id=schedule.id,
        args=schedule.args,
        fire_at=values["fire_at"],
        run_at=values["run_at"],
        start_by=values["start_by"],
        attempt=1,
        node_id=node_id,
        queue=values["queue"],
        priority=values["priority"],
        policies=carried_policies(schedule.policies, schedule.effective) or None,
        on_lost=values["on_lost"],
        lost_limit=values["lost_limit"],
    )


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
