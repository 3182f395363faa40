"""The arithmetic of the benchmark suite. Nothing here is timed."""

from __future__ import annotations

import pytest

from benchmarks.frame.figures import Goal, Measurement, Series, in_turn, judged, percentile


def test_a_series_is_told_by_its_median_and_its_spread() -> None:
    series = Series((30.0, 10.0, 20.0))
    assert (series.median, series.low, series.high) == (20.0, 10.0, 30.0)
    assert series.spread == 1.0
    assert Series((5.0,)).spread == 0.0
    assert Series((0.0, 0.0)).spread == 0.0


@pytest.mark.parametrize(
    "share,expected", [(0.0, 1.0), (0.5, 50.0), (0.501, 51.0), (0.99, 99.0), (0.991, 100.0), (1.0, 100.0)]
)
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def measured(contender: str, *rates: float, variant: str = "one") -> Measurement:
    return Measurement(contender, variant, {"rate": list(rates)})


@pytest.mark.parametrize(
    "kind,limit,against,ratio,is_met",
    [
        ("at least", 2.0, "fast", 2.0, True),
        ("at least", 2.1, "fast", 2.0, False),
        ("at most", 4.0, "slow", 4.0, True),
        ("at most", 3.9, "slow", 4.0, False),
    ],
)
def test_a_goal_is_judged_beside_the_best_peer(
    kind: str, limit: float, against: str, ratio: float, is_met: bool
) -> None:
    goal = Goal("faster", "one", "rate", ("slow", "fast", "absent"), limit, kind)  # type: ignore[arg-type]
    found = judged(goal, [measured("hourbell", 19, 20, 90), measured("slow", 5), measured("fast", 1, 10, 11)])
    assert (found.against, found.ratio, found.is_met) == (against, ratio, is_met)


def test_a_goal_may_be_about_ourselves() -> None:
    goal = Goal("no slower with more", "many", "rate", (), 1.3, "at most", per="few")
    rows = [measured("hourbell", 12, variant="many"), measured("hourbell", 10, variant="few")]
    assert judged(goal, rows).ratio == pytest.approx(1.2)
    assert judged(goal, rows).is_met


@pytest.mark.parametrize(
    "rows", [[], [measured("hourbell", 1)], [measured("fast", 1)], [measured("hourbell"), measured("fast", 1)]]
)
def test_what_was_not_measured_is_not_called_reached(rows: list[Measurement]) -> None:
    found = judged(Goal("faster", "one", "rate", ("fast",), 0.0, "at least"), rows)
    assert (found.ratio, found.is_met) == (None, None)


def test_contenders_take_turns_and_no_one_is_always_first() -> None:
    assert list(in_turn("ab", 3)) == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]
