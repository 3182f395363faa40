"""Requests by hand: enqueue, and trigger a schedule now. A key makes them idempotent."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from hourbell.errors import Conflict, NotFound
from hourbell.model.editing import pausing
from hourbell.model.ids import new_run_id
from hourbell.model.run import NewRun
from hourbell.model.run_state import Origin, Reason, RunState
from hourbell.testing.conformance.bench import TASK, Bench, ids
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule
    from hourbell.store.protocol import Store


class RequestingConformance(Conformance):
    """`RunStore.enqueue` and `trigger_schedule`, but for races."""

    async def test_a_request_is_stored_whole(self, bench: Bench) -> None:
        new = bench.request(
            args={"to": "ü", "deep": [1, {"x": None}]},
            queue="mail",
            priority=-7,
            key="k",
            policies={"timeout": 3.0},
            on_lost="fail",
            lost_limit=2,
            tracking_id="t",
            parent=new_run_id(bench.now),
        )
        (run,) = await bench.store.enqueue([new])
        for name in ("id", "task", "origin", "args", "queue", "priority", "key", "policies", "on_lost", "lost_limit"):
            assert getattr(run, name) == getattr(new, name), name
        assert (run.tracking_id, run.parent, run.schedule_id) == ("t", new.parent, None)
        assert (run.state, run.created_at, run.run_at, run.fire_at) == (RunState.QUEUED, bench.now, bench.now, None)
        assert (run.attempt, run.failures, run.losses, run.node_id) == (0, 0, 0, None)
        assert await bench.get(run) == run

    async def test_when_it_may_start(self, bench: Bench) -> None:
        moment = bench.later(86_400)
        assert (await bench.enqueue()).run_at == bench.now
        assert (await bench.enqueue(delay=timedelta(seconds=90))).run_at == bench.later(90)
        assert (await bench.enqueue(run_at=moment)).run_at == moment
        assert (await bench.enqueue(run_at=bench.later(-90))).run_at == bench.later(-90)

    async def test_many_are_answered_in_their_order(self, bench: Bench) -> None:
        wanted = [bench.request(args={"n": number}) for number in range(40)]
        wanted = wanted[::2] + wanted[1::2]
        runs = await bench.store.enqueue(wanted)
        assert ids(runs) == ids(wanted)
        assert [run.args for run in runs] == [new.args for new in wanted]
        assert list(await bench.store.enqueue([])) == []

    async def test_many_are_stored_as_each_would_be(self, bench: Bench) -> None:
        away = timezone(timedelta(hours=5, minutes=30))
        told = [
            bench.request(),
            bench.request("another", args={"to": "ü", "deep": [1, {"x": None}]}, queue="mail", priority=-7),
            bench.request(key="k", policies={"timeout": 3.0}, on_lost="fail", lost_limit=2),
            bench.request(tracking_id="t", parent=new_run_id(bench.now), schedule_id="gone"),
            bench.request(origin=Origin.TRIGGER, args_text='{"n":1}', args={"n": 1}),
            bench.request(run_at=bench.later(0.000001).astimezone(away)),
            bench.request(delay=timedelta(hours=23, microseconds=1)),
            bench.request(run_at=bench.later(-90), delay=timedelta(seconds=5)),
        ]
        await self._stored_as_asked(bench, told)

    async def test_what_many_have_in_common_is_stored_of_each(self, bench: Bench) -> None:
        common: dict[str, Any] = {
            "queue": "mail",
            "priority": 3,
            "policies": {"timeout": 3.0},
            "on_lost": "fail",
            "lost_limit": 2,
            "tracking_id": "t",
            "parent": new_run_id(bench.now),
            "schedule_id": "gone",
            "run_at": bench.later(60),
        }
        await self._stored_as_asked(bench, [bench.request(**common, args={"n": number}) for number in range(3)])
        later = [bench.request(delay=timedelta(seconds=90), args={"n": number}) for number in range(3)]
        await self._stored_as_asked(bench, later)
        days = [bench.request(delay=timedelta(days=number)) for number in range(3)]
        await self._stored_as_asked(bench, days)

    async def _stored_as_asked(self, bench: Bench, wanted: list[NewRun]) -> None:
        runs = await bench.store.enqueue(wanted)
        for new, run in zip(wanted, runs, strict=True):
            for field in fields(NewRun):
                if field.name not in ("run_at", "delay", "key_period", "args_text"):
                    assert getattr(run, field.name) == getattr(new, field.name), field.name
            start = new.run_at if new.run_at is not None else bench.now + (new.delay or timedelta(0))
            assert (run.run_at, run.created_at, run.state) == (start, bench.now, RunState.QUEUED)
            assert await bench.get(run) == run

    async def test_of_many_those_that_are_there_are_answered_as_they_are(self, bench: Bench) -> None:
        known, kept = bench.request(key="kept"), bench.request()
        first, begun = await bench.store.enqueue([known, kept])
        await bench.node()
        await bench.claim()
        bench.clock.advance(5)
        new, same = bench.request(args={"n": 1}), bench.request(key="kept", args={"n": 2})
        twice = [bench.request(key="new", args={"n": number}) for number in range(2)]
        answer = await bench.store.enqueue([same, twice[0], kept, new, twice[1]])
        assert ids(answer) == [first.id, twice[0].id, begun.id, new.id, twice[0].id]
        for run in answer:
            assert await bench.get(run) == run
        assert (answer[0].state, answer[2].state, answer[3].state) == ("running", "running", "queued")
        assert len(await bench.runs()) == 4
        assert list(await bench.store.enqueue([same, kept])) == [answer[0], answer[2]], "none of them is new"

    async def test_the_same_requests_again_insert_nothing(self, bench: Bench) -> None:
        wanted = [bench.request(), bench.request(key="k")]
        runs = list(await bench.store.enqueue(wanted))
        bench.clock.advance(5)
        extra = bench.request()
        assert list(await bench.store.enqueue([*wanted, extra]))[:2] == runs
        assert len(await bench.runs()) == 3

    async def test_a_request_that_has_begun_is_answered_as_it_is(self, bench: Bench) -> None:
        new = bench.request()
        await bench.store.enqueue([new])
        await bench.node()
        (run,) = await bench.claim()
        assert list(await bench.store.enqueue([new])) == [run]

    async def test_one_key_is_one_run(self, bench: Bench) -> None:
        first = await bench.enqueue(key="k", args={"n": 1})
        bench.clock.advance(5)
        second = await bench.enqueue(key="k", args={"n": 2})
        assert second == first
        assert len(await bench.runs()) == 1

    async def test_one_key_in_one_batch_is_one_run(self, bench: Bench) -> None:
        runs = await bench.store.enqueue([bench.request(key="k"), bench.request(), bench.request(key="k")])
        assert runs[0] == runs[2] != runs[1]
        assert len(await bench.runs()) == 2

    async def test_a_key_belongs_to_its_task(self, bench: Bench) -> None:
        one, two = await bench.enqueue("one", key="k"), await bench.enqueue("two", key="k")
        assert one.id != two.id

    async def test_no_key_is_no_key(self, bench: Bench) -> None:
        assert (await bench.enqueue()).id != (await bench.enqueue()).id

    async def test_a_key_outlives_its_run(self, bench: Bench) -> None:
        run = await bench.running(key="k")
        await bench.settle(run)
        assert (await bench.enqueue(key="k")).state is RunState.SUCCEEDED

    async def test_a_key_counts_for_its_period(self, bench: Bench) -> None:
        minute = timedelta(seconds=60)
        first = await bench.enqueue(key="k")
        bench.clock.advance(59)
        assert await bench.enqueue(key="k", key_period=minute) == first
        bench.clock.advance(1)
        assert await bench.enqueue(key="k") == first, "without a period it counts for ever"
        second = await bench.enqueue(key="k", key_period=minute)
        assert (second.id != first.id, second.key, (await bench.get(first)).key) == (True, "k", None)
        bench.clock.advance(30)
        twice = [bench.request(key="k", key_period=minute) for _ in range(2)]
        assert list(await bench.store.enqueue(twice)) == [second, second]
        other = await bench.enqueue("another task", key="k", key_period=minute)
        assert (await bench.get(second)).key == other.key == "k"

    async def test_of_many_who_ask_after_the_period_one_makes_the_run(self, bench: Bench) -> None:
        first = await bench.enqueue(key="k")
        bench.clock.advance(60)
        wanted = [bench.request(key="k", key_period=timedelta(seconds=60)) for _ in range(6)]

        async def ask(store: Store, number: int) -> str:
            return (await store.enqueue([wanted[number]]))[0].id

        made = set(await bench.in_threads(6, ask))
        assert len(made) == 1
        assert first.id not in made

    async def test_a_run_that_is_answered_is_a_copy(self, bench: Bench) -> None:
        args = {"list": [1]}
        run = await bench.enqueue(args=args)
        args["list"].append(2)
        run.args["list"].append(3)
        assert (await bench.get(run)).args == {"list": [1]}

    async def test_a_schedule_is_triggered(self, bench: Bench) -> None:
        seen: list[Schedule] = []

        def build(schedule: Schedule) -> NewRun:
            seen.append(schedule)
            return self._by_hand(bench, args={**schedule.args, "more": 2})

        schedule = await bench.schedule(args={"n": 1})
        run = await bench.store.trigger_schedule("s", build)
        assert seen == [schedule]
        assert (run.state, run.origin, run.schedule_id) == (RunState.QUEUED, Origin.TRIGGER, "s")
        assert (run.args, run.fire_at, run.run_at) == ({"n": 1, "more": 2}, None, bench.now)
        assert await bench.store.get_schedule("s") == schedule, "the cursor stays"
        assert await bench.get(run) == run

    async def test_there_is_no_such_schedule(self, bench: Bench) -> None:
        with pytest.raises(NotFound):
            await self._trigger(bench)
        assert await bench.runs() == []

    async def test_a_build_that_raises_inserts_nothing(self, bench: Bench) -> None:
        def build(_schedule: Schedule) -> NewRun:
            raise Conflict("no")

        await bench.schedule()
        with pytest.raises(Conflict):
            await bench.store.trigger_schedule("s", build)
        assert await bench.runs() == []
        assert (await self._trigger(bench)).state is RunState.QUEUED

    async def test_a_trigger_that_overlaps_is_skipped(self, bench: Bench) -> None:
        await bench.schedule(policies={"max_running": 2})
        first, second = await self._trigger(bench), await self._trigger(bench)
        third = await self._trigger(bench)
        assert (first.state, second.state) == (RunState.QUEUED, RunState.QUEUED)
        assert (third.state, third.reason, third.finished_at) == (RunState.SKIPPED, Reason.OVERLAP, bench.now)
        assert await bench.get(third) == third
        await bench.store.cancel_run(first.id)
        assert (await self._trigger(bench)).state is RunState.QUEUED

    async def test_a_trigger_overlaps_with_fires_that_wait_or_run(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(1)
        (run,) = await bench.claim()
        assert (await self._trigger(bench)).state is RunState.SKIPPED
        await bench.fail_and_retry(run, delay=3600)
        assert (await self._trigger(bench)).state is RunState.SKIPPED

    async def test_a_trigger_may_overlap_where_that_is_allowed(self, bench: Bench) -> None:
        await bench.schedule(inherited={"overlap": "allow"})
        for _ in range(3):
            assert (await self._trigger(bench)).state is RunState.QUEUED

    async def test_a_trigger_does_not_overlap_with_others(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.schedule("other")
        await bench.fire_after(1)
        await bench.store.edit_schedule("s", pausing(None))
        assert (await self._trigger(bench)).state is RunState.QUEUED, "a paused schedule may be triggered"

    async def test_a_trigger_with_a_key_is_one_run(self, bench: Bench) -> None:
        await bench.schedule()
        first = await self._trigger(bench, key="k")
        assert await self._trigger(bench, key="k") == first
        assert len(await bench.runs()) == 1

    async def test_a_trigger_that_is_repeated_is_one_run(self, bench: Bench) -> None:
        await bench.schedule()
        new = self._by_hand(bench)
        first = await bench.store.trigger_schedule("s", lambda _: new)
        assert await bench.store.trigger_schedule("s", lambda _: new) == first
        assert len(await bench.runs()) == 1

    def _by_hand(self, bench: Bench, **fields: Any) -> NewRun:
        return replace(bench.request(TASK, origin=Origin.TRIGGER, schedule_id="s"), **fields)

    async def _trigger(self, bench: Bench, **fields: Any) -> Run:
        return await bench.store.trigger_schedule("s", lambda _: self._by_hand(bench, **fields))
