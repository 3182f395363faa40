"""Sessions whose statements commit by themselves, or whose commit commits nothing: refused before anything is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from hourbell import Context, InvalidArguments
from sessions.conftest import ASYNC, SESSIONS, Desk, Office
from sessions.test_effects import ended

SOME = ("Session-", "AsyncSession-", "Connection-sqlite", "AsyncConnection-postgresql+asyncpg")


def _engine(office: Office, **options: Any) -> Any:
    make = create_async_engine if office.kind in ASYNC else create_engine
    return make(office.engine.url, **options)


async def _closed(office: Office, engine: Any) -> None:
    done = engine.dispose()
    if office.kind in ASYNC:
        await done


async def _asked(office: Office, session: Any, *, begun: bool = False) -> None:
    desk = Desk(session, office.kind)
    if begun:
        await desk.put("ada")
    with pytest.raises(InvalidArguments, match="AUTOCOMMIT"):
        await office.scheduler._core.tasks.get("greet").options(session=session).enqueue(name="ada")
    await desk.rollback()


@pytest.mark.kinds(*SOME)
@pytest.mark.parametrize("begun", [False, True], ids=["first", "later"])
async def test_an_engine_whose_connections_commit_by_themselves(office: Office, begun: bool) -> None:
    engine = _engine(office, isolation_level="AUTOCOMMIT")
    try:
        if office.kind in ASYNC:
            async with SESSIONS[office.kind](engine) as session:
                await _asked(office, session, begun=begun)
        else:
            with SESSIONS[office.kind](engine) as session:
                await _asked(office, session, begun=begun)
    finally:
        await _closed(office, engine)
    assert not await office.scheduler.list_runs()


@pytest.mark.kinds("Session-sqlite", "AsyncSession-sqlite", "Session-postgresql", "AsyncSession-postgresql+psycopg")
async def test_one_session_that_does(office: Office) -> None:
    options = {"isolation_level": "AUTOCOMMIT"}
    if office.kind in ASYNC:
        async with AsyncSession(office.engine) as session:
            await session.connection(execution_options=options)
            await _asked(office, session)
    else:
        with Session(office.engine) as own:
            own.connection(execution_options=options)
            await _asked(office, own)
    assert not await office.scheduler.list_runs()


@pytest.mark.kinds("Session-sqlite", "AsyncSession-sqlite", "Session-postgresql+psycopg")
async def test_a_driver_that_does(office: Office) -> None:
    asked: dict[str, Any] = {"isolation_level": None} if "sqlite" in office.url else {"autocommit": True}
    engine = _engine(office, connect_args=asked)
    try:
        if office.kind in ASYNC:
            async with AsyncSession(engine) as session:
                await _asked(office, session)
        else:
            with Session(engine) as own:
                await _asked(office, own)
    finally:
        await _closed(office, engine)
    assert not await office.scheduler.list_runs()


@pytest.mark.kinds("Session-sqlite")
async def test_an_application_that_sends_its_own_begin_is_taken(office: Office) -> None:
    engine = create_engine(office.engine.url, connect_args={"isolation_level": None})

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    task = office.scheduler._core.tasks.get("greet")
    with Session(engine) as session:
        await task.options(session=session).enqueue(name="ada")
        session.rollback()
        assert not await office.scheduler.list_runs()
        await task.options(session=session).enqueue(name="bob")
        session.commit()
    engine.dispose()
    assert [run.args for run in await office.scheduler.list_runs()] == [{"name": "bob"}]


@pytest.mark.kinds("Session-sqlite", "Session-postgresql", "AsyncSession-postgresql+asyncpg")
@pytest.mark.parametrize("used", [False, True], ids=["first", "later"])
async def test_a_session_inside_of_a_transaction_of_others_ends_no_run(office: Office, used: bool) -> None:
    async def work(context: Context, _: Desk) -> None:
        if office.kind in ASYNC:
            async with office.engine.connect() as outer, outer.begin(), AsyncSession(bind=outer) as session:
                await effect(context, session)
        else:
            with office.engine.connect() as outer, outer.begin(), Session(bind=outer) as session:
                await effect(context, session)

    async def effect(context: Context, session: Any) -> None:
        desk = Desk(session, office.kind)
        if used:
            await desk._done(session.execute(text("SELECT 1")))
        with pytest.raises(InvalidArguments, match="begun outside of the session"):
            async with context.effect(session):
                await desk.put("ada")
        raise ZeroDivisionError

    run, _ = await ended(office, work)
    assert run.state == "failed"
    assert (run.error or "").startswith("ZeroDivisionError")
    assert await office.users() == []


@pytest.mark.kinds("Session-sqlite", "AsyncSession-postgresql+asyncpg", "Connection-postgresql")
@pytest.mark.parametrize("verb", ["commit", "rollback", "close"])
async def test_a_block_whose_transaction_was_ended_in_it_is_no_success(office: Office, verb: str) -> None:
    async def work(context: Context, desk: Desk) -> None:
        async with context.effect(desk.session):
            await desk.put("ada")
            await desk._done(getattr(desk.session, verb)())

    run, _ = await ended(office, work)
    assert run.state == "failed"
    assert await office.users() == (["ada"] if verb == "commit" else [])


@pytest.mark.kinds("Session-sqlite", "AsyncSession-postgresql+asyncpg")
async def test_a_savepoint_inside_of_the_block_is_none_of_its_business(office: Office) -> None:
    async def work(context: Context, desk: Desk) -> None:
        async with context.effect(desk.session):
            await desk.put("ada")
            point = await desk._done(desk.session.begin_nested())
            await desk.put("bob")
            await desk._done(point.rollback())

    run, _ = await ended(office, work)
    assert run.state == "succeeded"
    assert await office.users() == ["ada"]


@pytest.mark.kinds("Session-sqlite", "AsyncSession-postgresql+asyncpg", "asyncpg-")
async def test_work_that_fails_after_done_does_not_wait_for_its_own_session(office: Office) -> None:
    """The session's block is around that of once, so its locks outlive it: to wait for them is to wait for oneself."""

    async def fails(desk: Desk) -> None:
        async with office.scheduler.once("ada") as first:
            await desk.put("ada")
            await first.done(desk.session)
            raise ZeroDivisionError

    async with office.desk() as desk:
        with pytest.raises(ZeroDivisionError):
            # A lease is 3 s here, and the error came only after that.
            await asyncio.wait_for(fails(desk), 2)
        await desk.rollback()
    assert await office.users() == []
    async with office.scheduler.once("ada") as again:  # once its lease has ended
        assert again
