"""Histories that Hypothesis invents and shrinks: the guarantees hold together, whatever happens in which order."""

from __future__ import annotations

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hourbell.clock import ManualClock
from hourbell.store.protocol import Store
from hourbell.testing.conformance import Bench, History, Step

_NUMBERS = count()
_STEPS = st.lists(st.tuples(st.sampled_from(Step), st.integers(0, 9)), max_size=40)


# One store serves all examples of a test: each history has names of its own and ends what it began.
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_STEPS)
async def test_any_history_keeps_the_promises(store: Store, clock: ManualClock, steps: list[tuple[Step, int]]):
    bench = Bench(store, clock)
    try:
        await History(bench, f"example-{next(_NUMBERS)}").play(steps)
    finally:
        await bench.close()
