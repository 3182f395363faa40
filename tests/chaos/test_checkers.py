"""The checkers can fail: each is shown a faultless record, and the same with one planted fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chaos.checkers import check_bodies, check_drained, compare_fires, lateness
from chaos.expected import every_second, expected_fires
from chaos.kill_storm import Takeover, takeovers
from chaos.ledger import ACCEPTED, END, START, Line, read_ledger
from chaos.recorded import Recorded, RecordedAttempt, RecordedNode, RecordedRun, RecordedSchedule

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def run_at(second: int, **changes: object) -> RecordedRun:
    run = RecordedRun(
        id=f"run-{second}",
        schedule_id="s",
        state="succeeded",
        reason=None,
        origin="fire",
        fire_at=at(second),
        covers_until=None,
        covers_count=None,
        node_id="n1",
        attempt=1,
        failures=0,
        losses=0,
        outcome="succeeded",
        created_at=at(second),
        finished_at=at(second + 1),
    )
    return replace(run, **changes)


def skip_at(first: int, last: int, **changes: object) -> RecordedRun:
    """A skipped row over the seconds from the first to the last."""
    skipped = run_at(first, state="skipped", reason="missed", attempt=0, node_id=None, outcome=None)
    return replace(skipped, covers_until=at(last), covers_count=last - first + 1, **changes)


def lines_of(second: int, attempt: int = 1, pid: int = 7) -> list[Line]:
    phases = (START, END, ACCEPTED)
    return [Line(phase, "s", at(second), f"run-{second}", attempt, pid, at(second)) for phase in phases]


def recorded(*runs: RecordedRun, attempts: tuple[RecordedAttempt, ...] = ()) -> Recorded:
    nodes = [RecordedNode(id=f"n{n}", pid=n, state="dead", started_at=NOON, renewals=1) for n in (1, 2)]
    return Recorded(runs, attempts, nodes, [])


def attempt_of(second: int, attempt: int = 1, outcome: str = "lost") -> RecordedAttempt:
    return RecordedAttempt(run_id=f"run-{second}", attempt=attempt, node_id="n1", outcome=outcome, finished_at=NOON)


EXPECTED = {"s": every_second(at(1), at(5))}
FAULTLESS = (run_at(1), run_at(2), skip_at(3, 5))


def test_expects_every_second_of_the_closed_range() -> None:
    schedule = RecordedSchedule(
        id="s", state="active", note=None, next_fire_at=at(6), last_fire_at=at(5), created_at=at(0.7)
    )
    assert expected_fires([schedule]) == EXPECTED
    assert expected_fires([schedule], until=at(3)) == {"s": every_second(at(1), at(3))}


def test_lets_a_faultless_record_pass() -> None:
    comparison = compare_fires(EXPECTED, FAULTLESS)
    assert comparison.problems() == []
    assert (comparison.expected, comparison.recorded, comparison.ran, comparison.covered) == (5, 5, 2, 3)


@pytest.mark.parametrize(
    "runs,told",
    [
        pytest.param((run_at(1), skip_at(3, 5)), "1 missing", id="a dropped row"),
        pytest.param((*FAULTLESS, run_at(2, id="again")), "1 duplicate", id="a doubled row"),
        pytest.param((*FAULTLESS, skip_at(2, 3, id="again")), "2 duplicate", id="a skip over recorded fires"),
        pytest.param((*FAULTLESS, run_at(6)), "1 unexpected", id="a fire after the end"),
        pytest.param((*FAULTLESS, run_at(4, schedule_id="t")), "1 unexpected", id="a schedule nobody declared"),
        pytest.param((run_at(1), run_at(2), skip_at(3, 4)), "1 missing", id="a skip that ends too early"),
        pytest.param(
            (*FAULTLESS[:2], replace(FAULTLESS[2], covers_count=2)), "count wrong", id="a skip that counts wrong"
        ),
    ],
)
def test_finds_fault_with_fires(runs: tuple[RecordedRun, ...], told: str) -> None:
    assert any(told in problem for problem in compare_fires(EXPECTED, runs).problems())


def test_counts_no_requests_by_hand() -> None:
    by_hand = run_at(3, id="by-hand", origin="trigger", fire_at=None)
    assert compare_fires(EXPECTED, (*FAULTLESS, by_hand)).problems() == []


def test_lets_faultless_bodies_pass() -> None:
    lines = lines_of(1) + lines_of(2)
    assert check_bodies(recorded(*FAULTLESS), lines, undisturbed=True) == []


def test_lets_a_run_pass_that_was_lost_and_started_again() -> None:
    lost = recorded(run_at(1, attempt=2), attempts=(attempt_of(1),))
    lines = [*lines_of(1)[:2], *lines_of(1, attempt=2)]
    assert check_bodies(lost, lines) == []
    assert check_bodies(lost, lines, undisturbed=True) != []


@pytest.mark.parametrize(
    "record,lines,told",
    [
        pytest.param(recorded(), lines_of(1), "without a recorded run", id="a body of no run"),
        pytest.param(recorded(run_at(1)), [], "wrote no end", id="a success that no body had"),
        pytest.param(recorded(run_at(1)), lines_of(1)[:1], "wrote no end", id="a success of a body that did not end"),
        pytest.param(recorded(run_at(1)), lines_of(1) * 2, "twice", id="an attempt that ran twice"),
        pytest.param(
            recorded(run_at(1, attempt=2)),
            lines_of(1) + lines_of(1, attempt=2),
            "succeeded twice",
            id="a double success",
        ),
        pytest.param(
            recorded(run_at(1), attempts=(attempt_of(1, outcome="succeeded"),)),
            lines_of(1),
            "did not end their run",
            id="a success that was given again",
        ),
        pytest.param(
            recorded(run_at(1, attempt=2)),
            [*lines_of(1), *lines_of(1, attempt=2)[:2]],
            "again after their success",
            id="a start after the success",
        ),
        pytest.param(
            recorded(run_at(1, state="failed")), lines_of(1), "not recorded", id="a success that was not recorded"
        ),
        pytest.param(recorded(skip_at(1, 1)), lines_of(1)[:2], "of skipped runs", id="a body of a skipped run"),
        pytest.param(
            recorded(run_at(1, fire_at=at(2))), lines_of(1), "another schedule or fire", id="a body told another fire"
        ),
        pytest.param(
            recorded(run_at(1)), lines_of(1, attempt=2), "never recorded", id="an attempt that nobody recorded"
        ),
    ],
)
def test_finds_fault_with_bodies(record: Recorded, lines: list[Line], told: str) -> None:
    assert any(told in problem for problem in check_bodies(record, lines))


def test_finds_what_is_left_to_do() -> None:
    assert check_drained(recorded(run_at(1))) == []
    assert check_drained(recorded(run_at(1, state="queued", finished_at=None))) != []
    assert check_drained(recorded(run_at(1, state="failed"))) != []


def test_measures_lateness_of_the_record() -> None:
    late = recorded(run_at(1), run_at(2, created_at=at(2.5)), skip_at(3, 5))
    assert lateness(late, since=at(1)) == [0.5]


def test_measures_takeovers_from_the_kill_to_the_next_start() -> None:
    lost = recorded(run_at(1, attempt=3), attempts=(attempt_of(1), attempt_of(1, 2)))
    lines = [*lines_of(1)[:1], replace(lines_of(1, attempt=3)[0], at=at(9))]
    assert takeovers(lost, lines, {1: at(5)}) == [Takeover(4.0, 1), Takeover(4.0, 2)]
    assert takeovers(lost, lines, {2: at(5)}) == []


def test_a_line_of_the_ledger_is_read_as_it_was_written(tmp_path: Path) -> None:
    by_hand = Line(START, "-", None, "run", 1, 5, at(3))
    (tmp_path / "5.tsv").write_text(lines_of(1)[0].text())
    (tmp_path / "6.tsv").write_text(by_hand.text())
    assert read_ledger(tmp_path) == [lines_of(1)[0], by_hand]
