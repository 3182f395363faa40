"""A run, or a schedule, exists if and only if the data of the same transaction does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from hourbell import Every, InvalidArguments, NotFound
from hourbell.sessions import sqlalchemy_transaction
from hourbell.store import statements
from sessions.conftest import Office


def greet(office: Office) -> Any:
    return office.scheduler._core.tasks.get("greet")


async def runs(office: Office) -> list[str]:
    return [run.args["name"] for run in await office.scheduler.list_runs()]


async def test_what_is_committed_is_there_whole(office: Office) -> None:
    at = datetime(2031, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    async with office.desk() as desk:
        await desk.put("ada")
        asked = greet(office).options(session=desk.session, run_at=at, priority=3, key="k", queue="q")
        run = await asked.enqueue(name="ada: it's 100% :name")
        assert await runs(office) == []
        await desk.commit()
    assert await office.users() == ["ada"]
    assert await office.scheduler.get_run(run.id) == run
    assert (run.run_at, run.priority, run.key, run.queue, run.state) == (at, 3, "k", "q", "queued")
    assert run.args == {"name": "ada: it's 100% :name"}


@pytest.mark.frontdoor
async def test_what_is_rolled_back_leaves_nothing(office: Office) -> None:
    async with office.desk() as desk:
        await desk.put("ada")
        run = await greet(office).options(session=desk.session).enqueue(name="ada")
        await office.scheduler.add_schedule("greet", Every(hours=1), id="s", args={"name": "x"}, session=desk.session)
        await desk.rollback()
    assert (await office.users(), await runs(office)) == ([], [])
    with pytest.raises(NotFound):
        await office.scheduler.get_run(run.id)
    with pytest.raises(NotFound):
        await office.scheduler.get_schedule("s")


async def test_a_session_that_is_left_open_leaves_nothing(office: Office) -> None:
    async with office.desk() as desk:
        await greet(office).options(session=desk.session).enqueue(name="ada")
        await desk.put("ada")
    assert (await office.users(), await runs(office)) == ([], [])


async def test_a_schedule_with_the_data_that_it_is_about(office: Office) -> None:
    async with office.desk() as desk:
        await desk.put("ada")
        made = await office.scheduler.add_schedule(
            "greet", Every(hours=1), id="s", args={"name": "ada"}, session=desk.session, note="new"
        )
        changed = await office.scheduler.add_schedule(
            "greet", Every(hours=2), id="s", args={"name": "bob"}, session=desk.session
        )
        await desk.commit()
    stored = await office.scheduler.get_schedule("s")
    assert stored == changed
    assert (made.args, stored.args, stored.trigger_spec["seconds"]) == ({"name": "ada"}, {"name": "bob"}, 7200.0)
    assert stored.next_fire_at is not None
    assert stored.created_at == made.created_at


async def test_a_key_answers_the_run_that_has_it(office: Office) -> None:
    async with office.desk() as desk:
        keyed = greet(office).options(session=desk.session, key="k", delay=timedelta(seconds=90))
        first = await keyed.enqueue(name="ada")
        assert await keyed.enqueue(name="bob") == first
        await desk.commit()
    assert first.run_at == first.created_at + timedelta(seconds=90)
    assert await greet(office).options(key="k").enqueue(name="eve") == first
    async with office.desk() as desk:
        assert (await greet(office).options(session=desk.session, key="k").enqueue(name="eve")).id == first.id
    assert await runs(office) == ["ada"]


@pytest.mark.kinds("Session-", "SQLModel-", "Connection-")
async def test_without_await_where_the_session_never_waits(office: Office) -> None:
    def work() -> str:
        with office.engine.begin() as connection:
            connection.execute(text("INSERT INTO users (name) VALUES ('ada')"))
            return str(greet(office).options(session=connection).enqueue_sync(name="ada").id)

    run_id = await asyncio.to_thread(work)
    async with office.desk() as desk:
        again = greet(office).options(session=desk.session).enqueue_sync(name="bob")
        await desk.commit()
    assert await office.users() == ["ada"]
    assert sorted([run_id, again.id]) == sorted(run.id for run in await office.scheduler.list_runs())


@pytest.mark.kinds("AsyncSession-", "asyncpg-asyncpg")
async def test_what_must_be_awaited_says_so(office: Office) -> None:
    async with office.desk() as desk:
        with pytest.raises(InvalidArguments, match="has to be awaited"):
            greet(office).options(session=desk.session).enqueue_sync(name="ada")
    with pytest.raises(InvalidArguments, match=r"block the event loop.* `await …enqueue"):
        greet(office).options().enqueue_sync(name="ada")
    assert await runs(office) == []


@pytest.mark.kinds("AsyncSession-", "Session-")
async def test_a_savepoint_decides_about_its_part(office: Office) -> None:
    async with office.desk() as desk:
        await greet(office).options(session=desk.session).enqueue(name="ada")
        nested = await desk._done(desk.session.begin_nested())
        await greet(office).options(session=desk.session).enqueue(name="bob")
        await desk._done(nested.rollback())
        nested = await desk._done(desk.session.begin_nested())
        await greet(office).options(session=desk.session).enqueue(name="eve")
        await desk._done(nested.commit())
        await desk.commit()
    assert sorted(await runs(office)) == ["ada", "eve"]


@pytest.mark.kinds("AsyncSession-", "Session-", "SQLModel-", "SQLModelAsync-")
async def test_nodes_hear_of_it_after_the_commit_and_only_then(office: Office, monkeypatch: Any) -> None:
    heard: list[str] = []

    async def wake(task: str, queue: str) -> None:
        heard.append((await runs(office))[0])

    monkeypatch.setattr(office.scheduler._core, "wake", wake)
    async with office.desk() as desk:
        await greet(office).options(session=desk.session).enqueue(name="never")
        await desk.rollback()
        await greet(office).options(session=desk.session).enqueue(name="left")
        await desk._done(desk.session.close())
        nested = await desk._done(desk.session.begin_nested())
        await greet(office).options(session=desk.session).enqueue(name="undone")
        await desk._done(nested.rollback())
        nested = await desk._done(desk.session.begin_nested())
        await greet(office).options(session=desk.session).enqueue(name="ada")
        await desk._done(nested.commit())
        await asyncio.sleep(0.05)
        assert heard == []
        await desk.commit()
        for _ in range(200):
            if heard:
                break
            await asyncio.sleep(0.01)
        await desk.put("later")
        await desk.commit()
        await asyncio.sleep(0.05)
    assert heard == ["ada"]


@pytest.mark.kinds("AsyncSession-postgresql+asyncpg", "Session-postgresql+psycopg", "asyncpg-asyncpg")
async def test_a_session_on_another_database_is_refused(office: Office, postgres_server: Any) -> None:
    other = postgres_server.create_database("somewhere_else")
    try:
        elsewhere = await _office_at(office, other)
        try:
            async with elsewhere.desk() as desk:
                with pytest.raises(InvalidArguments, match="tables are not in the session's database"):
                    await greet(office).options(session=desk.session).enqueue(name="ada")
                # Nothing is broken by the question.
                await desk._done(desk.rollback())
            copy = type(office.scheduler)(other)
            async with copy:
                await copy.migrate()
            async with elsewhere.desk() as desk:
                with pytest.raises(InvalidArguments, match="on another database than the scheduler"):
                    await greet(office).options(session=desk.session).enqueue(name="ada")
        finally:
            if elsewhere.engine is not None:
                await _disposed(elsewhere.engine)
    finally:
        assert postgres_server.drop_database("somewhere_else") == []


@pytest.mark.kinds("AsyncSession-sqlite", "Session-sqlite")
async def test_a_session_on_another_file_is_refused(office: Office, tmp_path: Any) -> None:
    path = tmp_path / "other.db"
    elsewhere = await _office_at(office, f"sqlite:///{path}")
    try:
        async with elsewhere.desk() as desk:
            with pytest.raises(InvalidArguments, match="on another database than the scheduler"):
                await greet(office).options(session=desk.session).enqueue(name="ada")
    finally:
        await _disposed(elsewhere.engine)


async def test_what_is_no_session_is_refused(office: Office) -> None:
    for nonsense in ("postgresql://", office.engine or object(), 5):
        with pytest.raises(InvalidArguments, match="give a Session, AsyncSession"):
            await greet(office).options(session=nonsense).enqueue(name="ada")


@pytest.mark.kinds("Connection-", "AsyncConnection-")
async def test_a_session_that_commits_by_itself_is_refused(office: Office) -> None:
    async with office.desk() as desk:
        own = await desk._done(desk.session.execution_options(isolation_level="AUTOCOMMIT"))
        with pytest.raises(InvalidArguments, match="AUTOCOMMIT"):
            await greet(office).options(session=own).enqueue(name="ada")


@pytest.mark.kinds("asyncpg-asyncpg")
async def test_a_connection_of_asyncpg_needs_a_transaction(office: Office) -> None:
    async with office.desk() as desk:
        await desk.commit()
        with pytest.raises(InvalidArguments, match=r"connection\.transaction\(\)"):
            await greet(office).options(session=desk.session).enqueue(name="ada")


@pytest.mark.kinds("AsyncSession-postgresql+asyncpg", "Session-sqlite")
async def test_a_scheduler_that_is_not_open_needs_no_connection_of_its_own(office: Office) -> None:
    closed = type(office.scheduler)(office.url)
    task = closed.task(name="greet")(lambda name: name)
    async with office.desk() as desk:
        await task.options(session=desk.session).enqueue(name="ada")
        await desk.commit()
    assert await runs(office) == ["ada"]


@pytest.mark.kinds("AsyncSession-postgresql+asyncpg", "Session-postgresql+psycopg")
async def test_the_databases_own_refusal_comes_through(office: Office) -> None:
    async with office.desk() as desk:
        with pytest.raises(SQLAlchemyError):
            await desk._done(desk.session.execute(text("SELECT nonsense")))
        with pytest.raises(SQLAlchemyError):
            await greet(office).options(session=desk.session).enqueue(name="ada")
    assert await runs(office) == []


async def _office_at(office: Office, url: str) -> Office:
    from sqlalchemy import create_engine
    from sqlalchemy.ext.asyncio import create_async_engine

    if office.engine is None:
        return Office(office.scheduler, office.kind, None, url)
    plain = url.partition("://")[2]
    address = f"{office.engine.url.drivername}://{plain}"
    make = create_engine if office.kind in ("Session", "Connection") else create_async_engine
    return Office(office.scheduler, office.kind, make(address), url)


async def _disposed(engine: Any) -> None:
    answer = engine.dispose()
    if answer is not None:
        await answer


async def test_what_is_asked_again_is_not_read_or_spelled_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request reads no file, and no statement is made anew for it."""
    read: list[str] = []
    real = statements._read
    monkeypatch.setattr(statements, "_read", lambda folder: read.append(folder) or real(folder))
    spelled = sqlalchemy_transaction._clause.cache_info
    made = []
    for name in ("ada", "bob", "cyd"):
        async with office.desk() as desk:
            await greet(office).options(session=desk.session).enqueue(name=name)
            await desk.commit()
        made.append((len(read), spelled().misses))
    assert made[1:] == made[:1] * 2
    assert await runs(office) == ["cyd", "bob", "ada"]
