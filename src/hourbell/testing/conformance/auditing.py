"""The audit: each change that somebody makes has its entry, in the transaction of the change."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hourbell.errors import Conflict, NotFound
from hourbell.model.audit import Act, Action, AuditEntry, AuditFilter, Subject
from hourbell.model.editing import Edit, pausing, resuming, updating
from hourbell.model.ids import new_run_id
from hourbell.model.policies import Policies
from hourbell.model.retention import Retention
from hourbell.model.run_state import Origin
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.run import NewRun, Run
    from hourbell.model.schedule import Schedule
    from hourbell.store.protocol import StoreVerbs
    from hourbell.testing.conformance.bench import Bench

_CALENDAR = '{"days":[]}'


def _act(bench: Bench, action: Action, **fields: Any) -> Act:
    return Act(id=new_run_id(bench.now), action=action, **fields)


def _by(bench: Bench, action: Action, actor: str = "anna", **fields: Any) -> StoreVerbs:
    """What comes later stands later: ids are ordered by the instant at which they were made."""
    bench.clock.advance(0.001)
    return bench.store.audited(_act(bench, action, actor=actor, **fields))


async def _entries(bench: Bench, **wanted: Any) -> list[AuditEntry]:
    """Oldest first."""
    return list(await bench.store.list_audit(AuditFilter(**wanted)))[::-1]


def _told(entry: AuditEntry) -> tuple[str, str, str]:
    return entry.action, entry.subject, entry.subject_id


class AuditConformance(Conformance):
    """`AuditStore`, and what it says of the other verbs."""

    async def test_an_edit_is_noted_as_it_was_and_as_it_is(self, bench: Bench) -> None:
        await bench.schedule("s", note="old")
        bench.clock.advance(60)
        act = _act(bench, Action.PAUSE, actor="anna", tracking_id="r-1")
        await bench.store.audited(act).edit_schedule("s", pausing("new"))
        (entry,) = await _entries(bench)
        assert entry == AuditEntry(
            id=act.id,
            done_at=bench.now,
            action="pause",
            subject="schedule",
            subject_id="s",
            actor="anna",
            tracking_id="r-1",
            before={"state": "active", "note": "old"},
            after={"state": "paused", "note": "new"},
        )

    async def test_without_an_act_nothing_is_noted(self, bench: Bench) -> None:
        await bench.schedule("s")
        await bench.store.edit_schedule("s", pausing(None))
        await bench.store.remove_schedule("s")
        run = await bench.enqueue()
        await bench.store.cancel_run(run.id)
        await bench.store.retry_run(run.id)
        assert await _entries(bench) == []

    async def test_nobody_is_somebody_too(self, bench: Bench) -> None:
        await bench.schedule("s")
        await bench.store.audited(_act(bench, Action.PAUSE)).edit_schedule("s", pausing(None))
        (entry,) = await _entries(bench)
        assert (entry.actor, entry.tracking_id) == (None, None)

    async def test_a_schedule_is_added_changed_and_removed(self, bench: Bench) -> None:
        declared = bench.declaration("s", args={"a": 1})
        await _by(bench, Action.ADD).add_schedule(declared, "error")
        await _by(bench, Action.ADD).add_schedule(bench.declaration("s", args={"a": 2}), "update")
        await _by(bench, Action.UPDATE).edit_schedule("s", updating(args={"a": 3}))
        await _by(bench, Action.REMOVE).remove_schedule("s")
        added, updated, edited, removed = await _entries(bench)
        assert [entry.action for entry in (added, updated, edited, removed)] == ["add", "update", "update", "remove"]
        assert added.before is None
        assert added.after is not None
        assert (added.after["task"], added.after["args"], added.after["state"]) == (declared.task, {"a": 1}, "active")
        assert (updated.before, updated.after) == ({"args": {"a": 1}}, {"args": {"a": 2}})
        assert (edited.before, edited.after) == ({"args": {"a": 2}}, {"args": {"a": 3}})
        assert removed.before is not None
        assert (removed.before["args"], removed.after) == ({"a": 3}, None)

    async def test_what_changes_nothing_leaves_no_entry(self, bench: Bench) -> None:
        declared = bench.declaration("s")
        await bench.store.add_schedule(declared, "error")
        await _by(bench, Action.ADD).add_schedule(declared, "update")
        await _by(bench, Action.ADD).add_schedule(bench.declaration("s", args={"a": 2}), "keep")
        await _by(bench, Action.RESUME).edit_schedule("s", resuming())
        await _by(bench, Action.UPDATE).edit_schedule("s", updating(args=declared.args))
        run = await bench.running()
        await bench.store.cancel_run(run.id)
        await _by(bench, Action.CANCEL).cancel_run(run.id)
        assert await _entries(bench) == []

    async def test_what_is_refused_leaves_no_entry(self, bench: Bench) -> None:
        await bench.schedule("s")
        run = await bench.enqueue()

        def refusing(schedule: Schedule, now: datetime) -> Edit | None:
            raise Conflict("no")

        with pytest.raises(Conflict):
            await _by(bench, Action.UPDATE).edit_schedule("s", refusing)
        with pytest.raises(Conflict):
            await _by(bench, Action.ADD).add_schedule(bench.declaration("s"), "error")
        with pytest.raises(Conflict):
            await _by(bench, Action.RETRY).retry_run(run.id)
        for verbs in (_by(bench, Action.REMOVE), _by(bench, Action.PAUSE)):
            with pytest.raises(NotFound):
                await verbs.remove_schedule("nobody")
            with pytest.raises(NotFound):
                await verbs.edit_schedule("nobody", pausing(None))
            with pytest.raises(NotFound):
                await verbs.cancel_run("nobody")
            with pytest.raises(NotFound):
                await verbs.remove_calendar("nobody")
        assert await _entries(bench) == []

    async def test_runs_are_cancelled_and_tried_again(self, bench: Bench) -> None:
        run = await bench.enqueue(args={"a": 1})
        await _by(bench, Action.CANCEL).cancel_run(run.id)
        bench.clock.advance(1)
        await _by(bench, Action.RETRY).retry_run(run.id, {"a": 2})
        cancelled, retried = await _entries(bench)
        assert (_told(cancelled), _told(retried)) == (("cancel", "run", run.id), ("retry", "run", run.id))
        assert cancelled.before is not None
        assert cancelled.after is not None
        assert (cancelled.before["state"], cancelled.after["state"]) == ("queued", "cancelled")
        assert retried.before is not None
        assert retried.after is not None
        assert (retried.before["state"], retried.after["state"]) == ("cancelled", "queued")
        assert (retried.before["args"], retried.after["args"]) == ({"a": 1}, {"a": 2})

    async def test_many_that_are_tried_again_have_an_entry_each(self, bench: Bench) -> None:
        runs = [await bench.enqueue() for _ in range(3)]
        for run in runs[:2]:
            await bench.store.cancel_run(run.id)
        await _by(bench, Action.RETRY, tracking_id="r").retry_runs([run.id for run in runs])
        entries = await _entries(bench, tracking_id="r")
        assert {_told(entry) for entry in entries} == {("retry", "run", run.id) for run in runs[:2]}
        assert len(entries) == 2

    async def test_a_request_is_noted_once_however_often_its_key_is_used(self, bench: Bench) -> None:
        await bench.schedule("s", policies={"overlap": "allow"})
        run = await self._triggered(bench, key="k", args={"a": 1})
        assert (await self._triggered(bench, key="k")).id == run.id
        (entry,) = await _entries(bench)
        assert _told(entry) == ("trigger", "schedule", "s")
        assert entry.after == {"run_id": run.id, "state": "queued", "args": {"a": 1}, "key": "k"}

    async def test_a_request_that_is_skipped_is_noted_as_such(self, bench: Bench) -> None:
        await bench.schedule("s")
        await self._triggered(bench)
        skipped = await self._triggered(bench)
        entry = (await _entries(bench))[-1]
        assert entry.after is not None
        assert (entry.after["run_id"], entry.after["state"]) == (skipped.id, "skipped")

    async def test_a_backfill_is_noted_with_what_it_made(self, bench: Bench) -> None:
        await bench.schedule("s")
        fires = [bench.later(-seconds) for seconds in (30, 20, 10)]
        for _ in range(2):
            await _by(bench, Action.BACKFILL).backfill("s", "backfill:b", fires)
        (entry,) = await _entries(bench)
        assert entry.after is not None
        assert (entry.after["origin"], entry.after["runs"]) == ("backfill:b", 3)
        assert entry.after["first"] < entry.after["last"]

    async def test_calendars_are_noted(self, bench: Bench) -> None:
        await _by(bench, Action.ADD).put_calendar("c", _CALENDAR, "error")
        await _by(bench, Action.ADD).put_calendar("c", _CALENDAR, "update")
        await _by(bench, Action.ADD).put_calendar("c", '{"days":["2030-12-24"]}', "update")
        await _by(bench, Action.REMOVE).remove_calendar("c")
        entries = await _entries(bench, subject=Subject.CALENDAR)
        assert [entry.action for entry in entries] == ["add", "update", "remove"]
        assert [entry.before is None for entry in entries] == [True, False, False]
        assert (entries[1].before, entries[2].after) == ({"spec": _CALENDAR}, None)

    async def test_one_act_is_noted_once(self, bench: Bench) -> None:
        """Its answer was lost and it is done again: the second time it changes something else at most."""
        await bench.schedule("s")
        store = _by(bench, Action.PAUSE)
        await store.edit_schedule("s", pausing("first"))
        await store.edit_schedule("s", pausing("second"))
        (entry,) = await _entries(bench)
        assert entry.after is not None
        assert entry.after["note"] == "first"

    async def test_secrets_are_not_kept_and_long_values_are_cut(self, bench: Bench) -> None:
        await bench.schedule("s")
        args = {
            "to": "x",
            "password": "hunter2",
            "deep": [{"api_key": "hunter2", "url": "postgresql://anna:hunter2@host/db"}],
            "long": "y" * 10_000,
        }
        await _by(bench, Action.UPDATE).edit_schedule("s", updating(args=args))
        await _by(bench, Action.UPDATE).edit_schedule("s", updating(args={"password": "hunter2", "to": "x"}))
        first, second = await _entries(bench)
        assert first.after is not None
        assert "hunter2" not in f"{first}{second}"
        assert len(first.after["args"]) < 300
        assert "characters" in first.after["args"]
        assert second.after == {"args": {"password": "***", "to": "x"}}

    async def test_the_list_is_narrowed_and_paged(self, bench: Bench) -> None:
        for name in ("a", "b"):
            await bench.schedule(name)
        for number in range(3):
            for name, actor in (("a", "anna"), ("b", "bert")):
                bench.clock.advance(1)
                await _by(bench, Action.PAUSE, actor).edit_schedule(name, pausing(str(number)))
        run = await bench.enqueue()
        await _by(bench, Action.CANCEL, "anna", tracking_id="t").cancel_run(run.id)
        assert len(await _entries(bench)) == 7
        assert {entry.subject_id for entry in await _entries(bench, actor="bert")} == {"b"}
        assert len(await _entries(bench, subject=Subject.SCHEDULE, subject_id="a")) == 3
        assert await _entries(bench, subject=Subject.RUN, subject_id="a") == []
        assert [_told(entry) for entry in await _entries(bench, action=Action.CANCEL)] == [("cancel", "run", run.id)]
        assert len(await _entries(bench, tracking_id="t")) == 1
        seen: list[str] = []
        cursor = None
        while True:
            page = await bench.store.list_audit(AuditFilter(cursor=cursor, limit=3))
            seen += [entry.id for entry in page]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == [entry.id for entry in (await _entries(bench))[::-1]]

    async def test_entries_are_pruned_by_their_age(self, bench: Bench) -> None:
        await bench.schedule("s")
        await _by(bench, Action.PAUSE).edit_schedule("s", pausing("old"))
        bench.clock.advance(3600)
        await _by(bench, Action.PAUSE).edit_schedule("s", pausing("new"))
        bench.clock.advance(1800)
        await bench.store.prune(Retention(timedelta(hours=2)), 100)
        assert len(await _entries(bench)) == 2
        await bench.store.prune(Retention(timedelta(hours=1), skipped=timedelta(hours=9)), 100)
        (entry,) = await _entries(bench)
        assert entry.after is not None
        assert entry.after["note"] == "new"

    async def _triggered(self, bench: Bench, **fields: Any) -> Run:
        def build(schedule: Schedule) -> NewRun:
            assert isinstance(schedule.effective, Policies)
            return bench.request(schedule_id=schedule.id, origin=Origin.TRIGGER, **fields)

        return await _by(bench, Action.TRIGGER).trigger_schedule("s", build)
