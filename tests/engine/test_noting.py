"""What bodies say is in the store while they run, all of it when they have ended, and never hurts them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.bench import Bench, until, until_async
from engine.faulty_store import FaultyStore
from engine.test_holding import claimed_run
from hourbell.clock import SystemClock
from hourbell.context import Context, current_run
from hourbell.engine.notes import Notes
from hourbell.engine.status import Life
from hourbell.errors import StoreRejected, StoreUnavailable
from hourbell.executors.choice import Kind
from hourbell.model.log_line import START, LogLine
from hourbell.model.retry import Retry
from hourbell.model.run import Run
from hourbell.model.run_state import RunState
from hourbell.store.protocol import Store

app = logging.getLogger("app.work")


@pytest.fixture(autouse=True)
def loud() -> Iterator[None]:
    """The application's logger makes every record, and shows none to a handler: pytest's raise what goes wrong."""
    app.setLevel(logging.DEBUG)
    app.addFilter(_shown_to_nobody)
    yield
    app.setLevel(logging.NOTSET)
    app.removeFilter(_shown_to_nobody)


def _shown_to_nobody(record: logging.LogRecord) -> bool:
    return False


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with opened(request) as made:
        yield made


@asynccontextmanager
async def opened(request: pytest.FixtureRequest, **settings: Any) -> AsyncIterator[Bench]:
    clock, store = SystemClock(), None
    if request.param == "sqlite":
        from hourbell.store.sqlite import SqliteStore

        store = SqliteStore(request.getfixturevalue("sqlite_path"), clock)
    elif request.param == "postgres":
        from hourbell.store.postgres import PostgresStore

        store = PostgresStore(request.getfixturevalue("postgres_url"), clock)
    made = Bench(clock, FaultyStore(store) if store is not None else None, **settings)
    await made.store.open()
    await made.store.migrate()
    yield made
    await made.store.close()


async def lines(bench: Bench, run: Run, attempt: int | None = None) -> list[LogLine]:
    store: Store = bench.store._store
    return list(await store.list_logs(run.id, attempt=attempt, after=START, limit=10_000))


async def messages(bench: Bench, run: Run, attempt: int | None = None) -> list[str]:
    return [line.message for line in await lines(bench, run, attempt)]


async def test_everything_is_there_when_the_run_is_final(bench: Bench) -> None:
    async def work() -> None:
        context = current_run()
        assert context is not None
        app.debug("too quiet")
        app.info("hello %s", "there")
        context.log.info("mine")
        context.log.debug("too quiet as well")
        context.progress(1, 4, "first")
        context.progress(4, 4, "last")
        app.warning("and\nmore")

    bench.task(work)
    async with bench.running():
        runs = [await bench.enqueue("work") for _ in range(5)]
        for run in runs:
            final = await bench.final(run.id)
            assert await messages(bench, run) == ["hello there", "mine", "and\nmore"]
            assert final.progress is not None
            assert (final.progress.done, final.progress.total, final.progress.note) == (4, 4, "last")
            assert final.progress.attempt == 1
    found = await lines(bench, runs[0])
    assert [(line.level_name, line.logger, line.number) for line in found] == [
        ("INFO", "app.work", 1),
        ("INFO", "hourbell.run", 2),
        ("WARNING", "app.work", 3),
    ]


async def test_it_is_seen_while_the_body_runs(bench: Bench) -> None:
    go = asyncio.Event()

    async def work() -> None:
        app.info("begun")
        current_run().progress(1, 2)  # type: ignore[union-attr]
        await go.wait()
        app.info("ended")

    bench.task(work)
    async with bench.running():
        run = await bench.enqueue("work")
        await until_async(lambda: messages(bench, run))
        await until_async(lambda: _progress(bench, run))
        found = await bench.run(run.id)
        assert found.state is RunState.RUNNING
        assert await messages(bench, run) == ["begun"]
        go.set()
        await bench.final(run.id)
    assert await messages(bench, run) == ["begun", "ended"]


async def _progress(bench: Bench, run: Run) -> Any:
    return (await bench.run(run.id)).progress


async def test_threads_and_child_tasks_speak_for_their_run(bench: Bench) -> None:
    """Two bodies at once, in a thread and on the loop, each with threads and tasks of its own."""

    def in_thread(name: str) -> None:
        app.info("%s in thread", name)
        current_run().progress(1, None, name)  # type: ignore[union-attr]
        copied = contextvars.copy_context()
        thread = threading.Thread(target=copied.run, args=(lambda: app.info("%s in its own thread", name),))
        thread.start()
        thread.join()

    async def on_loop(name: str) -> None:
        await asyncio.to_thread(app.info, "%s in a helper", name)
        async with asyncio.TaskGroup() as group:
            group.create_task(_say(f"{name} in a child"))
        context = current_run()
        assert context is not None
        # Without the context variables, but with the context itself.
        bare = threading.Thread(target=contextvars.Context().run, args=(context.log.info, f"{name} by hand"))
        bare.start()
        bare.join()

    bench.task(in_thread)
    bench.task(on_loop)
    async with bench.running():
        threads = [await bench.enqueue("in_thread", args={"name": f"t{n}"}) for n in range(4)]
        loops = [await bench.enqueue("on_loop", args={"name": f"l{n}"}) for n in range(4)]
        for run in (*threads, *loops):
            assert (await bench.final(run.id)).error is None
    for n, run in enumerate(threads):
        assert await messages(bench, run) == [f"t{n} in thread", f"t{n} in its own thread"]
        assert (await _progress(bench, run)).note == f"t{n}"
    for n, run in enumerate(loops):
        assert await messages(bench, run) == [f"l{n} in a helper", f"l{n} in a child", f"l{n} by hand"]


async def _say(text: str) -> None:
    app.info(text)


async def test_each_attempt_has_lines_of_its_own(bench: Bench) -> None:
    async def work() -> None:
        context = current_run()
        assert context is not None
        app.info("attempt %d", context.attempt)
        context.progress(context.attempt, 3)
        if context.attempt < 3:
            raise ValueError("again")

    bench.task(work, retry=Retry(attempts=3, first=0.01).to_spec())
    async with bench.running():
        run = await bench.enqueue("work")
        final = await bench.final(run.id)
    assert [(line.attempt, line.number, line.message) for line in await lines(bench, run)] == [
        (n, 1, f"attempt {n}") for n in (1, 2, 3)
    ]
    assert final.progress is not None
    assert (final.progress.attempt, final.progress.done) == (3, 3)


async def test_a_run_that_says_nothing_costs_no_statement(bench: Bench) -> None:
    async def quiet() -> None: ...

    bench.task(quiet)
    async with bench.running():
        for run in await bench.enqueue_many("quiet", 50):
            await bench.final(run.id)
    assert bench.faults.asked["add_logs"] == bench.faults.asked["note_progress"] == 0


@pytest.fixture
def plain() -> Bench:
    """A node on a memory store that keeps ten lines, a thousand bytes."""
    return Bench(run_log_lines=10, run_log_bytes=1_024)


@pytest.mark.slow
async def test_a_flood_keeps_the_newest(plain: Bench) -> None:
    async def flood() -> None:
        for number in range(5_000):
            app.info("line %d", number)
            if number % 1_000 == 999:
                await asyncio.sleep(0.3)

    plain.task(flood)
    async with plain.running():
        run = await plain.enqueue("flood")
        await plain.final(run.id)
    found = await lines(plain, run)
    assert [line.message for line in found] == [f"line {number}" for number in range(4_990, 5_000)]
    assert [line.number for line in found] == list(range(4_991, 5_001)), "the numbers tell what was dropped"
    assert plain.faults.asked["add_logs"] < 20


async def test_long_lines_keep_within_the_bytes(plain: Bench) -> None:
    async def flood() -> None:
        for number in range(20):
            app.info("%d %s", number, "€" * 100)
        app.info("x" * 1_000_000)

    plain.task(flood)
    async with plain.running():
        run = await plain.enqueue("flood")
        await plain.final(run.id)
    (only,) = await lines(plain, run)
    assert only.number == 21
    assert len(only.message) <= 8_000, "the newest is kept whatever its length, but cut"


@pytest.mark.slow
async def test_logs_of_the_newest_attempts_are_kept(plain: Bench) -> None:
    async def work() -> None:
        app.info("tried")
        if current_run().attempt < 30:  # type: ignore[union-attr]
            raise ValueError("again")

    plain.task(work, retry=Retry(attempts=40, first=0.001, cap=0.001).to_spec())
    async with plain.running():
        run = await plain.enqueue("work")
        await plain.final(run.id)
    assert [line.attempt for line in await lines(plain, run)] == list(range(11, 31))


async def test_progress_said_often_is_written_seldom(plain: Bench) -> None:
    async def work() -> None:
        for number in range(20_000):
            current_run().progress(number + 1, 20_000)  # type: ignore[union-attr]
            if number % 1_000 == 0:
                await asyncio.sleep(0)

    plain.task(work)
    async with plain.running():
        run = await plain.enqueue("work")
        final = await plain.final(run.id)
    assert final.progress is not None
    assert final.progress.done == 20_000
    assert plain.faults.asked["note_progress"] < 200


async def test_many_runs_share_a_statement(plain: Bench) -> None:
    go = asyncio.Event()

    async def work() -> None:
        current_run().progress(1)  # type: ignore[union-attr]
        app.info("begun")
        await go.wait()

    plain.task(work)
    async with plain.running() as node:
        await plain.enqueue_many("work", 50)
        await until(lambda: node.status.running == 50)
        go.set()
        for run in await plain.runs():
            assert (await plain.final(run.id)).progress is not None
    assert plain.faults.asked["note_progress"] < 25
    assert plain.faults.asked["add_logs"] < 25


@pytest.mark.parametrize("said", [(None,), (True,), ("x",), (float("nan"),), (float("inf"),), (object(),), (10**400,)])
async def test_nonsense_is_left_out(plain: Bench, said: tuple[Any, ...]) -> None:
    async def work() -> None:
        current_run().progress(2, 3)  # type: ignore[union-attr]
        current_run().progress(*said)  # type: ignore[union-attr]

    plain.task(work)
    async with plain.running():
        run = await plain.enqueue("work")
        final = await plain.final(run.id)
    assert final.state is RunState.SUCCEEDED
    assert final.progress is not None
    assert final.progress.done == 2


async def test_what_a_terminal_would_obey_is_not_kept(plain: Bench) -> None:
    async def work() -> None:
        app.info("\x1b[31mred\x1b[0m \x07bell\r\nnext\x00\ud800")
        current_run().progress(1, 2, "\x1b[2J" + "n" * 9_999)  # type: ignore[union-attr]

    plain.task(work)
    async with plain.running():
        run = await plain.enqueue("work")
        final = await plain.final(run.id)
    assert await messages(plain, run) == ["red \ufffdbell\nnext\ufffd\ufffd"]
    assert final.progress is not None
    assert final.progress.note is not None
    assert "\x1b" not in final.progress.note
    assert len(final.progress.note) <= 500


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("cannot be printed")


class Talkative:
    def __str__(self) -> str:
        app.info("said while a record is put into words")
        return "talkative"


async def test_a_line_that_cannot_be_put_into_words_hurts_nobody(plain: Bench) -> None:
    async def work() -> None:
        app.info("odd %s", Unprintable())
        app.info("too few %s %s", 1)
        app.info("%s", Talkative())
        try:
            int("no number")
        except ValueError:
            app.exception("it failed")
            current_run().log.debug("quiet", exc_info=True)  # type: ignore[union-attr]

    plain.task(work)
    async with plain.running():
        run = await plain.enqueue("work")
        final = await plain.final(run.id)
    assert final.error is None
    odd, few, talkative, failed = await messages(plain, run)
    assert odd == "odd %s (its arguments do not fit)"
    assert few.startswith("too few")
    assert talkative == "talkative"
    assert failed.startswith("it failed\nTraceback")
    assert failed.endswith("'no number'")


async def test_what_comes_after_the_end_is_not_the_runs(plain: Bench) -> None:
    go, gone = threading.Event(), threading.Event()

    def late(context: Any) -> None:
        go.wait(30)
        # More than the body itself: a line with a number that is taken would be passed over.
        for number in range(5):
            app.info("late %d", number)
        context.progress(9)
        gone.set()

    async def work() -> None:
        copied = contextvars.copy_context()
        threading.Thread(target=copied.run, args=(late, current_run())).start()
        app.info("in time")

    plain.task(work)
    async with plain.running():
        run = await plain.enqueue("work")
        await plain.final(run.id)
        go.set()
        await until(gone.is_set)
        other = await plain.enqueue("work")
        await plain.final(other.id)
        await until(gone.is_set)
    assert await messages(plain, run) == ["in time"]
    assert (await plain.run(run.id)).progress is None


async def test_outside_of_runs_nothing_is_caught(plain: Bench) -> None:
    before = logging.getLogRecordFactory()
    async with plain.running():
        assert logging.getLogRecordFactory() is not before
        app.info("said by nobody")
        async with plain.neighbour().running():
            app.info("said by nobody either")
        assert logging.getLogRecordFactory() is not before, "the first node still lives"
    assert logging.getLogRecordFactory() is before


@pytest.mark.parametrize("part", ["executor", "pulse"])
async def test_nothing_is_caught_after_a_node_that_did_not_end_well(
    plain: Bench, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = logging.getLogRecordFactory()
    node = plain.node()
    await node.start()
    broken: Any = node._pulse if part == "pulse" else node._executors[Kind.THREAD]
    whole = broken.stop

    def stop() -> None:
        whole()
        raise OSError("it does not end")

    monkeypatch.setattr(broken, "stop", stop)
    with pytest.raises(OSError, match="it does not end"):
        await node.stop()
    assert logging.getLogRecordFactory() is before
    assert node.status.state is Life.STOPPED


async def test_two_nodes_in_one_process_keep_each_line_once(plain: Bench) -> None:
    async def work() -> None:
        app.info("once")

    other = plain.neighbour()
    for bench in (plain, other):
        bench.task(work)
    async with plain.running(), other.running():
        runs = await plain.enqueue_many("work", 20)
        for run in runs:
            await plain.final(run.id)
            assert await messages(plain, run) == ["once"]


async def test_the_application_may_bring_a_factory_of_its_own(plain: Bench) -> None:
    async def work() -> None:
        app.info("hello")

    plain.task(work)
    async with plain.running():
        ours = logging.getLogRecordFactory()

        def theirs(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = ours(*args, **kwargs)
            record.mine = True
            return record

        logging.setLogRecordFactory(theirs)
        try:
            async with plain.neighbour().running():
                run = await plain.enqueue("work")
                await plain.final(run.id)
                assert await messages(plain, run) == ["hello"], "two factories of ours, and still one line"
            assert logging.getLogRecordFactory() is theirs
        finally:
            logging.setLogRecordFactory(ours)


async def test_nothing_is_kept_when_it_is_switched_off() -> None:
    bench = Bench(run_log_level="OFF")

    async def work() -> None:
        app.critical("loud")
        current_run().log.critical("loud")  # type: ignore[union-attr]
        current_run().progress(1)  # type: ignore[union-attr]

    bench.task(work)
    async with bench.running():
        run = await bench.enqueue("work")
        final = await bench.final(run.id)
    assert await messages(bench, run) == []
    assert final.progress is not None


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StoreRejected("too much"), RuntimeError("a bug")])
async def test_a_log_that_cannot_be_written_keeps_no_run_from_ending(plain: Bench, error: Exception) -> None:
    async def work() -> None:
        app.info("hello")
        current_run().progress(1)  # type: ignore[union-attr]

    plain.task(work)
    plain.faults.before("add_logs", error, times=1_000_000)
    plain.faults.before("note_progress", error, times=1_000_000)
    async with plain.running():
        run = await plain.enqueue("work")
        assert (await plain.final(run.id)).state is RunState.SUCCEEDED


@pytest.mark.slow
async def test_a_log_that_hangs_keeps_no_run_from_ending(plain: Bench) -> None:
    async def work() -> None:
        app.info("hello")

    plain.task(work)
    plain.faults.hanging.add("add_logs")
    async with plain.running():
        for _ in range(3):
            run = await plain.enqueue("work")
            assert (await plain.final(run.id)).state is RunState.SUCCEEDED
        plain.faults.hanging.clear()


async def test_an_answer_that_is_lost_makes_no_line_twice(plain: Bench) -> None:
    async def work() -> None:
        for number in range(3):
            app.info("line %d", number)
            await asyncio.sleep(0.3)

    plain.task(work)
    plain.faults.after("add_logs", times=2)
    plain.faults.before("add_logs", times=1)
    async with plain.running():
        run = await plain.enqueue("work")
        await plain.final(run.id)
        await until_async(lambda: _has(plain, run, 3))
    assert await messages(plain, run) == ["line 0", "line 1", "line 2"]
    assert plain.faults.nothing_planned()


async def _has(bench: Bench, run: Run, count: int) -> bool:
    return len(await lines(bench, run)) == count


class Squeamish(FaultyStore):
    """Refuses every batch that has a certain line, as a database does with its worst row."""

    async def add_logs(self, lines: Any, bounds: Any = ()) -> None:
        if any("poison" in line.message for line in lines):
            raise StoreRejected("the row is too much")
        await self._store.add_logs(lines, bounds)


async def test_a_batch_of_lines_survives_its_worst() -> None:
    from hourbell.store.memory import MemoryStore

    clock = SystemClock()
    bench = Bench(clock, Squeamish(MemoryStore(clock)))

    async def work() -> None:
        for number in range(9):
            app.info("poison" if number == 4 else f"line {number}")

    bench.task(work)
    async with bench.running():
        run = await bench.enqueue("work")
        await bench.final(run.id)
    assert [line.number for line in await lines(bench, run)] == [1, 2, 3, 4, 6, 7, 8, 9]


async def test_what_was_said_before_a_stop_is_written(plain: Bench) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            app.info("cleaning up")

    plain.task(work)
    plain.settings = type(plain.settings)(**{**_as_dict(plain.settings), "drain": 0.0})
    async with plain.running():
        run = await plain.enqueue("work")
        await until(begun.is_set)
    assert (await plain.run(run.id)).state is RunState.QUEUED
    assert await messages(plain, run) == ["cleaning up"]


def _as_dict(settings: Any) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


async def test_logging_in_the_middle_of_it_waits_for_nobody(plain: Bench) -> None:
    """A finalizer or a signal handler may log in the thread that is just taking a line down."""
    from hourbell.context import Context
    from hourbell.engine.notes import Notes

    notes = Notes(plain.settings, plain.clock)
    (run,) = await plain.enqueue_many("work", 1)
    context = Context.of(run, notes)
    seen: list[Callable[[], None]] = []

    with notes._held():
        thread_is_not_stuck = threading.Thread(target=lambda: seen.append(lambda: None))
        notes.line(context, logging.INFO, "app", "from within")
        thread_is_not_stuck.start()
        thread_is_not_stuck.join()
    notes.line(context, logging.INFO, "app", "from outside")
    assert [line.message for line in notes.take().lines] == ["from outside"]


async def test_a_thousand_runs_at_once_keep_their_lines_apart() -> None:
    """On the loop and in threads, each switching to the others between any two lines."""
    bench = Bench(max_runs=500, threads=20)

    async def on_loop(n: int) -> None:
        for part in range(3):
            app.info("%d.%d on the loop", n, part)
            await asyncio.sleep(0)
        await asyncio.to_thread(app.info, "%d.3 in a helper", n)

    def in_thread(n: int) -> None:
        for part in range(4):
            app.info("%d.%d in a thread", n, part)

    bench.task(on_loop)
    bench.task(in_thread)
    async with bench.running():
        runs = [(n, await bench.enqueue(name, args={"n": n})) for n, name in enumerate(["on_loop", "in_thread"] * 500)]
        for n, run in runs:
            await bench.final(run.id)
            said = [message.partition(" ")[0] for message in await messages(bench, run)]
            assert said == [f"{n}.{part}" for part in range(4)]


def test_a_copy_of_the_process_waits_for_no_lock_that_was_copied_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    notes = Notes(bench.settings, bench.clock)
    context = Context.of(claimed_run(), notes)
    with notes._lock:  # as another thread held it at the fork
        monkeypatch.setattr("os.getpid", lambda: -1)

        def say() -> None:
            context.log.warning("x")
            context.progress(1)

        saying = threading.Thread(target=say, daemon=True)
        saying.start()
        saying.join(10)
        assert not saying.is_alive()
    assert not notes.has_news()


def test_a_line_that_is_logged_while_the_lock_is_taken_is_dropped() -> None:
    bench = Bench()
    notes = Notes(bench.settings, bench.clock)
    context = Context.of(claimed_run(), notes)

    class Interrupted:
        """A lock in whose taking a signal handler logs."""

        def __enter__(self) -> None:
            assert notes._inside.yes, "what logs just now would wait for what its own thread holds"
            notes.line(context, logging.ERROR, "signal", "in a handler")

        def __exit__(self, *_: object) -> None: ...

    notes._lock = Interrupted()  # type: ignore[assignment]
    notes.line(context, logging.ERROR, "app", "the line itself")
    assert [line.message for line in notes.take().lines] == ["the line itself"]
