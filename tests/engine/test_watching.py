"""Who is woken when, and how seldom the database is asked."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from engine.bench import Bench, declaration
from hourbell.clock import ManualClock
from hourbell.engine.crowd import CROWD, EARLY
from hourbell.engine.plans import Plans
from hourbell.engine.watching import DEBOUNCE, SECOND_LOOK, Watching
from hourbell.engine.whole_look import LATE, LONG, RARELY, SELDOM
from hourbell.errors import StoreUnavailable
from hourbell.model.hint import Hint
from hourbell.model.plan import NextWork, Question
from hourbell.triggers import At, Every


class Woken:
    """Notes who was woken."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.due: datetime | None = None

    def fire(self, due: datetime | None = None) -> None:
        self.due = due
        self.said.append("fire")

    def expect_crowd(self) -> None:
        self.said.append("many")

    def take_now(self) -> None:
        self.said.append("take")

    def take_named(self, hint: Hint) -> None:
        self.said.append(f"take {hint.run_id}")

    def take_due(self, asked: float, *, whole: bool) -> None:
        self.said.append("take" if whole else "take the last")

    def told(self) -> list[str]:
        said, self.said = self.said, []
        return said


class Watch:
    """A watch stepped by hand."""

    def __init__(self, **settings: float) -> None:
        self.clock = ManualClock()
        self.bench = Bench(self.clock, **{"poll": 1.0, "poll_with_hints": 5.0, "lease": 15.0, **settings})
        self.woken = Woken()
        self.again = 0

    async def begin(self) -> Watching:
        trust = await self.bench.trust()
        return Watching(self.bench.store, self.bench.parts(), trust.node_id, self.woken, self._again)

    def _again(self) -> None:
        self.again += 1

    @property
    def asked(self) -> int:
        return self.bench.faults.asked["next_work"]


async def test_an_idle_node_asks_once_per_poll() -> None:
    watch = Watch()
    watching = await watch.begin()
    begun = watch.clock.elapsed()
    while watch.clock.elapsed() < begun + 100:
        delay = await watching.step()
        assert delay is not None
        assert delay > 0
        watch.clock.advance(delay)
    assert watch.asked <= 101
    assert watch.woken.told() == []


async def test_the_question_comes_after_a_run_that_a_hint_named_and_comes() -> None:
    watch = Watch()
    watching = await watch.begin()
    await watching.step()
    watch.clock.advance(0.5)
    asked = watch.asked
    for number in range(4):
        watching.heard(Hint(f"r{number}", "task", "default"))
        assert watch.woken.told() == [f"take r{number}"]
        assert await watching.step() == pytest.approx(DEBOUNCE - number * 0.03)
        watch.clock.advance(0.03)
    assert watch.asked == asked, "it is in the way of the claim"
    await watching.step()
    assert watch.asked == asked + 1, "another hint put it off"
    watch.clock.advance(0.5)
    watching.heard()
    await watching.step()
    assert watch.asked == asked + 2
    assert watch.woken.told() == ["take"]


async def test_with_proven_hints_it_asks_less_often() -> None:
    watch = Watch()
    watching = await watch.begin()
    watching.heard()
    for _ in range(20):
        watch.clock.advance(await watching.step() or 0)
    assert watching.hints
    await watching.step()
    asked = watch.asked
    watch.clock.advance(4.9)
    await watching.step()
    assert watch.asked == asked
    watching.deaf()
    assert not watching.hints
    watch.clock.advance(1.0)
    await watching.step()
    assert watch.asked == asked + 1


