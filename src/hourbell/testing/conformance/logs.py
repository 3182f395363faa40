"""What bodies say while they run: progress under the fence, and lines kept within bounds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hourbell.errors import NotFound
from hourbell.model.ids import new_run_id
from hourbell.model.log_line import START, LogBound, LogLine, Place
from hourbell.model.progress import Progress, ProgressReport
from hourbell.model.retention import Retention
from hourbell.model.run_state import Outcome
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from hourbell.model.run import Run
    from hourbell.testing.conformance.bench import Bench

_ODD = "line one\nline two\t€ 🔔 'quoted' \\ %s {}"


def progress(bench: Bench, run: Run, done: float, *, attempt: int | None = None) -> ProgressReport:
    """How far a run has come."""
    said = Progress(
        done=done, total=10, note="copying €", attempt=run.attempt if attempt is None else attempt, said_at=bench.now
    )
    return ProgressReport(run.id, said)


def line(bench: Bench, run: Run, number: int, *, attempt: int | None = None, message: str = "hello") -> LogLine:
    """One line of a run's log."""
    return LogLine(
        run_id=run.id,
        attempt=run.attempt if attempt is None else attempt,
        number=number,
        logged_at=bench.later(number),
        level=20,
        logger="app.work",
        message=message,
    )


async def places(
    bench: Bench, run: Run, *, attempt: int | None = None, after: Place = START, limit: int = 100
) -> list[Place]:
    """Which lines are kept."""
    lines = await bench.store.list_logs(run.id, attempt=attempt, after=after, limit=limit)
    assert all(one.run_id == run.id for one in lines)
    return [(one.attempt, one.number) for one in lines]


