"""Every statement of fire, claim, settle, renew and rescue, broken before and after, and the commit in doubt.

Two ways to go on are tried at each point. *Died*: the process is gone; another node finds what the database kept.
*Answer lost*: the node lives on and asks again, as its loops do. Whatever the point, each fire stands in exactly one
row, each claim is held by one node, each attempt ends once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from hourbell.engine.planning import plan_fires
from hourbell.errors import StoreUnavailable
from hourbell.model.audit import Act, Action, AuditFilter
from hourbell.model.editing import pausing
from hourbell.model.hint import Hint
from hourbell.model.ids import new_run_id
from hourbell.model.limit import Limit
from hourbell.model.log_line import START, LogBound, LogLine
from hourbell.model.node import NewNode
from hourbell.model.offer import Offer
from hourbell.model.plan import Question
from hourbell.model.progress import Progress, ProgressReport
from hourbell.model.run import NewRun, Run, RunFilter, Settlement
from hourbell.model.run_state import Origin, Outcome, Reason, RunState
from hourbell.model.schedule import Declaration, ScheduleState, Source
from hourbell.store.scripts.script import one
from hourbell.triggers import Every
from store.conftest import Pair
from support.faults import Point

LEASE = timedelta(seconds=15)
ALL: dict[str, Any] = {"attempt": None, "after": START, "limit": 100}
ONE = Limit(("t",), 1)
ASKED = Question(("t",), None)
STEPS: dict[str, dict[str, Sequence[str]]] = {
    "postgres": {
        "fire": ("firing.lock", "overlap.count", "firing.record", "commit"),
        "fire of many": ("firing.lock", "overlap.count", "runs.insert", "firing.advance", "commit"),
        "take": ("firing.lock", "overlap.count", "firing.record", "commit"),
        "resume": ("pauses.lock_over", "runs.insert", "schedules.write", "endings.date", "overlap.count", "commit"),
        "claim": ("claiming.claim",),
        "claim by name": ("claiming.named",),
        "limited claim": ("claiming.lock_limits", "claiming.claim", "commit"),
        "settle": ("settling.settle",),
        "succeed": ("settling.succeed",),
        "renew": ("nodes.renew",),
        "asking renewal": ("watching.next_work",),
        "rescue": ("nodes.mark_dead", "nodes.gone", "nodes.hand_on", "commit", "overlap.waiting"),
        "progress": ("logs.note_progress",),
        "log": ("logs.add", "logs.trim", "logs.forget", "commit"),
        "cancel": ("runs.get", "runs.cancel", "commit"),
        "audited cancel": ("runs.get", "runs.cancel", "audit.add", "commit"),
        "audited edit": (
            "schedules.lock", "schedules.write", "endings.end", "overlap.count", "schedules.get", "audit.add",
            "commit",
        ),
    },
    "sqlite": {
        "fire": (
            "firing.lock", "overlap.count", "firing.record", "firing.refused", "firing.move", "commit",
        ),
        "fire of many": ("firing.lock", "overlap.count", "runs.insert", "firing.advance", "commit"),
        "take": (
            "firing.lock", "overlap.count", "firing.record", "firing.refused", "firing.move", "commit",
        ),
        "resume": ("pauses.lock_over", "runs.insert", "schedules.write", "endings.date", "overlap.count", "commit"),
        "claim": (
            "nodes.is_live", "clock.read", "claiming.places", "claiming.candidates", "claiming.take", "commit",
        ),
        "claim by name": ("nodes.is_live", "clock.read", "claiming.named", "claiming.take", "commit"),
        "limited claim": (
            "nodes.is_live", "clock.read", "claiming.limited", "claiming.places", "claiming.candidates",
            "claiming.take", "commit",
        ),
        "settle": ("settling.keep", "settling.settle", "commit"),
        "succeed": ("settling.succeed", "settling.succeeded", "commit"),
        "renew": ("nodes.renew", "nodes.siblings", "commit"),
        "asking renewal": ("nodes.renew", "watching.next_work", "commit"),
        "rescue": (
            "nodes.mark_dead", "nodes.gone", "nodes.found", "nodes.keep_attempts", "nodes.cancel_lost",
            "nodes.fail_lost", "nodes.requeue_lost", "commit", "overlap.waiting",
        ),
        "progress": ("logs.note_progress", "commit"),
        "log": ("logs.add", "logs.trim", "logs.forget", "commit"),
        "cancel": ("runs.get", "runs.cancel", "commit"),
        "audited cancel": ("runs.get", "runs.cancel", "audit.add", "commit"),
        "audited edit": (
            "schedules.lock", "schedules.write", "endings.end", "overlap.count", "schedules.get", "audit.add",
            "commit",
        ),
    },
}  # fmt: skip


def points(*names: str, without: str = "") -> list[object]:
    """Every point of these verbs on both databases but one step, each as a parameter set (database, point)."""
    return [
        pytest.param(kind, Point(step, moment), id=f"{kind}-{Point(step, moment)}")
        for kind, verbs in STEPS.items()
        for verb in names
        for step in verbs[verb]
        if step != without
        for moment in ("before", "after")
    ]


plan = partial(plan_fires, lease=LEASE)


async def register(pair: Pair, *ids: str) -> None:
    for node_id in ids:
        await pair.other.register_node(NewNode(id=node_id, host="h", pid=1, lease=LEASE, version="1"))


async def schedule(pair: Pair, schedule_id: str = "tick", **policies: object) -> None:
    declared = Declaration(
        id=schedule_id, task="t", trigger=Every(seconds=1), args={}, policies=policies, inherited={},
        source=Source.CALL, digest="d",
    )  # fmt: skip
    await pair.other.add_schedule(declared, "error")


def act(pair: Pair, action: Action) -> Act:
    return Act(id=new_run_id(pair.clock.now()), action=action, actor="anna")


async def enqueue(pair: Pair, **fields: object) -> Run:
    run = NewRun(id=new_run_id(pair.clock.now()), task="t", origin=Origin.ENQUEUE, args={}, **fields)  # type: ignore[arg-type]
    return (await pair.other.enqueue([run]))[0]


async def claim(
    pair: Pair, node: str, claim_id: str, *, struck: bool = False, limits: Sequence[Limit] = ()
) -> Sequence[Run]:
    store = pair.struck if struck else pair.other
    claimed = await store.claim(node, claim_id, limit=10, tasks={"t": 10}, queues=None, suspects=1, limits=limits)
    return claimed.runs if claimed is not None else ()


async def named(pair: Pair, run: Run, claim_id: str) -> Sequence[Run]:
    claimed = await pair.struck.claim_named("a", claim_id, Hint(run.id, run.task, run.queue))
    return claimed.runs if claimed is not None else ()


async def take(pair: Pair, claim_id: str, *, struck: bool = False, exclude: Sequence[str] = ()) -> Sequence[Run]:
    """Fire, taking what is fired for node a."""
    store = pair.struck if struck else pair.other
    return (await store.fire_due(10, plan, exclude, Offer("a", claim_id, [(["t"], 10)]))).taken


async def strike(pair: Pair, point: Point, go: Callable[[], Awaitable[object]]) -> None:
    """Run the verb into the fault; a point that is never reached would make the test say nothing."""
    pair.faults.arm(point)
    with pytest.raises(StoreUnavailable):
        await go()
    assert pair.faults.struck, f"{point} was not reached; the verb's steps are {pair.faults.seen}"


async def recorded(pair: Pair) -> list[datetime]:
    """Every due time of the schedule that some row tells, run or skip."""
    told: list[datetime] = []
    for run in (await pair.other.list_runs(RunFilter(schedule_id="tick", limit=1000))).items:
        assert run.fire_at is not None
        until = run.covers_until or run.fire_at
        count = run.covers_count or 1
        told.extend(run.fire_at + timedelta(seconds=n) for n in range(count))
        assert told[-1] == until
    return sorted(told)


@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_the_steps_listed_here_are_all_steps(pair: Pair) -> None:
    """A statement added to a verb must be added above, so that it is broken too."""
    await register(pair, "a", "b")
    await schedule(pair)

    async def seen(go: Awaitable[object]) -> list[str]:
        pair.faults.seen.clear()
        await go
        return list(dict.fromkeys(pair.faults.seen))

    steps = STEPS[pair.kind]
    pair.clock.advance(1)
    assert await seen(pair.struck.fire_due(10, plan)) == list(steps["fire"])
    assert await seen(claim(pair, "a", "c1", struck=True)) == list(steps["claim"])
    pair.clock.advance(4)
    assert await seen(pair.struck.fire_due(10, plan)) == list(steps["fire of many"])
    await schedule(pair, "taken")
    pair.clock.advance(1)
    assert await seen(take(pair, "c4", struck=True, exclude=["tick"])) == list(steps["take"])
    run = (await pair.other.claimed("a", "c1"))[0]
    assert await seen(pair.struck.note_progress("a", [halfway(run, 1)])) == list(steps["progress"])
    assert await seen(pair.struck.add_logs(*said(run))) == list(steps["log"])
    await paused(pair)
    assert await seen(pair.struck.resume_due(10)) == list(steps["resume"])
    await enqueue(pair)
    assert await seen(claim(pair, "a", "c3", struck=True, limits=[ONE])) == list(steps["limited claim"])
    assert await seen(pair.struck.settle("a", [retried(run)])) == list(steps["settle"])
    assert await seen(pair.struck.renew("a", LEASE, 0)) == list(steps["renew"])
    assert await seen(pair.struck.renew("a", LEASE, 0, question=ASKED)) == list(steps["asking renewal"])
    (run,) = await claim(pair, "a", "c2")
    assert await seen(pair.struck.cancel_run(run.id)) == list(steps["cancel"])
    assert await seen(pair.struck.settle("a", [succeeded(run)])) == list(steps["succeed"])
    assert await seen(named(pair, await enqueue(pair), "c5")) == list(steps["claim by name"])
    run = await enqueue(pair)
    assert await seen(pair.struck.audited(act(pair, Action.CANCEL)).cancel_run(run.id)) == list(steps["audited cancel"])
    pause = pair.struck.audited(act(pair, Action.PAUSE)).edit_schedule("tick", pausing("why"))
    assert await seen(pause) == list(steps["audited edit"])
    pair.clock.advance(20)
    # What breaks in the last breaks nothing: see test_long_endings.
    assert await seen(pair.struck.rescue({"a": 2})) == [*steps["rescue"], "endings.list"]


@pytest.mark.parametrize("lives", [True, False], ids=["answer-lost", "died"])
@pytest.mark.parametrize("pair, point", points("fire"), indirect=["pair"])
async def test_a_plain_fire_is_recorded_once(pair: Pair, point: Point, lives: bool) -> None:
    await schedule(pair)
    pair.clock.advance(1)
    due = pair.clock.now()
    await strike(pair, point, lambda: pair.struck.fire_due(10, plan))
    stored = await pair.other.get_schedule("tick")
    assert (await recorded(pair), stored.last_fire_at) in (([], None), ([due], due)), "half of it was written"
    await (pair.struck if lives else pair.other).fire_due(10, plan)
    assert await recorded(pair) == [due]
    stored = await pair.other.get_schedule("tick")
    assert (stored.last_fire_at, stored.next_fire_at) == (due, due + timedelta(seconds=1))


@pytest.mark.parametrize("pair, point", points("take"), indirect=["pair"])
async def test_what_was_taken_in_a_firing_whose_answer_is_lost_is_read_back(pair: Pair, point: Point) -> None:
    await register(pair, "a", "b")
    await schedule(pair)
    pair.clock.advance(1)
    await strike(pair, point, lambda: take(pair, "c1", struck=True))
    back = await pair.struck.claimed("a", "c1") or await take(pair, "c2", struck=True)
    assert [run.attempt for run in back] == [1]
    assert await take(pair, "c3") == ()
    assert await claim(pair, "b", "c4") == (), "two nodes hold it"
    assert [(held.run_id, held.attempt) for held in await pair.other.held("a")] == [(back[0].id, 1)]
    assert await recorded(pair) == [pair.clock.now()]


@pytest.mark.parametrize("pair, point", points("take"), indirect=["pair"])
async def test_what_a_node_took_in_its_last_firing_is_taken_over(pair: Pair, point: Point) -> None:
    await register(pair, "a")
    await schedule(pair)
    pair.clock.advance(1)
    first = pair.clock.now()
    await strike(pair, point, lambda: take(pair, "c1", struck=True))
    pair.clock.advance(20)
    await register(pair, "b")
    rescue = await pair.other.rescue({"a": 0})
    assert rescue.dead == ("a",)
    again = await claim(pair, "b", "c2")
    assert [(run.fire_at, run.attempt, run.losses) for run in again] == [(first, 2, 1)] * rescue.requeued
    assert await take(pair, "c3") == (), "a dead node takes nothing"
    assert await recorded(pair) == [first + timedelta(seconds=n) for n in range(21)]


@pytest.mark.parametrize("policies", [{"overlap": "skip", "catch_up": "all"}, {"overlap": "skip", "max_running": 3}])
@pytest.mark.parametrize("lives", [True, False], ids=["answer-lost", "died"])
@pytest.mark.parametrize("pair, point", points("fire of many"), indirect=["pair"])
async def test_a_fire_is_recorded_once(pair: Pair, point: Point, lives: bool, policies: dict[str, object]) -> None:
    await schedule(pair, **policies)
    first = pair.clock.now() + timedelta(seconds=1)
    pair.clock.advance(4)
    await strike(pair, point, lambda: pair.struck.fire_due(10, plan))
    before = await recorded(pair)
    due = [first + timedelta(seconds=n) for n in range(4)]
    assert before in ([], due), "a transaction left half of what it had to write"
    survivor = pair.struck if lives else pair.other
    await survivor.fire_due(10, plan)
    assert await recorded(pair) == due
    stored = await pair.other.get_schedule("tick")
    assert stored.last_fire_at == due[-1]
    assert stored.next_fire_at == due[-1] + timedelta(seconds=1)
    pair.clock.advance(2)
    await pair.other.fire_due(10, plan)
    assert await recorded(pair) == [first + timedelta(seconds=n) for n in range(6)]


async def paused(pair: Pair) -> None:
    """A schedule whose pause has ended, over five due times."""
    declared = Declaration(
        id="rest", task="t", trigger=Every(seconds=1), args={}, policies={"overlap": "allow"}, inherited={},
        source=Source.CALL, digest="d",
    )  # fmt: skip
    await pair.other.add_schedule(declared, "error")
    await pair.other.edit_schedule("rest", pausing(None, pair.clock.now() + timedelta(seconds=6)))
    pair.clock.advance(6)


@pytest.mark.parametrize("pair, point", points("resume"), indirect=["pair"])
async def test_a_pause_ends_once(pair: Pair, point: Point) -> None:
    await paused(pair)
    until = pair.clock.now()
    await strike(pair, point, lambda: pair.struck.resume_due(10))
    # What died may hold its lock for a moment; then the next step, of whichever node, ends the pause.
    resumed = [*(await pair.other.resume_due(10)).resumed, *(await pair.struck.resume_due(10)).resumed]
    assert len(resumed) <= 1
    assert (await pair.other.resume_due(10)).resumed == ()
    stored = await pair.other.get_schedule("rest")
    assert (stored.state, stored.version, stored.next_fire_at) == (ScheduleState.ACTIVE, 3, until)
    (skip,) = (await pair.other.list_runs(RunFilter(schedule_id="rest"))).items
    assert (skip.reason, skip.covers_count) == (Reason.PAUSED, 5)


@pytest.mark.parametrize("pair, point", points("claim"), indirect=["pair"])
async def test_a_claim_whose_answer_is_lost_is_read_back(pair: Pair, point: Point) -> None:
    await register(pair, "a", "b")
    run = await enqueue(pair)
    await strike(pair, point, lambda: claim(pair, "a", "c1", struck=True))
    back = await pair.struck.claimed("a", "c1")
    if not back:
        back = await claim(pair, "a", "c2", struck=True)
    assert [(found.id, found.attempt) for found in back] == [(run.id, 1)]
    assert await claim(pair, "b", "c3") == ()
    assert [(held.run_id, held.attempt) for held in await pair.other.held("a")] == [(run.id, 1)]


@pytest.mark.parametrize("pair, point", points("claim by name"), indirect=["pair"])
async def test_a_claim_by_name_whose_answer_is_lost_is_read_back(pair: Pair, point: Point) -> None:
    await register(pair, "a", "b")
    run = await enqueue(pair)
    await strike(pair, point, lambda: named(pair, run, "c1"))
    back = await pair.struck.claimed("a", "c1") or await named(pair, run, "c2")
    assert [one.attempt for one in back] == [1]
    assert await claim(pair, "b", "c3") == ()
    assert [(held.run_id, held.attempt) for held in await pair.other.held("a")] == [(run.id, 1)]


@pytest.mark.parametrize("pair, point", points("claim"), indirect=["pair"])
async def test_a_claim_of_a_dead_node_is_taken_over(pair: Pair, point: Point) -> None:
    await register(pair, "a")
    run = await enqueue(pair)
    await strike(pair, point, lambda: claim(pair, "a", "c1", struck=True))
    pair.clock.advance(20)
    await register(pair, "b")
    rescue = await pair.other.rescue({"a": 0})
    assert rescue.dead == ("a",)
    taken = await claim(pair, "b", "c2")
    assert [found.id for found in taken] == [run.id]
    assert taken[0].attempt == 1 + rescue.requeued
    assert len(await pair.other.list_attempts(run.id)) == rescue.requeued
    assert await claim(pair, "a", "c3") == (), "a dead node never claims again"


@pytest.mark.parametrize("pair, point", points("limited claim"), indirect=["pair"])
async def test_a_claim_under_a_limit_holds_it_or_nothing(pair: Pair, point: Point) -> None:
    await register(pair, "a", "b")
    runs = {(await enqueue(pair)).id, (await enqueue(pair)).id}
    await strike(pair, point, lambda: claim(pair, "a", "c1", struck=True, limits=[ONE]))
    taken = await pair.other.claimed("a", "c1")
    again = await claim(pair, "b", "c2", limits=[ONE])
    assert len(taken) + len(again) == 1, "the limit was left locked, or was not kept"
    if taken:
        assert await pair.struck.claimed("a", "c1") == taken, "its answer was lost; it is read back"
        assert set(await pair.struck.settle("a", [succeeded(taken[0])])) == {taken[0].id}
        again = await claim(pair, "b", "c3", limits=[ONE])
        assert {taken[0].id, again[0].id} == runs


@pytest.mark.parametrize("pair, point", points("limited claim"), indirect=["pair"])
async def test_a_node_that_dies_claiming_gives_its_place_back(pair: Pair, point: Point) -> None:
    await register(pair, "a")
    runs = {(await enqueue(pair)).id, (await enqueue(pair)).id}
    await strike(pair, point, lambda: claim(pair, "a", "c1", struck=True, limits=[ONE]))
    pair.clock.advance(20)
    await register(pair, "b")
    done = set()
    assert (await pair.other.rescue({"a": 0})).dead == ("a",)
    for number in range(2):
        (held,) = await claim(pair, "b", f"b{number}", limits=[ONE])
        assert set(await pair.other.settle("b", [succeeded(held)])) == {held.id}
        done.add(held.id)
    assert done == runs


def succeeded(run: Run) -> Settlement:
    return Settlement(run_id=run.id, attempt=run.attempt, state=RunState.SUCCEEDED, outcome=Outcome.SUCCEEDED)


def retried(run: Run) -> Settlement:
    return Settlement(
        run_id=run.id, attempt=run.attempt, state=RunState.QUEUED, outcome=Outcome.FAILED, failed=True, error="boom"
    )


def halfway(run: Run, done: float) -> ProgressReport:
    said_at = datetime(2030, 1, 1, tzinfo=UTC)
    return ProgressReport(run.id, Progress(done=done, total=2, note=None, attempt=run.attempt, said_at=said_at))


def said(run: Run, attempt: int = 2) -> tuple[Sequence[LogLine], Sequence[LogBound]]:
    """Five lines of an attempt of which three are to be kept, and nothing of the attempts before it."""
    lines = [
        LogLine(
            run_id=run.id, attempt=attempt, number=number, logged_at=datetime(2030, 1, 1, tzinfo=UTC), level=20,
            logger="app", message=f"line {number}",
        )
        for number in range(1, 6)
    ]  # fmt: skip
    return lines, [LogBound(run_id=run.id, attempt=attempt, first_number=3, first_attempt=attempt)]


async def settled_twice(pair: Pair, point: Point, how: Callable[[Run], Settlement]) -> Run:
    await register(pair, "a")
    run = await enqueue(pair)
    (held,) = await claim(pair, "a", "c1")
    await strike(pair, point, lambda: pair.struck.settle("a", [how(held)]))
    for _ in range(2):
        assert set(await pair.struck.settle("a", [how(held)])) == {run.id}
    return await pair.other.get_run(run.id)


@pytest.mark.parametrize("pair, point", points("settle"), indirect=["pair"])
async def test_a_failure_reported_again_counts_once(pair: Pair, point: Point) -> None:
    stored = await settled_twice(pair, point, retried)
    assert (stored.state, stored.attempt, stored.failures) == (RunState.QUEUED, 1, 1)
    kept = [(attempt.attempt, attempt.outcome) for attempt in await pair.other.list_attempts(stored.id)]
    assert kept == [(1, Outcome.FAILED)]


@pytest.mark.parametrize("pair, point", points("succeed"), indirect=["pair"])
async def test_a_success_reported_again_counts_once(pair: Pair, point: Point) -> None:
    stored = await settled_twice(pair, point, succeeded)
    assert (stored.state, stored.attempt, stored.failures) == (RunState.SUCCEEDED, 1, 0)
    assert await pair.other.list_attempts(stored.id) == []


@pytest.mark.parametrize("pair, point", points("succeed"), indirect=["pair"])
async def test_a_node_that_dies_settling_has_settled_or_has_not(pair: Pair, point: Point) -> None:
    await register(pair, "a", "b")
    run = await enqueue(pair)
    (held,) = await claim(pair, "a", "c1")
    await strike(pair, point, lambda: pair.struck.settle("a", [succeeded(held)]))
    pair.clock.advance(20)
    await register(pair, "c")
    await pair.other.rescue({"a": 0})
    again = await claim(pair, "c", "c2")
    if again:
        assert set(await pair.other.settle("c", [succeeded(again[0])])) == {run.id}
        assert await pair.struck.settle("a", [succeeded(held)]) == {}, "a zombie's report was accepted"
    stored = await pair.other.get_run(run.id)
    assert (stored.state, stored.attempt) == (RunState.SUCCEEDED, 2 if again else 1)
    assert stored.node_id == ("c" if again else "a")


@pytest.mark.parametrize("pair, point", points("renew", "asking renewal"), indirect=["pair"])
async def test_a_renewal_may_be_repeated(pair: Pair, point: Point) -> None:
    question = None if point.step in STEPS[pair.kind]["renew"] else ASKED
    await register(pair, "a", "b")
    pair.clock.advance(10)
    await strike(pair, point, lambda: pair.struck.renew("a", LEASE, 0, question=question))
    pair.clock.advance(2)
    renewed = await pair.struck.renew("a", LEASE, 0, question=question)
    assert renewed is not None
    assert [sibling.id for sibling in renewed.siblings] == ["b"]
    lease = next(node.lease_until for node in await pair.other.list_nodes() if node.id == "a")
    assert lease == pair.clock.now() + LEASE


@pytest.mark.parametrize("pair, point", points("renew"), indirect=["pair"])
async def test_a_renewal_that_failed_does_not_outlive_its_lease(pair: Pair, point: Point) -> None:
    await register(pair, "a")
    pair.clock.advance(10)
    await strike(pair, point, lambda: pair.struck.renew("a", LEASE, 0))
    pair.clock.advance(16)
    assert await pair.struck.renew("a", LEASE, 0) is None


@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_what_a_node_left_behind_is_seen_by_the_next_upkeep(pair: Pair) -> None:
    await register(pair, "a", "b")
    run = await enqueue(pair)
    await claim(pair, "a", "c1")
    assert not (await pair.other.upkeep("b")).lost
    database = pair.other._database
    await database.run(lambda: one("nodes.end", node="a", state="dead"), "renew")
    assert (await pair.other.upkeep("b")).lost
    await pair.other.rescue({})
    assert not (await pair.other.upkeep("b")).lost
    assert (await pair.other.get_run(run.id)).state is RunState.QUEUED


@pytest.mark.parametrize("lives", [True, False], ids=["answer-lost", "died"])
@pytest.mark.parametrize("pair, point", points("rescue"), indirect=["pair"])
async def test_a_rescue_hands_each_run_on_once(pair: Pair, point: Point, lives: bool) -> None:
    await register(pair, "a")
    retry, fail = await enqueue(pair), await enqueue(pair, on_lost="fail")
    assert len(await claim(pair, "a", "c1")) == 2
    pair.clock.advance(20)
    await strike(pair, point, lambda: pair.struck.rescue({"a": 0}))
    survivor = pair.struck if lives else pair.other
    await survivor.rescue({"a": 0})
    await pair.other.rescue({"a": 0})
    again = await pair.other.get_run(retry.id)
    assert (again.state, again.attempt, again.losses, again.node_id) == (RunState.QUEUED, 1, 1, None)
    assert [kept.outcome for kept in await pair.other.list_attempts(retry.id)] == [Outcome.LOST]
    lost = await pair.other.get_run(fail.id)
    assert (lost.state, lost.attempt, lost.losses) == (RunState.FAILED, 1, 1)
    assert await pair.other.held("a") == []


@pytest.mark.parametrize("pair, point", points("log"), indirect=["pair"])
async def test_lines_written_again_stand_once_and_within_their_bounds(pair: Pair, point: Point) -> None:
    await register(pair, "a")
    await enqueue(pair)
    (run,) = await claim(pair, "a", "c1")
    earlier, _ = said(run, attempt=1)
    await pair.other.add_logs(earlier)
    await strike(pair, point, lambda: pair.struck.add_logs(*said(run)))
    before = {(line.attempt, line.number) for line in await pair.other.list_logs(run.id, **ALL)}
    first, kept = {(1, number) for number in range(1, 6)}, {(2, number) for number in range(3, 6)}
    assert before in (first, kept), "a transaction left half of what it had to write"
    for _ in range(2):
        await pair.struck.add_logs(*said(run))
    assert [(line.attempt, line.number) for line in await pair.other.list_logs(run.id, **ALL)] == sorted(kept)


@pytest.mark.parametrize("pair, point", points("progress"), indirect=["pair"])
async def test_progress_written_again_is_the_same(pair: Pair, point: Point) -> None:
    await register(pair, "a")
    await enqueue(pair)
    (run,) = await claim(pair, "a", "c1")
    await strike(pair, point, lambda: pair.struck.note_progress("a", [halfway(run, 1)]))
    await pair.struck.note_progress("a", [halfway(run, 1)])
    assert (await pair.other.get_run(run.id)).progress == halfway(run, 1).progress


@pytest.mark.parametrize("lives", [True, False], ids=["answer-lost", "died"])
@pytest.mark.parametrize("pair, point", points("cancel"), indirect=["pair"])
async def test_a_request_to_end_is_made_once(pair: Pair, point: Point, lives: bool) -> None:
    await register(pair, "a")
    await enqueue(pair)
    (held,) = await claim(pair, "a", "c1")
    await strike(pair, point, lambda: pair.struck.cancel_run(held.id))
    before = await pair.other.get_run(held.id)
    assert (before.state, before.attempt) == (RunState.RUNNING, 1)
    asked_at = before.cancel_requested_at or pair.clock.now() + timedelta(seconds=1)
    pair.clock.advance(1)
    survivor = pair.struck if lives else pair.other
    asked = await survivor.cancel_run(held.id)
    assert (asked.state, asked.reason, asked.cancel_requested_at) == (RunState.RUNNING, "cancelled", asked_at)
    assert [one.run_id for one in (await pair.other.next_work("a", Question(("t",), None))).cancelling] == [held.id]


@pytest.mark.parametrize("pair, point", points("settle", without="settling.keep"), indirect=["pair"])
async def test_a_retry_of_what_is_asked_to_end_counts_once(pair: Pair, point: Point) -> None:
    await register(pair, "a")
    await enqueue(pair)
    (held,) = await claim(pair, "a", "c1")
    await pair.other.cancel_run(held.id)
    await strike(pair, point, lambda: pair.struck.settle("a", [retried(held)]))
    for _ in range(2):
        assert await pair.struck.settle("a", [retried(held)]) == {held.id: RunState.CANCELLED}
    stored = await pair.other.get_run(held.id)
    assert (stored.state, stored.attempt, stored.failures) == (RunState.CANCELLED, 1, 1)
    assert await pair.other.list_attempts(held.id) == []


@pytest.mark.parametrize("lives", [True, False], ids=["answer-lost", "died"])
@pytest.mark.parametrize("pair, point", points("rescue"), indirect=["pair"])
async def test_a_rescue_cancels_what_was_asked_to_end(pair: Pair, point: Point, lives: bool) -> None:
    await register(pair, "a")
    run = await enqueue(pair)
    assert await claim(pair, "a", "c1")
    await pair.other.cancel_run(run.id)
    pair.clock.advance(20)
    await strike(pair, point, lambda: pair.struck.rescue({"a": 0}))
    survivor = pair.struck if lives else pair.other
    await survivor.rescue({"a": 0})
    ended = await pair.other.get_run(run.id)
    assert (ended.state, ended.outcome, ended.losses) == (RunState.CANCELLED, Outcome.LOST, 1)
    assert await pair.other.list_attempts(run.id) == []


@pytest.mark.parametrize("pair, point", points("audited edit"), indirect=["pair"])
async def test_a_pause_and_what_the_audit_says_of_it_are_both_there_or_neither(pair: Pair, point: Point) -> None:
    await schedule(pair)
    await strike(
        pair, point, lambda: pair.struck.audited(act(pair, Action.PAUSE)).edit_schedule("tick", pausing("why"))
    )
    stored = await pair.other.get_schedule("tick")
    entries = await pair.other.list_audit(AuditFilter())
    assert (stored.note is not None) == (len(entries) == 1), "one of the two is there without the other"


@pytest.mark.parametrize("pair, point", points("audited cancel"), indirect=["pair"])
async def test_an_end_and_what_the_audit_says_of_it_are_both_there_or_neither(pair: Pair, point: Point) -> None:
    run = await enqueue(pair)
    await strike(pair, point, lambda: pair.struck.audited(act(pair, Action.CANCEL)).cancel_run(run.id))
    stored = await pair.other.get_run(run.id)
    entries = await pair.other.list_audit(AuditFilter(subject_id=run.id))
    assert stored.state.final == (len(entries) == 1), "one of the two is there without the other"
