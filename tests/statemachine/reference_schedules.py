"""Schedules in the reference: cursors, the ledger, and whose turn it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from hourbell.model.plan import FirePlan, PlannedSkip
from hourbell.triggers import Trigger

from .planner import Counted, decided, times, turn
from .rows import RefRun, RefSchedule

_TICK = timedelta(microseconds=1)


class ScheduleRules:
    """Every schedule and run there is."""

    def __init__(self) -> None:
        self.schedules: dict[str, RefSchedule] = {}
        self.runs: list[RefRun] = []

    def store_schedule(self, schedule_id: str, row: RefSchedule) -> None:
        assert schedule_id not in self.schedules
        self.schedules[schedule_id] = row

    def new_trigger(self, schedule: RefSchedule, trigger: Trigger, now: datetime) -> None:
        """A cursor that is due stays owed; else the first fire after now and after the last one."""
        schedule.trigger = trigger
        if schedule.next > now:
            schedule.next = _next(trigger, max(now, schedule.last or now))
        self.pass_turns(now)

    def pause(self, schedule: RefSchedule, now: datetime, until: datetime | None) -> None:
        schedule.state, schedule.resume_at = "paused", until
        for run in self._of(schedule.id):
            if run.state == "queued" and (run.origin == "fire" or run.backfilled):
                run.end("skipped", now, reason="paused")
        self.pass_turns(now)

    def resume(self, schedule: RefSchedule, now: datetime) -> None:
        if schedule.state == "paused":
            over = schedule.resume_at is not None and schedule.resume_at <= now
            self._waken(schedule, schedule.resume_at - _TICK if over and schedule.resume_at else now, now)

    def resume_due(self, now: datetime) -> list[str]:
        over = [one for one in self.schedules.values() if one.resume_at is not None and one.resume_at <= now]
        for schedule in over:
            assert schedule.resume_at is not None
            self._waken(schedule, schedule.resume_at - _TICK, now)
        return sorted(one.id for one in over)

    def _waken(self, schedule: RefSchedule, until: datetime, now: datetime) -> None:
        schedule.state, schedule.resume_at = "active", None
        passed = times(schedule.trigger, schedule.next, until)
        if passed:
            schedule.next = _next(schedule.trigger, max(until, passed[-1]))
            schedule.last = passed[-1]
            self._skip(schedule, "paused", passed[0], passed[-1], len(passed), now)
        self.pass_turns(now)

    def remove(self, schedule: RefSchedule, now: datetime) -> None:
        for run in self._of(schedule.id):
            if run.state == "queued":
                run.end("skipped", now, reason="removed")
        del self.schedules[schedule.id]

    def backfill(self, schedule: RefSchedule, origin: str, fires: Sequence[datetime], now: datetime) -> int:
        there = {(run.schedule, run.fire_at, run.origin) for run in self.runs}
        new = [fire for fire in sorted(set(fires)) if (schedule.id, fire, origin) not in there]
        for fire in new:
            row = RefRun(None, schedule.task, origin, now, schedule=schedule.id, fire_at=fire)
            row.on_lost = schedule.on_lost
            self.runs.append(row)
        self.pass_turns(now)
        return len(new)

    def due(self, now: datetime) -> list[RefSchedule]:
        found = [one for one in self.schedules.values() if one.state == "active" and one.next <= now]
        return sorted(found, key=lambda one: (one.next, one.id))

    def plan(self, schedule: RefSchedule, now: datetime, *, dark: bool) -> FirePlan:
        others = self.counted(schedule.id) if schedule.overlap != "allow" else Counted()
        return decided(schedule.trigger, schedule.next, now, schedule.overlap, others, schedule.grace, dark)

    def may_be_taken(self, schedule: RefSchedule, plan: FirePlan, now: datetime) -> bool:
        """Whether whoever fires may take it: one run and nothing else, which starts now, and may start again."""
        if len(plan.runs) != 1 or plan.skips or schedule.on_lost == "fail" or schedule.task != "plain":
            return False
        run = plan.runs[0]
        late = run.start_by is not None and run.start_by < now
        return run.run_at is not None and not run.replaces and not late and not self._recorded(schedule.id, run.fire_at)

    def fire(self, schedule: RefSchedule, plan: FirePlan, now: datetime) -> None:
        """Write what was planned, in the order of the fires. Those that are recorded already are left alone."""
        for entry in sorted([*plan.runs, *plan.skips], key=lambda entry: entry.fire_at):
            if isinstance(entry, PlannedSkip):
                self._skip(schedule, entry.reason.value, entry.fire_at, entry.covers_until, entry.covers_count, now)
                continue
            schedule.last_skip = None
            if self._recorded(schedule.id, entry.fire_at):
                continue
            run = RefRun(None, schedule.task, "fire", now, schedule=schedule.id, fire_at=entry.fire_at)
            run.run_at, run.start_by, run.on_lost = entry.run_at, entry.start_by, schedule.on_lost
            self.runs.append(run)
            if entry.replaces:
                self.make_way(schedule.id, now)
        assert plan.next_fire_at is not None
        schedule.next, schedule.last = plan.next_fire_at, plan.last_fire_at
        self.pass_turns(now)

    def _skip(
        self, schedule: RefSchedule, reason: str, first: datetime, last: datetime, count: int, now: datetime
    ) -> None:
        row = schedule.last_skip
        if row is not None and row in self.runs and row.reason == reason:
            row.until, row.covers, row.finished_at = last, (row.covers or 0) + count, now
            return
        schedule.last_skip = None
        if self._recorded(schedule.id, first):
            return
        row = RefRun(None, schedule.task, "fire", now, schedule=schedule.id, fire_at=first)
        row.on_lost, row.until, row.covers = schedule.on_lost, last, count
        row.end("skipped", now, reason=reason)
        self.runs.append(row)
        schedule.last_skip = row

    def _recorded(self, schedule_id: str, fire: datetime) -> bool:
        return any((run.schedule, run.fire_at, run.origin) == (schedule_id, fire, "fire") for run in self.runs)

    # Turns

    def counted(self, schedule_id: str) -> Counted:
        runs = [run for run in self._of(schedule_id) if not run.final]
        asked = [run for run in runs if not run.backfilled]
        return Counted(
            len(asked), sum(run.waits for run in asked), sum(run.backfilled and not run.waits for run in runs)
        )

    def turn_now(self, schedule_id: str) -> str:
        return turn(self.schedules[schedule_id].overlap, self.counted(schedule_id))

    def make_way(self, schedule_id: str, now: datetime) -> None:
        """The newest run of the schedule stays; the others end, or are asked to."""
        runs = sorted((run for run in self._of(schedule_id) if not run.final and not run.backfilled), key=_newness)
        for run in runs[:-1]:
            if run.asked_at is None:
                run.asked_at, run.reason = now, "overlap"
            if run.state == "queued" and run.attempt:
                run.end("cancelled", now, outcome="cancelled")
            elif run.state == "queued":
                run.end("skipped", now)

    def pass_turns(self, now: datetime) -> None:
        """Whoever waits for nothing any more may start. One at a time, fires and requests before backfills."""
        for schedule_id in {run.schedule for run in self.runs if run.waits and run.schedule is not None}:
            schedule = self.schedules.get(schedule_id)
            waiting = sorted((run for run in self._of(schedule_id) if run.waits), key=_newness)
            for run in sorted(waiting, key=lambda run: run.backfilled):
                others = self.counted(schedule_id)
                free = others.active == 0
                if schedule is not None and schedule.overlap == "allow":
                    free = not run.backfilled or others.backfilling == 0
                if schedule is None or free:
                    run.run_at = now

    def _of(self, schedule_id: str) -> list[RefRun]:
        return [run for run in self.runs if run.schedule == schedule_id]


def _newness(run: RefRun) -> tuple[datetime, bool, datetime, bool, str]:
    """Oldest first. One whose id the store has not said yet was made just now."""
    made, by_hand, fire, run_id = run.age
    return (made, by_hand, fire, run.id is None, run_id)


def _next(trigger: Trigger, after: datetime) -> datetime:
    upcoming = trigger.next_after(after)
    assert upcoming is not None
    return upcoming