async def test_upkeep_is_made_up_for_by_longer_polls() -> None:
    watch = Watch()
    watching = await watch.begin()
    begun = watch.clock.elapsed()
    spent = 0
    while watch.clock.elapsed() < begun + 300:
        if watch.clock.elapsed() >= begun + 15 * (spent // 2 + 1):
            watching.spent(2)
            spent += 2
        delay = await watching.step()
        assert delay is not None
        assert delay <= 1.5
        watch.clock.advance(delay)
    assert watch.asked + spent <= 303


async def test_at_a_known_due_time_the_firing_is_woken_without_asking() -> None:
    watch = Watch()
    watch.bench.schedule("ring", Every(seconds=0.5))
    watching = await watch.begin()
    assert await watching.step() == pytest.approx(0.5)
    watch.clock.advance(0.5)
    asked = watch.asked
    delay = await watching.step()
    assert watch.woken.told() == ["fire"]
    assert watch.asked == asked
    assert delay is not None
    assert delay > 0  # the firing tells when it is through


async def test_after_a_firing_the_following_due_time_is_asked_for_at_once() -> None:
    watch = Watch()
    watch.bench.schedule("ring", Every(seconds=0.5))
    watching = await watch.begin()
    await watching.step()
    watch.clock.advance(0.5)
    await watching.step()
    await watch.bench.store.fire_due(10, _no_plan)
    watching.fired(1)
    assert watch.again
    asked = watch.asked
    await watching.step()
    assert watch.asked == asked + 1


async def test_what_others_have_locked_is_looked_at_once_more_and_then_at_the_poll() -> None:
    watch = Watch()
    watch.bench.schedule("ring", At(watch.clock.now() + timedelta(seconds=0.5)))
    watching = await watch.begin()
    await watching.step()
    watch.clock.advance(0.5)
    await watching.step()
    assert watch.woken.told() == ["fire"]
    watching.fired(0)
    # Asked at once: it is still due, since whoever locked it has not committed.
    assert await watching.step() == pytest.approx(SECOND_LOOK)
    assert watch.woken.told() == []
    watch.clock.advance(SECOND_LOOK)
    assert await watching.step() == pytest.approx(1.0)
    assert watch.woken.told() == ["fire"]
    watching.fired(0)
    assert await watching.step() == pytest.approx(1.0)
    assert watch.woken.told() == []


async def test_what_stays_locked_is_asked_for_at_the_short_poll_although_hints_arrive() -> None:
    watch = Watch()
    watch.bench.schedule("ring", At(watch.clock.now()))
    watching = await watch.begin()
    watching.heard()
    begun = watch.clock.elapsed()
    fires: list[float] = []
    while watch.clock.elapsed() < begun + 20:
        delay = await watching.step()
        if "fire" in watch.woken.told():
            fires.append(watch.clock.elapsed())
            watching.fired(0)
            delay = watching._sleep()
        watch.clock.advance(delay or 0)
    assert [round(b - a, 6) for a, b in itertools.pairwise(fires)] == [1.0] * (len(fires) - 1)
    assert len(fires) >= 19


async def test_what_cannot_be_taken_never_makes_it_spin() -> None:
    watch = Watch()
    watch.bench.schedule("ring", At(watch.clock.now()))
    watching = await watch.begin()
    begun = watch.clock.elapsed()
    fires = 0
    while watch.clock.elapsed() < begun + 60:
        delay = await watching.step()
        assert delay is not None
        for said in watch.woken.told():
            fires += said == "fire"
            watching.fired(0)
        watch.clock.advance(delay)
    assert watch.asked <= 62
    assert fires <= 62


async def test_a_due_run_wakes_the_claiming() -> None:
    watch = Watch()

    async def ring() -> None: ...

    watch.bench.task(ring)
    watching = await watch.begin()
    await watch.bench.enqueue("ring")
    await watch.bench.enqueue("ring", delay=0.3)
    assert await watching.step() == pytest.approx(0.3)
    assert watch.woken.told() == ["take"]
    watch.clock.advance(0.3)
    await watching.step()
    assert watch.woken.told()[0] == "take"


async def test_a_node_that_executes_nothing_is_not_woken_for_runs() -> None:
    watch = Watch(max_runs=0)

    async def ring() -> None: ...

    watch.bench.task(ring)
    watching = await watch.begin()
    await watch.bench.enqueue("ring")
    await watching.step()
    assert watch.woken.told() == []


async def test_many_hints_make_one_question() -> None:
    watch = Watch()
    watching = await watch.begin()
    await watching.step()
    asked = watch.asked
    for _ in range(50):
        watching.hinted()
    assert await watching.step() == pytest.approx(DEBOUNCE)
    assert watch.asked == asked
    watch.clock.advance(DEBOUNCE)
    await watching.step()
    assert watch.asked == asked + 1


async def test_a_hint_after_a_quiet_while_is_answered_at_once() -> None:
    watch = Watch()
    watching = await watch.begin()
    await watching.step()
    watch.clock.advance(0.5)
    asked = watch.asked
    watching.hinted()
    await watching.step()
    assert watch.asked == asked + 1


async def test_a_question_that_failed_is_asked_again() -> None:
    watch = Watch()
    watching = await watch.begin()
    watch.bench.faults.before("next_work")
    with pytest.raises(Exception, match="next_work failed"):
        await watching.step()
    asked = watch.asked
    await watching.step()
    assert watch.asked == asked + 1


async def test_a_renewal_is_given_the_question_that_is_due_before_the_next() -> None:
    watch = Watch()
    watching = await watch.begin()
    watching.heard()
    await watching.step()
    watch.clock.advance(0.5)
    assert watching.question(watch.clock.elapsed(), 1.0) is None
    for _ in range(20):
        watch.clock.advance(4.9)
        await watching.step()
        asked = watch.asked
        question = watching.question(watch.clock.elapsed(), 5.0)
        assert question is not None
        work = await watch.bench.store._store.next_work("a", question)
        watching.answered(work, watch.clock.elapsed())
    assert watch.asked == asked <= 2, "every question went with a renewal"
    assert await watching.step() == pytest.approx(5.5)


async def test_a_question_that_a_renewal_lost_is_asked_at_once() -> None:
    watch = Watch()
    watching = await watch.begin()
    await watching.step()
    watch.clock.advance(0.9)
    assert watching.question(watch.clock.elapsed(), 5.0) is not None
    asked = watch.asked
    watching.unanswered()
    await watching.step()
    assert watch.asked == asked + 1


async def test_an_answer_that_was_overtaken_changes_nothing() -> None:
    watch = Watch()
    watching = await watch.begin()
    await watching.step()
    watch.clock.advance(2)
    sent = watch.clock.elapsed()
    assert watching.question(sent, 5.0) is not None
    old = await watch.bench.store._store.next_work("a", Question((), None))
    await watch.bench.store.add_schedule(
        declaration("ring", "ring", At(watch.clock.now() + timedelta(seconds=0.5))), "error"
    )
    watching.hinted()
    watch.clock.advance(0.2)
    assert await watching.step() == pytest.approx(0.3)
    watching.answered(old, sent)
    assert await watching.step() == pytest.approx(0.3)


async def test_where_a_look_at_the_whole_queue_is_slow_most_questions_are_about_its_end() -> None:
    watch = Watch()
    watching = await watch.begin()
    watching.heard()
    watch.woken.told()
    store, took, bounds = watch.bench.store._store, 0.2, list[datetime | None]()

    async def slow(node_id: str, question: Question) -> NextWork:
        """A store that leaves out what it may, and is slow where it may not."""
        bounds.append(question.since)
        watch.clock.advance(took if question.since is None else 0.001)
        work: NextWork = await store.next_work(node_id, question)
        return replace(work, since=question.since, run_due=True)

    watching._store = SimpleNamespace(next_work=slow)  # type: ignore[assignment]
    began = watch.clock.now()
    for _ in range(200):
        await watching.step()
        watching.hinted()
        watch.clock.advance(DEBOUNCE)
        if len(bounds) > 2 and bounds[-1] is None:
            break
    whole, *bounded, again = bounds
    assert (whole, again) == (None, None)
    assert bounded[0] == began + timedelta(seconds=took) - LATE
    assert [later - sooner for sooner, later in itertools.pairwise(bounded)] == pytest.approx(
        [timedelta(seconds=DEBOUNCE + 0.001)] * (len(bounded) - 1), abs=timedelta(seconds=0.001)
    ), "each asks for what is due since the one before it"
    assert RARELY * took <= len(bounded) * DEBOUNCE * 1.2, "a twentieth of the time"
    assert watch.woken.told() == ["take", *["take the last"] * len(bounded), "take"]


async def asked_about(watch: Watch, watching: Watching, answers: Sequence[float | None]) -> list[bool]:
    """Of questions that take so long each (None: five seconds, and no answer) whether they are about everything.
    Nothing is due."""
    store, whole, times = watch.bench.store._store, list[bool](), iter(answers)

    async def answered(node_id: str, question: Question) -> NextWork:
        whole.append(question.since is None)
        took = next(times)
        watch.clock.advance(5.0 if took is None else took)
        if took is None:
            raise StoreUnavailable("no answer")
        work: NextWork = await store.next_work(node_id, question)
        return replace(work, since=question.since)

    watching._store = SimpleNamespace(next_work=answered)  # type: ignore[assignment]
    while len(whole) < len(answers):
        with suppress(StoreUnavailable):
            await watching.step()
        watching.hinted()
        watch.clock.advance(DEBOUNCE)
    return whole


async def test_a_look_at_the_whole_queue_that_is_long_is_left_to_the_claims() -> None:
    watch = Watch()
    watching = await watch.begin()
    watch.woken.told()
    assert await asked_about(watch, watching, [LONG + 0.1, 0.001, 0.001]) == [True, False, False]
    assert watch.woken.told() == ["take"], "however little is due"
    watch.clock.advance(RARELY * (LONG + 0.1))
    assert await asked_about(watch, watching, [0.001]) == [False], "it would hold up the fires"
    watch.clock.advance(SELDOM)
    assert await asked_about(watch, watching, [0.001]) == [True]
    assert watch.woken.told() == []


async def test_a_machine_that_was_suspended_in_the_middle_of_a_question_asks_for_everything_again() -> None:
    watch = Watch()
    watching = await watch.begin()
    assert await asked_about(watch, watching, [3600.0, 0.001, 0.001]) == [True, True, True]


async def test_a_database_that_was_away_is_asked_for_everything_as_soon_as_it_is_back() -> None:
    watch = Watch()
    watching = await watch.begin()
    assert await asked_about(watch, watching, [None, None, 0.001, 0.001, 0.001]) == [True, False, False, True, True]


async def test_what_has_no_answer_about_everything_is_asked_about_the_end() -> None:
    watch = Watch()
    watching = await watch.begin()
    watch.woken.told()
    asked = await asked_about(watch, watching, [None, 0.001, None, *[0.001] * 5])
    assert asked == [True, False, True, *[False] * 5]
    assert watch.woken.told() == ["take", "take"], "claims look through the rest in parts"
    watch.clock.advance(SELDOM)
    assert await asked_about(watch, watching, [None, 0.001]) == [True, False]


async def test_when_the_databases_clock_goes_back_everything_is_asked_about() -> None:
    watch = Watch()
    watching = await watch.begin()
    assert await asked_about(watch, watching, [0.2, 0.001]) == [True, False]
    watch.clock.bend(-60)
    assert await asked_about(watch, watching, [0.001, 0.001, 0.001]) == [False, True, True]


def _no_plan(*_: object) -> None:
    return None


async def _told_before(watch: Watch, watching: Watching, due: datetime) -> list[float]:
    """How long before its time each word of many that are due then came."""
    told: list[float] = []
    while watch.clock.now() < due:
        delay = await watching.step()
        told += [(due - watch.clock.now()).total_seconds() for said in watch.woken.told() if said == "many"]
        watch.clock.advance(min(delay or 0.001, (due - watch.clock.now()).total_seconds() or 0.001))
    return told


async def test_before_many_are_due_the_firing_hears_of_it_once() -> None:
    watch = Watch()
    watch.bench.store._store.can_hold = True
    for number in range(CROWD):
        watch.bench.schedule("ring", Every(seconds=20), f"ring-{number}")
    watching = await watch.begin()
    for _ in range(2):
        due = await _due(watch)
        (before,) = await _told_before(watch, watching, due)
        assert EARLY[0] - 0.01 <= before <= EARLY[1]
        await watch.bench.store.fire_due(CROWD, Plans(timedelta(seconds=15), None))
        watching.fired(CROWD)


@pytest.mark.parametrize("why", ["one too few", "nothing can be held", "it runs nothing"])
async def test_it_hears_of_no_crowd_that_it_can_do_nothing_about(why: str) -> None:
    watch = Watch(**({"max_runs": 0} if why == "it runs nothing" else {}))
    watch.bench.store._store.can_hold = why != "nothing can be held"
    for number in range(CROWD - (why == "one too few")):
        watch.bench.schedule("ring", Every(seconds=20), f"ring-{number}")
    watching = await watch.begin()
    assert await _told_before(watch, watching, await _due(watch)) == []


async def _due(watch: Watch) -> datetime:
    due = (await watch.bench.store._store.next_work("a", Question((), None))).next_fire_at
    assert due is not None
    return due
