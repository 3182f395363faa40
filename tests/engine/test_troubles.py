"""Few lines, and useful ones, however many loops fail and however often."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from engine.bench import Bench, until
from hourbell.engine.troubles import QUIET, Troubles
from hourbell.errors import StoreMisconfigured, StoreUnavailable


class Elapsed:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def elapsed() -> Elapsed:
    return Elapsed()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    caplog.set_level(logging.INFO, logger="hourbell.engine")
    said: list[str] = []

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    handler = Said()
    logging.getLogger("hourbell.engine").addHandler(handler)
    yield said
    logging.getLogger("hourbell.engine").removeHandler(handler)


def test_a_database_that_is_away_is_one_trouble_for_all_loops(elapsed: Elapsed, lines: list[str]) -> None:
    troubles = Troubles(elapsed)
    for second in range(600):
        elapsed.seconds = second
        for loop in ("watch", "fire", "renew", "claim", "settle"):
            troubles.met(loop, StoreUnavailable("refused"))
    assert len(lines) == 1
    for loop in ("watch", "fire", "renew", "claim"):
        troubles.over(loop)
    assert len(lines) == 1, "one of them still cannot"
    assert troubles.last() == "settle: refused"
    troubles.over("settle")
    assert lines[1:] == ["the database answers again"]
    assert troubles.last() is None


def test_a_trouble_that_comes_and_goes_is_said_once_a_minute(elapsed: Elapsed, lines: list[str]) -> None:
    troubles = Troubles(elapsed)
    for tenth in range(int(10 * 3 * QUIET)):
        elapsed.seconds = tenth / 10
        troubles.met("fire", StoreUnavailable("terminated"))
        troubles.over("fire")
    assert 3 <= len(lines) // 2 <= 4


def test_a_trouble_that_came_back_to_stay_is_said(elapsed: Elapsed, lines: list[str]) -> None:
    """Whoever reads the last line must not believe that it is over."""
    troubles = Troubles(elapsed)
    troubles.met("fire", StoreUnavailable("refused"))
    troubles.over("fire")
    for second in range(int(QUIET) + 2):
        elapsed.seconds = second
        troubles.met("fire", StoreUnavailable("refused"))
    assert ["again" in line and "trying" not in line for line in lines] == [False, True, False]


def test_troubles_of_different_kinds_are_all_said(elapsed: Elapsed, lines: list[str]) -> None:
    troubles = Troubles(elapsed)
    troubles.met("fire", StoreUnavailable("refused"))
    troubles.met("fire", StoreMisconfigured("no right"))
    troubles.met("prune", ValueError("a fault"))
    troubles.over("fire")
    troubles.over("prune")
    assert [line.split()[0] for line in lines[:3]] == ["fire:", "fire", "prune"]
    assert {"fire works again", "prune works again"} <= set(lines[3:])


def test_what_is_wrong_next_is_said_although_it_is_of_the_same_kind(elapsed: Elapsed, lines: list[str]) -> None:
    """Whoever grants a right must not read for ever that a login is refused."""
    troubles = Troubles(elapsed)
    for second in range(int(3 * QUIET)):
        elapsed.seconds = second
        troubles.met("start", StoreMisconfigured("no login" if second < 10 else "no right"))
    assert [line.rpartition(": ")[2] for line in lines] == ["no login", "no right"]


def test_words_that_change_each_time_are_said_once_a_minute(elapsed: Elapsed, lines: list[str]) -> None:
    troubles = Troubles(elapsed)
    for second in range(int(3 * QUIET)):
        elapsed.seconds = second
        troubles.met("fire", ValueError(f"at {second}"))
        troubles.met("watch", StoreUnavailable(f"no answer at {second}"))
    assert len([line for line in lines if line.startswith("fire")]) == 3
    assert len([line for line in lines if line.startswith("watch")]) == 1


@pytest.mark.slow
async def test_an_outage_of_a_node_with_many_bodies_is_few_lines(lines: list[str]) -> None:
    bench = Bench(max_runs=60)
    began: list[int] = []

    async def body() -> None:
        began.append(1)
        await until(lambda: False, 60)

    bench.task(body)
    await bench.enqueue_many("body", 50)
    async with bench.running() as node:
        await until(lambda: len(began) == 50)
        bench.faults.away = True
        await until(lambda: node.status.state == "away")
        bench.faults.away = False
        await until(lambda: node.status.state == "live")
    outage = [line for line in lines if "LeaseLost" in line]
    assert len(outage) <= 12
    assert any("40 more runs" in line for line in outage)
    assert len(lines) <= 30, "\n".join(lines)
