"""The life of a scheduler: in an application, in another lifespan, in a script; and without its database."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI

from hourbell import Conflict, Context, Every, InvalidArguments, Run, Scheduler, StoreMisconfigured, StoreUnavailable
from hourbell.events import Event, RunStarted, RunSucceeded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from decimal import Decimal as OnlyForCheckers

PATIENCE = 60


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[None]:
    """The application's lifespan, as a server runs it."""
    async with app.router.lifespan_context(app):
        yield


async def test_a_start_says_where_and_with_what(caplog: pytest.LogCaptureFixture) -> None:
    """A module with schedules that nobody imports shows here."""
    scheduler = Scheduler("memory://")
    scheduler.every(hours=1, id="one")(scheduler.every(hours=2, id="two")(scheduler.task(name="t")(nothing)))
    with caplog.at_level("INFO", "hourbell"):
        async with scheduler.lifespan():
            node = (await scheduler.health()).node.id
    assert f"node {node} is live on memory://: 1 task, 2 declared schedules" in caplog.messages


async def test_a_stop_says_whom_it_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    """At a terminal, or after a reload, nothing would happen for as long as the bodies get: 8 s unless set."""
    scheduler = Scheduler("memory://", drain=PATIENCE)
    begun, told, may_end = asyncio.Event(), Told("that still run"), asyncio.Event()

    @scheduler.task(name="long")
    async def long() -> str:
        begun.set()
        await may_end.wait()
        return "to its end"

    with caplog.filtering(told):
        async with asyncio.timeout(PATIENCE), scheduler:
            await scheduler.start()
            run = await long.enqueue()
            await begun.wait()
            stop = asyncio.create_task(scheduler.stop())
            await told.event.wait()
            assert "(setting drain): 1 of long" in caplog.messages[-1]
            may_end.set()
            await stop
            assert (await scheduler.get_run(run.id)).result == "to its end"


