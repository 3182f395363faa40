"""The verbs of schedules, on every store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from hourbell import (
    At,
    Conflict,
    Cron,
    Every,
    InvalidArguments,
    NotFound,
    Schedule,
    Scheduler,
    StaleRevision,
    TriggerError,
    UnknownTask,
)


async def test_what_was_added_is_there(scheduler: Scheduler) -> None:
    added = await scheduler.add_schedule("add", Every(minutes=5), id="five", args={"a": 1}, overlap="allow", note="why")
    assert isinstance(added, Schedule)
    assert await scheduler.get_schedule("five") == added
    assert (added.task, added.args, added.state, added.note) == ("add", {"a": 1}, "active", "why")
    assert added.policies == {"overlap": "allow"}
    effective = added.effective
    assert effective.grace == timedelta(hours=1)  # the scheduler's
    assert effective.timeout == 60  # the task's
    assert effective.overlap == "allow"  # its own
    assert added.next_fire_at is not None
    assert timedelta(minutes=4) < added.next_fire_at - added.created_at <= timedelta(minutes=5)


async def test_without_an_id_it_takes_the_name_of_the_task(scheduler: Scheduler) -> None:
    assert (await scheduler.add_schedule("greet", Every(hours=1))).id == "greet"


async def test_a_trigger_without_a_zone_takes_the_schedulers(database_url: str) -> None:
    scheduler = Scheduler(database_url, timezone="Asia/Tokyo")
    scheduler.task(name="t")(lambda: None)
    async with scheduler:
        mine = await scheduler.add_schedule("t", Cron("0 9 * * *"))
        other = await scheduler.add_schedule("t", Cron("0 9 * * *", timezone="Europe/Berlin"), id="other")
    assert mine.trigger_spec["timezone"] == "Asia/Tokyo"
    assert other.trigger_spec["timezone"] == "Europe/Berlin"


async def test_adding_again_changes_what_differs_and_keeps_the_cursor(scheduler: Scheduler) -> None:
    first = await scheduler.add_schedule("add", Every(minutes=5), id="s", args={"a": 1})
    again = await scheduler.add_schedule("add", Every(minutes=5), id="s", args={"a": 2}, grace=5)
    assert again.next_fire_at == first.next_fire_at
    assert (again.args, again.policies) == ({"a": 2}, {"grace": 5})
    other = await scheduler.add_schedule("add", Every(minutes=7), id="s", args={"a": 2}, grace=5)
    assert other.next_fire_at != first.next_fire_at


async def test_on_conflict(scheduler: Scheduler) -> None:
    first = await scheduler.add_schedule("add", Every(minutes=5), id="s", args={"a": 1})
    kept = await scheduler.add_schedule("greet", Every(minutes=9), id="s", on_conflict="keep")
    assert kept == first
    with pytest.raises(Conflict, match="'s'"):
        await scheduler.add_schedule("greet", Every(minutes=9), id="s", on_conflict="error")
    with pytest.raises(InvalidArguments, match="on_conflict"):
        await scheduler.add_schedule("greet", Every(minutes=9), on_conflict="maybe")  # type: ignore[arg-type]


async def test_what_does_not_fit_is_refused_before_anything_is_stored(scheduler: Scheduler) -> None:
    every = Every(minutes=5)
    with pytest.raises(UnknownTask, match="'nobody'"):
        await scheduler.add_schedule("nobody", every)
    with pytest.raises(InvalidArguments, match="'a' is missing"):
        await scheduler.add_schedule("add", every)
    with pytest.raises(InvalidArguments, match="'a' does not fit"):
        await scheduler.add_schedule("add", every, args={"a": "x"})
    with pytest.raises(InvalidArguments, match="is no trigger"):
        await scheduler.add_schedule("greet", "* * * * *")  # type: ignore[arg-type]
    with pytest.raises(InvalidArguments, match=r"@scheduler\.task"):
        await scheduler.add_schedule(print, every)  # type: ignore[arg-type]
    with pytest.raises(InvalidArguments, match="overlap"):
        await scheduler.add_schedule("greet", every, overlap="never")  # type: ignore[arg-type]
    with pytest.raises(InvalidArguments, match="no policy 'retries'"):
        await scheduler.add_schedule("greet", every, retries=3)  # type: ignore[call-arg]
    with pytest.raises(InvalidArguments, match="note"):
        await scheduler.add_schedule("greet", every, note="nul\x00")
    assert len(await scheduler.list_schedules()) == 0


@pytest.mark.parametrize("name", ["", " a", "a\n", "x" * 201, "nul\x00", ".", "..", 5])
async def test_an_id_is_printable_and_short(name: str) -> None:
    async with Scheduler("memory://") as scheduler:
        task = scheduler.task(name="t")(lambda: None)
        with pytest.raises(InvalidArguments, match="schedule id"):
            await scheduler.add_schedule(task, Every(hours=1), id=name)


async def test_arguments_without_names_are_refused_wherever_they_are_given(scheduler: Scheduler) -> None:
    await scheduler.add_schedule("greet", Every(hours=1), id="s")
    run = await scheduler.cancel_run((await scheduler.trigger_schedule("s")).id)
    for args in (["ada"], "ada", 5):
        given: Any = args
        asked = (
            scheduler.add_schedule("greet", Every(hours=1), id="other", args=given),
            scheduler.update_schedule("s", args=given),
            scheduler.trigger_schedule("s", args=given),
            scheduler.retry_run(run.id, args=given),
        )
        for one in asked:
            with pytest.raises(InvalidArguments, match="give the arguments by their names"):
                await one


async def test_any_printable_id_is_found_again(scheduler: Scheduler) -> None:
    for name in ("a/b", "Größe 🙂", 'it\'s "quoted" %s {x} :y', "x" * 200):
        await scheduler.add_schedule("greet", Every(hours=1), id=name)
        assert (await scheduler.get_schedule(name)).id == name


async def test_lists_in_pages(scheduler: Scheduler) -> None:
    for number in range(5):
        await scheduler.add_schedule("greet", Every(hours=1), id=f"s{number}", paused=number == 3)
    seen, cursor = [], None
    while True:
        page = await scheduler.list_schedules(limit=2, cursor=cursor)
        seen += [schedule.id for schedule in page]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["s0", "s1", "s2", "s3", "s4"]
    (paused,) = await scheduler.list_schedules(state="paused")
    assert paused.id == "s3"
    with pytest.raises(InvalidArguments, match="'active'"):
        await scheduler.list_schedules(state="asleep")
    for limit in (0, 1001, True, "5"):
        with pytest.raises(InvalidArguments, match="limit"):
            await scheduler.list_schedules(limit=limit)  # type: ignore[arg-type]


async def test_updates_what_is_given_and_keeps_the_rest(scheduler: Scheduler) -> None:
    before = await scheduler.add_schedule("add", Every(minutes=5), id="s", args={"a": 1}, grace=5, priority=3)
    after = await scheduler.update_schedule("s", args={"a": 7, "b": 1}, grace=None)
    assert after.args == {"a": 7, "b": 1}
    assert after.policies == {"grace": None, "priority": 3}
    assert after.next_fire_at == before.next_fire_at
    moved = await scheduler.update_schedule(after, trigger=Cron("0 9 * * *"))
    assert moved.trigger_spec["expr"] == "0 9 * * *"
    assert (moved.args, moved.policies) == (after.args, after.policies)
    with pytest.raises(InvalidArguments, match="'a' is missing"):
        await scheduler.update_schedule("s", args={"b": 1})
    assert await scheduler.get_schedule("s") == moved


async def test_pauses_with_a_note_and_resumes(scheduler: Scheduler) -> None:
    await scheduler.add_schedule("greet", Every(hours=1), id="s")
    paused = await scheduler.pause_schedule("s", note="maintenance\nuntil noon")
    assert (paused.state, paused.note) == ("paused", "maintenance\nuntil noon")
    resumed = await scheduler.resume_schedule("s")
    assert (resumed.state, resumed.note) == ("active", None)
    assert (await scheduler.resume_schedule("s")).state == "active"


async def test_removes(scheduler: Scheduler) -> None:
    await scheduler.add_schedule("greet", Every(hours=1), id="s")
    run = await scheduler.trigger_schedule("s")
    assert (await scheduler.remove_schedule("s")).id == "s"
    ended = await scheduler.get_run(run.id)
    assert (ended.state, ended.reason) == ("skipped", "removed")
    for verb in (scheduler.get_schedule, scheduler.remove_schedule, scheduler.pause_schedule, scheduler.preview):
        with pytest.raises(NotFound, match="'s'"):
            await verb("s")


@pytest.mark.parametrize("name", ["nobody", "nul\x00", "\ud800", "x" * 1000])
async def test_an_id_that_is_not_there(scheduler: Scheduler, name: str) -> None:
    with pytest.raises(NotFound):
        await scheduler.get_schedule(name)
    with pytest.raises(NotFound):
        await scheduler.update_schedule(name, grace=1)
    with pytest.raises(NotFound):
        await scheduler.trigger_schedule(name)


async def test_triggers_a_run_by_hand(scheduler: Scheduler) -> None:
    await scheduler.add_schedule("add", Every(hours=1), id="s", args={"a": 1, "b": 2}, overlap="allow", queue="slow")
    run = await scheduler.trigger_schedule("s", args={"b": 5})
    assert (run.schedule_id, run.task, run.origin, run.fire_at) == ("s", "add", "trigger", None)
    assert (run.args, run.queue, run.state) == ({"a": 1, "b": 5}, "slow", "queued")
    assert run.policies == {"overlap": "allow", "queue": "slow"}, "what its task says stands in the code"
    with pytest.raises(InvalidArguments, match="'b' does not fit"):
        await scheduler.trigger_schedule("s", args={"b": "x"})
    with pytest.raises(InvalidArguments, match="'c' is not an argument"):
        await scheduler.trigger_schedule("s", args={"c": 1})
    assert len(await scheduler.list_runs()) == 1


async def test_a_key_makes_triggering_idempotent(scheduler: Scheduler) -> None:
    await scheduler.add_schedule("greet", Every(hours=1), id="s", overlap="allow")
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(scheduler.trigger_schedule("s", key="once")) for _ in range(5)]
    assert len({task.result().id for task in asked}) == 1
    assert len(await scheduler.list_runs()) == 1


async def test_triggering_respects_overlap_and_ignores_a_pause(scheduler: Scheduler) -> None:
    await scheduler.add_schedule("greet", Every(hours=1), id="s", paused=True)
    assert (await scheduler.trigger_schedule("s")).state == "queued"
    second = await scheduler.trigger_schedule("s")
    assert (second.state, second.reason) == ("skipped", "overlap")


async def test_previews_a_stored_schedule_from_its_cursor(scheduler: Scheduler) -> None:
    stored = await scheduler.add_schedule("greet", Every(minutes=10), id="s")
    fires = await scheduler.preview("s", 3)
    assert fires[0] == stored.next_fire_at
    assert [later - earlier for earlier, later in pairwise(fires)] == [timedelta(minutes=10)] * 2
    after = datetime(2040, 1, 1, tzinfo=UTC)
    assert all(fire > after for fire in await scheduler.preview(stored, 2, after=after))


async def test_previews_a_trigger_in_its_zone() -> None:
    scheduler = Scheduler("memory://", timezone="Asia/Tokyo")
    after = datetime(2030, 1, 1, tzinfo=UTC)
    (fire,) = await scheduler.preview(Cron("0 9 * * *", timezone="Europe/Berlin"), 1, after=after)
    assert fire.isoformat() == "2030-01-01T09:00:00+01:00"
    (fire,) = await scheduler.preview(Cron("0 9 * * *"), 1, after=after)
    assert fire.isoformat() == "2030-01-02T09:00:00+09:00"
    assert await scheduler.preview(At("2029-01-01T00:00:00Z"), 3, after=after) == []
    assert len(await scheduler.preview(Every(seconds=1), 1000)) == 1000
    with pytest.raises((InvalidArguments, TriggerError)):
        await scheduler.preview(Every(seconds=1), after=datetime(2030, 1, 1))  # noqa: DTZ001 - refused
    with pytest.raises(InvalidArguments, match="count"):
        await scheduler.preview(Every(seconds=1), 1001)


async def test_a_past_at_is_due_once(scheduler: Scheduler) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    stored = await scheduler.add_schedule("greet", At(past), id="s")
    assert stored.next_fire_at == past
    assert await scheduler.preview("s") == [past]


async def test_a_schedule_has_no_concurrency_of_its_own(scheduler: Scheduler) -> None:
    with pytest.raises(InvalidArguments, match="belongs to the task"):
        await scheduler.add_schedule("greet", Every(hours=1), id="x", concurrency=1)
    await scheduler.add_schedule("greet", Every(hours=1), id="x")
    with pytest.raises(InvalidArguments, match="belongs to the task"):
        await scheduler.update_schedule("x", concurrency=1)
    assert "concurrency" not in ((await scheduler.trigger_schedule("x")).policies or {})


async def test_an_edit_may_name_the_revision_that_was_seen(scheduler: Scheduler) -> None:
    seen = await scheduler.add_schedule("greet", Every(hours=1), id="s", priority=3)
    edited = await scheduler.update_schedule("s", args={"name": "a"}, revision=seen.revision)
    for late in (
        scheduler.update_schedule("s", args={"name": "b"}, revision=seen.revision),
        scheduler.pause_schedule("s", revision=seen.revision),
        scheduler.resume_schedule("s", revision=seen.revision),
        scheduler.remove_schedule("s", revision=seen.revision),
    ):
        with pytest.raises(StaleRevision, match="read it again"):
            await late
    assert await scheduler.get_schedule("s") == edited
    inheriting = await scheduler.update_schedule("s", inherit=["priority"], revision=edited.revision)
    assert "priority" not in inheriting.policies
    with pytest.raises(InvalidArguments, match="no policy 'prio'"):
        await scheduler.update_schedule("s", inherit=["prio"])


async def test_lists_what_is_asked_for(scheduler: Scheduler) -> None:
    await scheduler.add_schedule("greet", Every(hours=2), id="a-night")
    await scheduler.add_schedule("add", Every(hours=1), id="b", args={"a": 1})
    await scheduler.pause_schedule("b", note="tonight")
    assert [one.id for one in await scheduler.list_schedules(text="night")] == ["a-night", "b"]
    assert [one.id for one in await scheduler.list_schedules(task="add")] == ["b"]
    assert [one.id for one in await scheduler.list_schedules(sort="next_fire_at")] == ["b", "a-night"]
    with pytest.raises(InvalidArguments, match="sort"):
        await scheduler.list_schedules(sort="color")  # type: ignore[arg-type]
    with pytest.raises(InvalidArguments, match="cursor"):
        await scheduler.list_schedules(sort="next_fire_at", cursor="b")


async def test_a_pause_may_say_when_it_ends(scheduler: Scheduler) -> None:
    await scheduler.add_schedule("greet", Every(hours=1), id="s")
    until = scheduler.clock.now() + timedelta(days=1)
    assert (await scheduler.pause_schedule("s", until=until)).resume_at == until
    wrong: list[object] = [until.replace(tzinfo=None), "tomorrow", datetime(2001, 1, 1, tzinfo=UTC)]
    wrong += [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)]
    for instant in wrong:
        with pytest.raises(InvalidArguments, match="until="):
            await scheduler.pause_schedule("s", until=instant)  # type: ignore[arg-type]
    assert (await scheduler.resume_schedule("s")).resume_at is None


async def test_a_node_ends_a_pause_by_itself(database_url: str) -> None:
    scheduler = Scheduler(database_url, lease=3, poll=60)
    ran: list[int] = []
    scheduler.task(name="tick")(lambda: ran.append(1))
    await scheduler.start()
    try:
        await scheduler.add_schedule("tick", Every(seconds=1), id="s")
        until = scheduler.clock.now() + timedelta(seconds=1.5)
        await scheduler.pause_schedule("s", note="a moment", until=until)
        for _ in range(600):
            if (await scheduler.list_runs(schedule_id="s", state="succeeded")).items:
                break
            await asyncio.sleep(0.05)
        runs = await scheduler.list_runs(schedule_id="s", limit=100)
        stored = await scheduler.get_schedule("s")
    finally:
        await scheduler.stop()
    assert (stored.state, stored.resume_at, stored.note) == ("active", None, None)
    ended = [run for run in runs if run.state == "succeeded"]
    assert ended
    assert all(run.fire_at is not None and run.fire_at >= until for run in ended)
    assert {run.reason for run in runs if run.fire_at is not None and run.fire_at < until} <= {"paused"}
