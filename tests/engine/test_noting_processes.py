"""What bodies in processes of their own say is kept as that of all others, also when their process is killed."""

from __future__ import annotations

from engine.bench import Bench
from executors import process_bodies as bodies
from hourbell.model.log_line import START, LogLine
from hourbell.model.run import Run
from hourbell.model.run_state import RunState


async def lines(bench: Bench, run: Run) -> list[LogLine]:
    return list(await bench.store._store.list_logs(run.id, attempt=None, after=START, limit=10_000))


async def test_it_is_kept_with_the_run() -> None:
    bench = Bench()
    bench.task(bodies.talks, executor="process")
    async with bench.running():
        run = await bench.enqueue("talks")
        final = await bench.final(run.id)
    assert final.error is None
    assert [(line.level_name, line.logger, line.message) for line in await lines(bench, run)] == [
        ("WARNING", "hourbell.run", "from the context"),
        ("ERROR", "elsewhere", "from anywhere 7"),
    ]
    assert final.progress is not None
    assert (final.progress.done, final.progress.total, final.progress.note) == (4, 4, None)


async def test_a_flood_keeps_the_newest_and_the_last_word() -> None:
    bench = Bench(run_log_lines=10)
    bench.task(bodies.says_much, executor="process")
    async with bench.running():
        run = await bench.enqueue("says_much", args={"count": 20_000}, tracking_id="order-42")
        final = await bench.final(run.id)
    assert final.result == "order-42", "the tracking id is set again in the process"
    assert [line.message for line in await lines(bench, run)] == [f"line {number}" for number in range(19_990, 20_000)]
    assert final.progress is not None
    assert final.progress.done == 20_000
    assert bench.faults.asked["note_progress"] < 200


async def test_what_was_said_before_the_process_died_is_there() -> None:
    bench = Bench()
    bench.task(bodies.talks_and_dies, executor="process")
    async with bench.running():
        run = await bench.enqueue("talks_and_dies")
        final = await bench.final(run.id)
    assert final.state is RunState.FAILED
    assert [line.message for line in await lines(bench, run)] == ["last words"]


async def test_what_a_body_forks_may_log_and_does_not_end_for_that() -> None:
    bench = Bench(processes=1)
    bench.task(bodies.logs_in_forks, executor="process", timeout=20, timeout_grace=0.1)
    async with bench.running():
        run = await bench.enqueue("logs_in_forks", args={"count": 4})
        final = await bench.final(run.id)
    assert (final.state, final.result, final.error) == (RunState.SUCCEEDED, [0, 1, 4, 9], None)


async def test_what_a_body_forks_is_told_that_it_has_no_guards() -> None:
    bench = Bench(processes=1)
    bench.task(bodies.asks_in_a_fork, executor="process", timeout=20, timeout_grace=0.1)
    async with bench.running():
        run = await bench.enqueue("asks_in_a_fork")
        final = await bench.final(run.id)
    assert final.state is RunState.SUCCEEDED, final.error
    assert "only the body itself asks" in final.result
