"""Work and the word that it is done, in one transaction of the application's: both or neither."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from hourbell import HourbellError, InvalidArguments, LeaseLost
from sessions.conftest import Desk, Office


async def write(office: Office, name: str, desk: Desk) -> bool:
    """The work: a user, written once."""
    async with office.scheduler.once("ada", wait=0) as first:
        if first:
            await desk.put(name)
            first.keep(name)
            await first.done(desk.session)
            await desk.commit()
    assert first.result in ("ada", "bob")
    return bool(first)


@pytest.mark.frontdoor
async def test_work_and_word_are_one_commit(office: Office) -> None:
    async with office.desk() as desk:
        assert await write(office, "ada", desk)
    async with office.desk() as desk:
        assert not await write(office, "bob", desk)
    assert await office.users() == ["ada"]


@pytest.mark.kinds("Session-", "AsyncSession-", "asyncpg-")
async def test_what_is_rolled_back_was_not_done(office: Office) -> None:
    async def fails(desk: Desk) -> None:
        async with office.scheduler.once("ada") as first:
            await desk.put("ada")
            await first.done(desk.session)
            await desk.rollback()
            raise ZeroDivisionError

    async with office.desk() as desk:
        with pytest.raises(ZeroDivisionError):
            await fails(desk)
    async with office.desk() as desk:
        assert await write(office, "bob", desk)
    assert await office.users() == ["bob"]


@pytest.mark.kinds("AsyncSession-postgresql+asyncpg", "Session-sqlite")
async def test_without_the_commit_the_block_says_so(office: Office) -> None:
    async def forgets(desk: Desk, key: str) -> None:
        async with office.scheduler.once(key) as first:
            await desk.put("ada")
            await first.done(desk.session)
            await desk.rollback()

    async with office.desk() as desk:
        with pytest.raises(HourbellError, match="was not committed inside the block"):
            await forgets(desk, "ada")
    with pytest.raises(HourbellError, match="only whoever does the work"):
        await office.scheduler.once("x").done(None)


@pytest.mark.kinds("AsyncSession-", "asyncpg-")
async def test_who_was_replaced_commits_nothing(office: Office) -> None:
    async def replaced(desk: Desk) -> None:
        async with office.scheduler.once("ada") as first:
            await take_over(office)
            await desk.put("ada")
            await first.done(desk.session)
            await desk.commit()

    async with office.desk() as desk:
        with pytest.raises(LeaseLost):
            await replaced(desk)
        await desk.rollback()
    assert await office.users() == []


async def take_over(office: Office) -> None:
    """What another one's taking does to the row."""
    if office.kind == "asyncpg":
        async with office.desk(begin=False) as desk:
            await desk.session.execute("UPDATE hourbell.guards SET owner = 'other', fence = fence + 1")
        return
    table = "hourbell.guards" if office.url.startswith("postgres") else "guards"
    async with office.engine.begin() as one:
        await one.execute(text(f"UPDATE {table} SET owner = 'other', fence = fence + 1"))


@pytest.mark.kinds("AsyncSession-postgresql+asyncpg", "asyncpg-")
async def test_an_open_transaction_delays_no_renewal_of_others(office: Office) -> None:
    """A renewal of the locked row would wait for the commit, and whatever else is renewed with it."""
    lock, once = office.scheduler.lock("other"), office.scheduler.once("ada")
    async with lock, office.desk() as desk, once as first:
        await desk.put("ada")
        await first.done(desk.session)
        await asyncio.sleep(3.5)  # longer than the lease
        assert not lock.lost
        await desk.commit()
    assert await office.users() == ["ada"]


@pytest.mark.kinds("Session-", "Connection-sqlite")
async def test_without_await(office: Office) -> None:
    def work(name: str) -> bool:
        with office.scheduler.once("ada") as first, office.engine.connect() as session:
            if first:
                session.execute(text("INSERT INTO users (name) VALUES (:name)"), {"name": name})
                first.done_sync(session)
                session.commit()
        return bool(first)

    assert await asyncio.to_thread(work, "ada")
    assert not await asyncio.to_thread(work, "bob")
    assert await office.users() == ["ada"]


@pytest.mark.kinds("asyncpg-")
async def test_what_must_be_awaited_says_so(office: Office) -> None:
    async def work(desk: Any) -> None:
        async with office.scheduler.once("ada") as first:
            first.done_sync(desk.session)

    async with office.desk() as desk:
        with pytest.raises(InvalidArguments, match="has to be awaited"):
            await work(desk)
