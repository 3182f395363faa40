"""Writing fires and skips of one schedule in their order, so that skips for one reason in a row grow one row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hourbell.model.ids import new_run_id, new_run_ids
from hourbell.model.jitter import start_in_line
from hourbell.model.plan import FirePlan, PlannedRun, PlannedSkip
from hourbell.model.run_state import Reason
from hourbell.store.scripts.rows import fire_values, skip_values
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hourbell.model.schedule import Schedule


@dataclass(slots=True)
class _Growth:
    """A recorded row that goes on, and the row to write in its place when retention has deleted it."""

    values: dict[str, Any]
    instead: dict[str, Any]


@dataclass(slots=True)
class Ledger:
    """Gathers the rows of many schedules, to be written in one statement each for growing and inserting."""

    now: datetime
    inserts: dict[str, dict[str, Any]] = field(default_factory=dict)
    growths: dict[str, _Growth] = field(default_factory=dict)
    replacing: dict[str, str] = field(default_factory=dict)  # schedule -> the run that others make way for
    caught_up: list[tuple[dict[str, Any], timedelta]] = field(default_factory=list)  # and how far apart they start

    def record(self, schedule: Schedule, plan: FirePlan) -> LastSkip:
        """Note what the plan decided; the answer is what the schedule's last recorded skip is from now on."""
        last = LastSkip(schedule.last_skip_id, schedule.last_skip_reason)
        ids = dict(zip((run.fire_at for run in plan.runs), new_run_ids(self.now, len(plan.runs)), strict=True))
        for item in _in_order(plan):
            if isinstance(item, PlannedRun):
                values = fire_values(schedule, ids[item.fire_at])
                values.update(fire_at=item.fire_at, run_at=item.run_at, start_by=item.start_by)
                if item.run_at is None:  # it waits for its turn: there is nothing to count a delay from
                    values["delay"] = None
                elif item.apart is not None:
                    self.caught_up.append((values, item.apart))
                self.inserts[values["id"]] = values
                if item.replaces:
                    self.replacing[schedule.id] = values["id"]
                last = LastSkip()
            else:
                last = self.skip(schedule, _yielding(item, ids), last)
        return last

    def skip(self, schedule: Schedule, skip: PlannedSkip, last: LastSkip) -> LastSkip:
        """Note one skip, growing the last recorded row when that was a skip for the same reason."""
        values = skip_values(schedule, skip, new_run_id(self.now))
        if last.id is None or last.reason != skip.reason.value:
            self.inserts[values["id"]] = values
            return LastSkip(values["id"], skip.reason.value)
        if last.id in self.inserts:
            _extend(self.inserts[last.id], skip)
        elif last.id in self.growths:
            _extend(self.growths[last.id].values, skip)
            _extend(self.growths[last.id].instead, skip)
        else:
            growth = {"id": last.id, "covers_until": skip.covers_until, "covers_count": skip.covers_count}
            self.growths[last.id] = _Growth(growth, values)
        return last

    def write(self) -> Script[Written]:
        """Grow and insert. A row that cannot grow because retention has deleted it is written anew."""
        yield from self._pace()
        grown = yield batch("runs.grow", [growth.values for growth in self.growths.values()])
        found = {str(row["id"]) for row in grown}
        moved: dict[str, str | None] = {}
        for old, growth in self.growths.items():
            if old not in found:
                moved[old] = growth.instead["id"]
                self.inserts[growth.instead["id"]] = growth.instead
        inserted = yield batch("runs.insert", list(self.inserts.values()))
        # A fire that was recorded before (UNIQUE) has no row under its new id: later skips must not grow that.
        if len(inserted) < len(self.inserts):
            written = {str(row["id"]) for row in inserted}
            moved.update((run_id, None) for run_id in self.inserts if run_id not in written)
        return Written(inserted, moved)

    def _pace(self) -> Script[None]:
        """Give each run that is caught up its place in the line that all nodes share."""
        if not self.caught_up:
            return
        width = sum((apart for _, apart in self.caught_up), timedelta(0))
        rows = yield call("pace.take", width=width)
        place: datetime = rows[0]["first_at"]
        for values, apart in self.caught_up:
            if place > self.now:
                values["run_at"] = max(values["run_at"], start_in_line(place, values["start_by"], self.now))
            place += apart


@dataclass(frozen=True, slots=True)
class LastSkip:
    """The skip that a schedule recorded last, when nothing else was recorded since; it may still grow."""

    id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """``inserted``: the rows that are new. ``moved``: ids under which nothing stands, and the id to use instead."""

    inserted: Sequence[Row]
    moved: Mapping[str, str | None]

    def settled(self, last: LastSkip) -> LastSkip:
        """The last skip by the id under which it stands now."""
        while last.id is not None and last.id in self.moved:
            moved = self.moved[last.id]
            last = LastSkip(moved, last.reason if moved is not None else None)
        return last


def _extend(values: dict[str, Any], skip: PlannedSkip) -> None:
    values["covers_until"] = skip.covers_until
    values["covers_count"] += skip.covers_count


def _yielding(skip: PlannedSkip, ids: Mapping[datetime, str]) -> PlannedSkip:
    """An overlap with a run of the same plan names it, now that this has an id: the one before, else the one after."""
    if skip.reason is not Reason.OVERLAP or skip.yielded_to is not None or not ids:
        return skip
    before = [fire_at for fire_at in ids if fire_at < skip.fire_at]
    return replace(skip, yielded_to=ids[max(before) if before else min(ids)])


def _in_order(plan: FirePlan) -> Iterable[PlannedRun | PlannedSkip]:
    items: list[PlannedRun | PlannedSkip] = [*plan.runs, *plan.skips]
    return sorted(items, key=lambda item: item.fire_at)