class ProgressConformance(Conformance):
    """`LogStore.note_progress`."""

    async def test_nothing_was_said(self, bench: Bench) -> None:
        assert (await bench.get(await bench.running())).progress is None

    async def test_it_is_seen_while_the_run_goes_on(self, bench: Bench) -> None:
        one, other, silent = await bench.running(), await bench.running(), await bench.running()
        reports = [progress(bench, one, 1), progress(bench, other, 2.5)]
        await bench.store.note_progress("a", reports)
        assert (await bench.get(one)).progress == reports[0].progress
        assert (await bench.get(other)).progress == reports[1].progress
        assert (await bench.get(silent)).progress is None
        assert {run.id for run in await bench.runs() if run.progress is not None} == {one.id, other.id}

    async def test_the_last_word_stays_when_the_run_ends(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.store.note_progress("a", [progress(bench, run, 1)])
        await bench.store.note_progress("a", [last := progress(bench, run, 9)])
        await bench.settle(run)
        assert (await bench.get(run)).progress == last.progress

    async def test_only_the_attempt_that_runs_may_speak(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.node("b")
        await bench.store.note_progress("b", [progress(bench, run, 1)])
        await bench.store.note_progress("a", [progress(bench, run, 2, attempt=run.attempt + 1)])
        assert (await bench.get(run)).progress is None
        await bench.settle(run)
        await bench.store.note_progress("a", [progress(bench, run, 3)])
        assert (await bench.get(run)).progress is None

    async def test_a_replaced_node_cannot_speak_for_its_successor(self, bench: Bench) -> None:
        run = await bench.running("a")
        await bench.store.note_progress("a", [before := progress(bench, run, 4)])
        await bench.kill("a")
        await bench.node("b")
        (again,) = await bench.claim("b")
        await bench.store.note_progress("a", [progress(bench, run, 5)])
        assert (await bench.get(run)).progress == before.progress, "the word of the lost attempt stays until the next"
        await bench.store.note_progress("b", [new := progress(bench, again, 1)])
        stored = (await bench.get(run)).progress
        assert stored == new.progress
        assert stored is not None
        assert stored.attempt == 2

    async def test_one_report_that_is_refused_costs_the_others_nothing(self, bench: Bench) -> None:
        run, ended = await bench.running(), await bench.running()
        await bench.settle(ended)
        nobody = ProgressReport(new_run_id(bench.now), progress(bench, run, 1).progress)
        await bench.store.note_progress("a", [progress(bench, ended, 1), nobody, progress(bench, run, 7)])
        found = (await bench.get(run)).progress
        assert found is not None
        assert found.done == 7


class LoggingConformance(Conformance):
    """`LogStore.add_logs` and `LogStore.list_logs`."""

    async def test_lines_come_back_as_they_were(self, bench: Bench) -> None:
        run, other = await bench.running(), await bench.running()
        lines = [line(bench, run, 1), line(bench, run, 2, message=_ODD)]
        await bench.store.add_logs([*lines, line(bench, other, 1, message="not mine")])
        assert list(await bench.store.list_logs(run.id, attempt=None, after=START, limit=10)) == lines

    async def test_a_run_without_lines_has_an_empty_log(self, bench: Bench) -> None:
        run = await bench.running()
        assert await places(bench, run) == []

    async def test_there_is_no_log_of_what_never_was(self, bench: Bench) -> None:
        for nobody in (new_run_id(bench.now), "nonsense"):
            with pytest.raises(NotFound):
                await bench.store.list_logs(nobody, attempt=None, after=START, limit=10)

    async def test_they_are_read_in_pages_over_all_attempts(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.store.add_logs([line(bench, run, number, attempt=1) for number in (2, 1, 3)])
        await bench.store.add_logs([line(bench, run, number, attempt=2) for number in (1, 2)])
        assert await places(bench, run) == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
        assert await places(bench, run, limit=2) == [(1, 1), (1, 2)]
        assert await places(bench, run, after=(1, 2), limit=2) == [(1, 3), (2, 1)]
        assert await places(bench, run, attempt=2) == [(2, 1), (2, 2)]
        assert await places(bench, run, attempt=2, after=(2, 1)) == [(2, 2)]
        assert await places(bench, run, after=(2, 2)) == []

    async def test_the_same_line_twice_is_one(self, bench: Bench) -> None:
        run = await bench.running()
        first = line(bench, run, 1, message="first")
        await bench.store.add_logs([first])
        await bench.store.add_logs([line(bench, run, 1, message="again"), line(bench, run, 2)])
        assert await places(bench, run) == [(1, 1), (1, 2)]
        assert (await bench.store.list_logs(run.id, attempt=1, after=START, limit=1))[0] == first

    async def test_lines_of_runs_that_are_gone_are_passed_over(self, bench: Bench) -> None:
        run = await bench.running()
        gone = await bench.running()
        await bench.settle(gone)
        bench.clock.advance(100)
        await bench.settle(run)
        assert (await bench.store.prune(Retention(timedelta(seconds=50)), 10)).deleted == 1
        await bench.store.add_logs([line(bench, gone, 1), line(bench, run, 1)])
        assert await places(bench, run) == [(1, 1)]
        with pytest.raises(NotFound):
            await places(bench, gone)

    async def test_a_node_that_lost_its_lease_still_says_what_happened(self, bench: Bench) -> None:
        run = await bench.running("a")
        await bench.kill("a")
        await bench.node("b")
        (again,) = await bench.claim("b")
        await bench.store.add_logs([line(bench, again, 1)])
        await bench.store.add_logs([line(bench, run, 1)])
        assert await places(bench, run) == [(1, 1), (2, 1)]

    async def test_the_newest_lines_of_an_attempt_are_kept(self, bench: Bench) -> None:
        run, other = await bench.running(), await bench.running()
        await bench.store.add_logs([line(bench, run, number, attempt=1) for number in range(1, 6)])
        await bench.store.add_logs([line(bench, other, 1)])
        bound = LogBound(run_id=run.id, attempt=2, first_number=3, first_attempt=1)
        await bench.store.add_logs([line(bench, run, number, attempt=2) for number in range(1, 6)], [bound])
        assert await places(bench, run) == [(1, n) for n in range(1, 6)] + [(2, n) for n in range(3, 6)]
        assert await places(bench, other) == [(1, 1)]

    async def test_the_newest_attempts_are_kept(self, bench: Bench) -> None:
        run, other = await bench.running(), await bench.running()
        for attempt in (1, 2, 3):
            await bench.store.add_logs([line(bench, run, 1, attempt=attempt)])
        await bench.store.add_logs([line(bench, other, 1)])
        bound = LogBound(run_id=run.id, attempt=4, first_number=1, first_attempt=3)
        await bench.store.add_logs([line(bench, run, 1, attempt=4)], [bound])
        assert await places(bench, run) == [(3, 1), (4, 1)]
        assert await places(bench, other) == [(1, 1)]

    async def test_what_is_said_last_may_come_after_the_end(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.settle(run, Outcome.FAILED, error="boom")
        await bench.store.add_logs([line(bench, run, 1)])
        assert await places(bench, run) == [(1, 1)]

    async def test_a_log_goes_with_its_run(self, bench: Bench) -> None:
        run, kept = await bench.running(), await bench.running()
        await bench.store.add_logs([line(bench, run, 1), line(bench, kept, 1)])
        await bench.settle(run)
        bench.clock.advance(100)
        assert (await bench.store.prune(Retention(timedelta(seconds=50)), 10)).deleted == 1
        assert await places(bench, kept) == [(1, 1)]
        with pytest.raises(NotFound):
            await places(bench, run)

    async def test_a_run_tried_again_by_hand_keeps_its_log(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.store.add_logs([line(bench, run, 1)])
        await bench.settle(run, Outcome.FAILED, error="boom")
        await bench.store.retry_run(run.id)
        assert await places(bench, run) == [(1, 1)]
