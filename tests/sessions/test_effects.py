"""A body's writes through its effect, and its run's success: both or neither, whatever happens between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from hourbell import Context, HourbellError, InvalidArguments, LeaseLost, Run, Scheduler
from hourbell.events import RunSucceeded
from hourbell.sessions.asyncpg_transaction import AsyncpgTransaction
from hourbell.sessions.sqlalchemy_transaction import SqlAlchemyTransaction
from sessions.conftest import Desk, Office

Body = Callable[[Context, Desk], Awaitable[object]]
ALL = ("Session-postgresql", "Connection-sqlite", "AsyncSession-", "SQLModelAsync-", "AsyncConnection-", "asyncpg-")
FEW = ("AsyncSession-postgresql+asyncpg", "AsyncSession-sqlite", "asyncpg-")


@asynccontextmanager
async def running(office: Office, body: Callable[..., Any], **policies: Any) -> AsyncIterator[Scheduler]:
    """A node that runs the body as task "body", and "greet"."""
    scheduler = Scheduler(office.url, lease=3, poll=0.2)
    scheduler.task(name="body", **policies)(body)
    scheduler.task(name="greet")(lambda name: f"hello {name}")
    async with scheduler:
        await scheduler.start()
        try:
            yield scheduler
        finally:
            await scheduler.stop()


async def ended(office: Office, work: Body, **policies: Any) -> tuple[Run, Scheduler]:
    """Run a body once, with a desk of its own, to its end."""

    async def body(context: Context) -> object:
        async with office.desk(begin=False) as desk:
            return await work(context, desk)

    async with running(office, body, **policies) as scheduler:
        run = await scheduler._core.tasks.get("body").enqueue()
        return await scheduler.wait(run, timeout=60), scheduler


async def take_over(office: Office, context: Context) -> None:
    """What a rescue and another node's claim do to the row."""
    import asyncpg

    if office.url.startswith("postgres"):
        connection = await asyncpg.connect(office.url)
        await connection.execute("UPDATE hourbell.runs SET attempt = attempt + 1 WHERE id = $1", context.run_id)
        await connection.close()
    else:
        async with office.engine.begin() as one:
            await one.execute(text("UPDATE runs SET attempt = attempt + 1 WHERE id = :id"), {"id": context.run_id})


@pytest.mark.frontdoor
@pytest.mark.kinds(*ALL)
async def test_the_writes_and_the_success_are_one(office: Office) -> None:
    async def work(context: Context, desk: Desk) -> str:
        async with context.effect(desk.session) as effect:
            await desk.put("ada")
            effect.result({"users": 1})
            assert await office.users() == []
            assert (await office.scheduler.get_run(context.run_id)).state == "running"
        assert await office.users() == ["ada"]
        assert (await office.scheduler.get_run(context.run_id)).state == "succeeded"
        return "not the result any more"

    run, _ = await ended(office, work)
    assert (run.state, run.result, run.attempt, run.error) == ("succeeded", {"users": 1}, 1, None)
    assert run.started_at is not None
    assert await office.users() == ["ada"]


@pytest.mark.kinds(*ALL)
async def test_an_error_in_the_block_undoes_everything(office: Office) -> None:
    async def work(context: Context, desk: Desk) -> None:
        async with context.effect(desk.session) as effect:
            await desk.put("ada")
            await office.scheduler._core.tasks.get("greet").enqueue(name="ada")
            effect.result(1)
            raise ValueError("no such ada")

    run, _ = await ended(office, work)
    assert run.state == "failed"
    assert "no such ada" in (run.error or "")
    assert (await office.users(), run.result) == ([], None)
    assert [one.task for one in await office.scheduler.list_runs()] == ["body"]


@pytest.mark.kinds(*FEW)
async def test_what_is_asked_for_inside_is_part_of_the_commit(office: Office) -> None:
    seen: list[int] = []

    async def work(context: Context, desk: Desk) -> None:
        greet = office.scheduler._core.tasks.get("greet")
        async with context.effect(desk.session):
            await desk.put("ada")
            inside = await greet.enqueue(name="ada")
            assert inside.parent == context.run_id
            seen.append(len(await office.scheduler.list_runs(task="greet")))
        seen.append(len(await office.scheduler.list_runs(task="greet")))
        await greet.enqueue(name="bob")

    run, _ = await ended(office, work)
    assert (run.state, run.error, seen) == ("succeeded", None, [0, 1])


