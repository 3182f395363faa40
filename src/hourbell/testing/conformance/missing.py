"""Missing: a fire that is claimed later than its grace allows does not run."""

from __future__ import annotations

from datetime import timedelta

from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.testing.conformance.bench import TASK, Bench, ids
from hourbell.testing.conformance.planners import with_grace
from hourbell.testing.conformance.suite import Conformance

_GRACE = timedelta(seconds=30)


class MissingConformance(Conformance):
    """`RunStore.claim`: what is past its grace."""

    async def test_a_run_that_comes_too_late_is_missed(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(1, with_grace(_GRACE))
        bench.clock.advance(_GRACE.total_seconds() + 0.000001)
        claim = await bench.store.claim("a", "c", limit=5, tasks={TASK: 5}, queues=None, suspects=5)
        assert claim is not None
        assert claim.runs == ()
        (missed,) = claim.missed
        assert (missed.state, missed.reason, missed.finished_at) == (RunState.SKIPPED, Reason.MISSED, bench.now)
        assert (missed.attempt, missed.node_id) == (0, None)
        assert await bench.get(missed) == missed
        assert await bench.store.claimed("a", "c") == []

    async def test_grace_includes_its_last_instant(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(1, with_grace(_GRACE))
        bench.clock.advance(_GRACE.total_seconds())
        assert len(await bench.claim()) == 1

    async def test_grace_is_judged_on_the_first_attempt_only(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(1, with_grace(_GRACE))
        (run,) = await bench.claim()
        await bench.settle(run, Outcome.HANDED_BACK)
        bench.clock.advance(_GRACE.total_seconds() * 10)
        (again,) = await bench.claim()
        assert (again.id, again.attempt) == (run.id, 2)

    async def test_missed_runs_do_not_hide_others(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(5, with_grace(_GRACE))
        bench.clock.advance(3600)
        due = await bench.enqueue()
        found: list[str] = []
        for _ in range(6):
            found += ids(await bench.claim(limit=1))
        assert found == [due.id]