class Told(logging.Filter):
    """Waits for a line of the log with these words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words, self.event = words, asyncio.Event()

    def filter(self, record: logging.LogRecord) -> bool:
        if self.words in record.getMessage():
            self.event.set()
        return True


async def nothing() -> None: ...


@pytest.mark.bare
async def test_fires_in_a_fastapi_lifespan(database_url: str) -> None:
    scheduler = Scheduler(database_url)
    twice = asyncio.Event()
    fires: list[Any] = []

    @scheduler.every(seconds=1, id="tick", args={"note": "x"}, overlap="allow")
    async def tick(context: Context, note: str) -> str:
        fires.append((context.fire_at, note))
        if len(fires) == 2:
            twice.set()
        return note

    async with asyncio.timeout(PATIENCE), served(FastAPI(lifespan=scheduler.lifespan)):
        await twice.wait()
        (node,) = await scheduler.list_nodes()
        assert node.state == "live"
        assert (await scheduler.health()).status == "ok"
    assert len({fire_at for fire_at, _ in fires}) == len(fires)
    assert {note for _, note in fires} == {"x"}


async def test_enqueue_and_wait_for_a_result(database_url: str) -> None:
    scheduler = Scheduler(database_url)
    heard: list[type[Event]] = []
    scheduler.on(Event, lambda event: heard.append(type(event)))

    @scheduler.task
    def double(number: int) -> int:
        return number * 2

    async with asyncio.timeout(PATIENCE), scheduler.lifespan():
        run = await scheduler.wait(await double.enqueue(21))
    assert isinstance(run, Run)
    assert (run.state, run.result, run.attempt) == ("succeeded", 42, 1)
    assert heard == [RunStarted, RunSucceeded]


async def test_inside_another_lifespan_and_again_after_it(database_url: str) -> None:
    scheduler = Scheduler(database_url)
    done = scheduler.task(name="t")(lambda: "done")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, int]]:
        async with scheduler.lifespan(app):
            yield {"mine": 1}

    app = FastAPI(lifespan=lifespan)
    for _ in range(2):
        async with asyncio.timeout(PATIENCE), served(app):
            assert (await scheduler.wait(await done.enqueue())).result == "done"
    async with scheduler:
        assert len(await scheduler.list_runs(state="succeeded")) == 2
        assert [node.state for node in await scheduler.list_nodes()] == ["stopped", "stopped"]


async def test_a_script_opens_it_without_being_a_node(database_url: str) -> None:
    scheduler = Scheduler(database_url)
    task = scheduler.every(seconds=1)(asynchronous)
    async with scheduler, scheduler:
        await task.enqueue()
        assert await scheduler.list_nodes() == []
        health = await scheduler.health()
        assert (health.status, health.node.state) == ("ok", "none")
        # What the code declares is for nodes to store.
        assert len(await scheduler.list_schedules()) == 0


async def asynchronous() -> None: ...


async def test_may_be_opened_while_it_is_a_node() -> None:
    scheduler = Scheduler("memory://")
    async with scheduler.lifespan():
        async with scheduler:
            await scheduler.list_runs()
        await scheduler.list_runs()


async def test_starting_twice_is_refused_and_stopping_twice_is_not() -> None:
    scheduler = Scheduler("memory://")
    await scheduler.start()
    with pytest.raises(Conflict, match="stop"):
        await scheduler.start()
    async with asyncio.TaskGroup() as group:
        group.create_task(scheduler.stop())
        group.create_task(scheduler.stop())
    await scheduler.stop()
    await scheduler.start()
    await scheduler.stop()


async def test_a_declaration_that_is_wrong_keeps_it_from_starting() -> None:
    scheduler = Scheduler("memory://")

    @scheduler.every(hours=1, args={"number": "x"})
    def wants_a_number(number: int) -> None: ...

    with pytest.raises(InvalidArguments, match="'number'"):
        await scheduler.start()
    await scheduler.stop()


async def test_an_annotation_that_is_not_there_keeps_it_from_starting() -> None:
    scheduler = Scheduler("memory://")

    @scheduler.task
    def wants_a_type(number: OnlyForCheckers) -> None: ...

    with pytest.raises(InvalidArguments, match="OnlyForCheckers"):
        await scheduler.start()


def test_making_one_touches_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("HOURBELL_DATABASE_URL", raising=False)
    scheduler = Scheduler()
    scheduler.every(hours=1)(asynchronous)
    Scheduler("postgresql://nobody@192.0.2.1/nowhere")
    assert list(tmp_path.iterdir()) == []


async def test_starts_without_its_database_and_says_so() -> None:
    scheduler = Scheduler("postgresql://nobody:secret@127.0.0.1:1/nowhere")
    scheduler.every(seconds=1)(asynchronous)
    async with asyncio.timeout(PATIENCE), scheduler.lifespan():
        health = await scheduler.health()
        assert health.status == "down"
        assert not health.database.ok
        assert "secret" not in repr(health)
        with pytest.raises(StoreUnavailable):
            await scheduler.list_runs()


async def test_a_database_that_is_not_the_right_one_keeps_it_from_starting_and_is_told_once(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler(f"{postgres_url}_misspelt")
    with pytest.raises(StoreMisconfigured, match=r'_misspelt" does not exist.*check the database URL') as caught:
        await scheduler.start()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert not caplog.records


async def test_a_script_without_its_database_is_told() -> None:
    scheduler = Scheduler("postgresql://nobody:secret@127.0.0.1:1/nowhere")
    with pytest.raises(StoreUnavailable, match="check that it runs, and the host and port"):
        await scheduler.open()
    with pytest.raises(Exception, match="not open"):
        await scheduler.list_runs()


async def test_a_node_that_runs_nothing_still_takes_requests() -> None:
    scheduler = Scheduler("memory://", max_runs=0)
    task = scheduler.task(name="t")(lambda: None)
    async with asyncio.timeout(PATIENCE), scheduler.lifespan():
        run = await task.enqueue()
        with pytest.raises(TimeoutError):
            await scheduler.wait(run, timeout=0.3)
        assert (await scheduler.get_run(run.id)).state == "queued"


async def test_a_pause_survives_a_restart_and_code_that_says_the_same(database_url: str) -> None:
    def application() -> Scheduler:
        scheduler = Scheduler(database_url, lease=3)
        scheduler.every(hours=1, id="s", grace=5)(asynchronous)
        return scheduler

    first = application()
    second = first if database_url == "memory://" else application()
    async with asyncio.timeout(PATIENCE):
        async with first.lifespan():
            await first.pause_schedule("s", note="hands off")
            edited = await first.update_schedule("s", trigger=Every(hours=2))
        async with second.lifespan():
            again = await second.get_schedule("s")
    assert (again.state, again.note) == ("paused", "hands off")
    assert again.trigger == edited.trigger