@pytest.mark.kinds(*FEW)
async def test_what_the_body_raises_later_is_logged(office: Office) -> None:
    async def work(context: Context, desk: Desk) -> None:
        async with context.effect(desk.session) as effect:
            await desk.put("ada")
            effect.result(7)
        with pytest.raises(HourbellError, match="one only"):
            async with context.effect(desk.session):
                pass
        raise ValueError("too late")

    run, _ = await ended(office, work, retry=3)
    assert (run.state, run.result, run.failures) == ("succeeded", 7, 0)
    lines = await office.scheduler.list_logs(run.id)
    assert ["too late" in line.message for line in lines] == [True]


@pytest.mark.kinds(*FEW)
@pytest.mark.parametrize("when", ["before", "inside"])
async def test_a_stale_fence_commits_nothing(office: Office, when: str) -> None:
    raised: list[BaseException] = []

    async def work(context: Context, desk: Desk) -> None:
        if when == "before":
            await take_over(office, context)
        try:
            async with context.effect(desk.session):
                if when == "inside":
                    await take_over(office, context)
                await desk.put("ada")
        except LeaseLost as error:
            raised.append(error)
        done.set()

    done = asyncio.Event()

    async def body(context: Context) -> None:
        async with office.desk(begin=False) as desk:
            await work(context, desk)

    async with running(office, body) as scheduler:
        run = await scheduler._core.tasks.get("body").enqueue()
        await asyncio.wait_for(done.wait(), 60)
    assert "nothing was committed" in str(raised[0])
    assert await office.users() == []
    assert (await office.scheduler.get_run(run.id)).state != "succeeded"


@pytest.mark.kinds(*FEW)
async def test_a_lease_that_is_lost_after_the_commit_takes_nothing_back(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    committed = asyncio.Event()
    heard: list[RunSucceeded] = []

    async def body(context: Context) -> None:
        async with office.desk(begin=False) as desk:
            async with context.effect(desk.session) as effect:
                await desk.put("ada")
                effect.result(7)
            committed.set()
            await asyncio.Event().wait()

    async with running(office, body) as scheduler:
        scheduler.on(RunSucceeded, heard.append)
        run = await scheduler._core.tasks.get("body").enqueue()
        await asyncio.wait_for(committed.wait(), 60)
        node_id = (await scheduler.get_run(run.id)).node_id
        assert node_id is not None
        await scheduler._core.store.retire_node(node_id)
        async with asyncio.timeout(60):
            while not heard:  # noqa: ASYNC110 - it is told in a thread
                await asyncio.sleep(0.02)
        ended = await scheduler.get_run(run.id)
    assert (ended.state, ended.result, ended.node_id, ended.attempt) == ("succeeded", 7, node_id, 1)
    assert [(event.run.id, event.run.result) for event in heard] == [(run.id, 7)]
    assert await office.users() == ["ada"]
    assert "its effect is committed, and the run succeeded" in caplog.text
    assert "nothing was written" not in caplog.text


@pytest.mark.kinds("AsyncSession-postgresql+asyncpg", "AsyncSession-postgresql+psycopg")
async def test_a_serialization_failure_on_the_fence_is_a_lost_lease(office: Office) -> None:
    raised: list[BaseException] = []
    done = asyncio.Event()

    async def body(context: Context) -> None:
        async with office.desk() as desk:
            await desk.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            try:
                async with context.effect(desk.session):
                    await desk.put("ada")
                    await take_over(office, context)
            except LeaseLost as error:
                raised.append(error)
        done.set()

    async with running(office, body) as scheduler:
        await scheduler._core.tasks.get("body").enqueue()
        await asyncio.wait_for(done.wait(), 60)
    assert "could not serialize" in str(raised[0].__cause__)
    assert await office.users() == []


@pytest.mark.kinds(*FEW)
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
async def test_a_commit_in_doubt_is_read_back(office: Office, monkeypatch: Any, done: bool) -> None:
    kind = AsyncpgTransaction if office.kind == "asyncpg" else SqlAlchemyTransaction
    real = kind.commit
    rolled_back = kind.rollback

    async def commit(self: Any) -> None:
        await (real if done else rolled_back)(self)
        raise ConnectionResetError("the answer is lost")

    monkeypatch.setattr(kind, "commit", commit)
    went_on: list[bool] = []

    async def work(context: Context, desk: Desk) -> None:
        async with context.effect(desk.session) as effect:
            await desk.put("ada")
            effect.result(1)
        went_on.append(True)

    run, _ = await ended(office, work)
    monkeypatch.undo()
    assert went_on == [True] * done
    if done:
        assert (run.state, run.result, await office.users()) == ("succeeded", 1, ["ada"])
    else:
        assert (run.state, run.result, await office.users()) == ("failed", None, [])
        assert "the answer is lost" in (run.error or "")


@pytest.mark.kinds("AsyncSession-postgresql+asyncpg")
async def test_the_row_is_read_back_behind_the_transaction_that_holds_it(office: Office) -> None:
    """A commit may be under way in the server when its client has given up: to read past it would tell the wrong."""
    answers: list[bool] = []

    async def body(context: Context) -> None:
        async with office.desk() as desk:
            ends = "UPDATE hourbell.runs SET state = 'succeeded', finished_at = now() WHERE id = :id"
            await desk.session.execute(text(ends), {"id": context.run_id})
            assert context._hold is not None
            asked = office.scheduler._core.store.is_settled(context._hold.node_id, context.run_id, 1)
            question = asyncio.ensure_future(asked)
            await asyncio.sleep(0.2)
            assert not question.done()
            await desk.commit()
            answers.append(await question)

    async with running(office, body) as scheduler:
        await scheduler.wait(await scheduler._core.tasks.get("body").enqueue(), timeout=60)
    assert answers == [True]


@pytest.mark.kinds("Session-postgresql", "Session-sqlite", "SQLModel-sqlite", "Connection-postgresql")
async def test_a_body_in_a_thread_uses_a_session_that_never_waits(office: Office) -> None:
    from sessions.conftest import SESSIONS

    def body(context: Context, name: str) -> None:
        greet = office.scheduler._core.tasks.get("greet")
        with SESSIONS[office.kind](office.engine) as session:
            with context.effect(session) as effect:
                execute = Session.execute if office.kind == "SQLModel" else type(session).execute
                execute(session, text("INSERT INTO users (name) VALUES (:name)"), {"name": name})
                greet.options().enqueue_sync(name=name)
                effect.result(name)
                if name == "bob":
                    raise ValueError("not bob")
            context.log.info("done")

    async with running(office, body) as scheduler:
        task = scheduler._core.tasks.get("body")
        first = await scheduler.wait(await task.enqueue(name="ada"), timeout=60)
        second = await scheduler.wait(await task.enqueue(name="bob"), timeout=60)
    assert (first.state, first.result, first.error) == ("succeeded", "ada", None)
    assert (second.state, second.result) == ("failed", None)
    assert await office.users() == ["ada"]
    assert [run.args for run in await office.scheduler.list_runs(task="greet")] == [{"name": "ada"}]


@pytest.mark.kinds("AsyncSession-sqlite")
async def test_on_sqlite_other_calls_raise_instead_of_waiting_for_themselves(office: Office) -> None:
    async def work(context: Context, desk: Desk) -> None:
        async with context.effect(desk.session):
            await desk.put("ada")
            assert await office.scheduler.get_run(context.run_id)
            with pytest.raises(HourbellError, match="one writer at a time"):
                await office.scheduler.cancel_run(context.run_id)

    run, _ = await ended(office, work)
    assert (run.state, run.error) == ("succeeded", None)


@pytest.mark.kinds("AsyncSession-postgresql+asyncpg", "asyncpg-")
async def test_sessions_that_cannot_be_committed_are_refused(office: Office) -> None:
    async def work(context: Context, desk: Desk) -> None:
        if office.kind == "asyncpg":
            async with desk.session.transaction():
                with pytest.raises(InvalidArguments, match="in a transaction already"):
                    async with context.effect(desk.session):
                        pass
        else:
            await desk.session.begin_nested()
            with pytest.raises(InvalidArguments, match="begin_nested"):
                async with context.effect(desk.session):
                    pass
        with pytest.raises(InvalidArguments, match="has to be awaited"), context.effect(desk.session):
            pass

    run, _ = await ended(office, work)
    assert (run.state, run.error) == ("succeeded", None)


async def test_a_context_made_by_hand_has_no_effect() -> None:
    context = Context(run_id="r", task="t", schedule_id=None, fire_at=None, attempt=1, tracking_id="r")
    with pytest.raises(HourbellError, match="node itself runs"):
        context.effect(object())
