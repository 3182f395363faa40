"""Schedules that are locked a moment before they are due, and recorded in that moment and never before."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import asyncpg
import pytest

from hourbell.clock import ManualClock, SystemClock
from hourbell.engine.plans import Plans
from hourbell.model.node import NewNode
from hourbell.model.offer import Offer
from hourbell.model.plan import LONGEST_HOLD, FiringReport
from hourbell.model.schedule import Declaration, Source
from hourbell.store import sql_store
from hourbell.store.memory import MemoryStore
from hourbell.store.postgres import PostgresStore, pool
from hourbell.store.postgres.present import Present
from hourbell.store.sqlite import SqliteStore
from hourbell.triggers import Every

LEASE = timedelta(seconds=15)
SOON = LONGEST_HOLD * 0.75
LOOK = "SELECT clock_timestamp() AS now_at, count(*) AS runs, min(created_at) AS created_at FROM hourbell.runs"


class Tower:
    """A store with a live node, a schedule that is due at a known instant, and a connection that looks on."""

    def __init__(self, url: str, looking: Any) -> None:
        self.store = PostgresStore(url)
        self.clock: Any = self.store._clock
        self.looking = looking
        self.claims = 0
        self.plan = Plans(LEASE, None)

    async def __aenter__(self) -> Self:
        await self.store.open()
        await self.store.register_node(NewNode(id="a", host="h", pid=1, lease=LEASE, version="1"))
        # The first fire of a session takes longer than the moment that there is here.
        await self.schedule("first", await self.now() - timedelta(seconds=1))
        assert (await self.fire()).taken
        await looked(self.looking)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.store.close()

    async def now(self) -> datetime:
        now: datetime = await self.looking.fetchval("SELECT clock_timestamp()")
        return now

    async def schedule(self, name: str, due: datetime, **policies: Any) -> datetime:
        """One that is due then, and next a day later."""
        trigger = Every(days=1, start=due)
        given = Declaration(
            id=name,
            task="ring",
            trigger=trigger,
            args={},
            policies=policies,
            inherited={},
            source=Source.CALL,
            digest="1",
        )
        await self.store.add_schedule(given, "error")
        await self.looking.execute("UPDATE hourbell.schedules SET next_fire_at = $1 WHERE id = $2", due, name)
        return due

    async def fire(self, until: datetime | None = None, *, offers: bool = True, room: int = 10) -> FiringReport:
        self.claims += 1
        offer = Offer("a", f"claim-{self.claims}", [(["ring"], room)]) if offers else None
        return await self.store.fire_due(10, self.plan, (), offer, until)

    async def fire_ahead(
        self, name: str = "bell", *, twin: bool = False, room: int = 10, **policies: Any
    ) -> tuple[datetime, FiringReport]:
        """Ask while there is a moment left: until it comes out so on this machine."""
        for attempt in range(20):
            due = await self.schedule(f"{name}-{attempt}", await self.now() + LONGEST_HOLD * 5, **policies)
            if twin:
                await self.schedule(f"{name}-{attempt}-twin", due, **policies)
            await asyncio.sleep((due - await self.now() - SOON).total_seconds())
            report = await self.fire(due, room=room)
            if report.now < due:
                return due, report
        raise AssertionError("never was there a moment left")


async def looked(looking: Any) -> tuple[datetime, int]:
    row = await looking.fetchrow(LOOK)
    return row["now_at"], row["runs"]


@pytest.fixture
async def tower(postgres_url: str) -> AsyncIterator[Tower]:
    looking = await asyncpg.connect(postgres_url)
    try:
        async with Tower(postgres_url, looking) as tower:
            yield tower
    finally:
        await looking.close()


@pytest.mark.parametrize("wrong", [0, 3_600, -3_600], ids=["right", "ahead", "behind"])
async def test_it_is_recorded_when_it_is_due_and_not_before_whatever_the_nodes_clock_says(
    tower: Tower, postgres_url: str, wrong: int
) -> None:
    tower.clock.observe(await tower.now() + timedelta(seconds=wrong))
    seen: list[tuple[datetime, int]] = []
    watcher = await asyncpg.connect(postgres_url)

    async def watch() -> None:
        while True:
            seen.append(await looked(watcher))

    watching = asyncio.create_task(watch())
    try:
        due, report = await tower.fire_ahead()
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        watcher.terminate()
    assert await tower.now() >= due
    # What was recorded for attempts that came too late was due as well; the last schedule is the one that was held.
    before = max(runs for at, runs in seen if at < report.now)
    early = [at for at, runs in seen if at < due and runs > before]
    assert not early, f"recorded {due - early[0]} before it was due"
    (run,) = report.taken
    assert (report.until, report.passed, report.locked) == (due, 0, 1)
    assert (run.fire_at, run.created_at, run.attempt) == (due, due, 1)
    stored = await tower.store.get_run(run.id)
    assert (stored.created_at, stored.state, stored.node_id) == (run.created_at, run.state, "a")
    assert timedelta(0) <= tower.clock.now() - due, "its own clock must not call it early either"
    assert tower.clock.now() <= await tower.now()


async def test_meanwhile_others_pass_over_it_and_are_kept_waiting_by_nothing_else(tower: Tower) -> None:
    other = tower.store.twin()
    await other.open()
    try:
        for attempt in range(20):
            due = await tower.schedule(f"bell-{attempt}", await tower.now() + LONGEST_HOLD * 5)
            await asyncio.sleep((due - await tower.now() - SOON).total_seconds())
            firing = asyncio.ensure_future(tower.fire(due))
            await asyncio.sleep(0.005)
            passed_over = await other.fire_due(10, tower.plan, (), None, due)
            report = await firing
            # On a busy machine the one that began later may have locked first.
            if report.taken and report.now < passed_over.now < due:
                break
        assert report.now < passed_over.now < due, "never was there a moment left"
        assert passed_over.locked == 0
        assert len(report.taken) == 1
    finally:
        await other.close()


async def test_what_stands_in_its_way_a_moment_before_is_judged_when_it_is_due(tower: Tower) -> None:
    due = await tower.schedule("bell", await tower.now() - timedelta(seconds=1))
    (running,) = (await tower.fire()).taken
    for _ in range(20):
        due = await tower.now() + LONGEST_HOLD * 5
        await tower.looking.execute("UPDATE hourbell.schedules SET next_fire_at = $1 WHERE id = 'bell'", due)
        await asyncio.sleep((due - await tower.now() - SOON).total_seconds())
        report = await tower.fire(due)
        if report.now < due:
            break
        await tower.looking.execute("DELETE FROM hourbell.runs WHERE fire_at >= $1", due)
    assert (report.locked, report.passed, report.taken, report.skipped, report.until) == (1, 1, (), (), None)
    assert (await tower.store.get_schedule("bell")).next_fire_at == due
    await tower.looking.execute(
        "UPDATE hourbell.runs SET state = 'succeeded', finished_at = now() WHERE id = $1", running.id
    )
    await asyncio.sleep((due - await tower.now()).total_seconds() + 0.001)
    assert [run.fire_at for run in (await tower.fire()).taken] == [due]


async def test_of_what_is_ready_nothing_is_recorded_but_what_the_node_takes(tower: Tower) -> None:
    due, report = await tower.fire_ahead(twin=True, room=1)
    assert (report.locked, len(report.taken), len(report.fired), report.passed) == (2, 1, 0, 1)
    (other,) = (await tower.fire()).taken
    assert other.fire_at == due


async def test_who_could_not_start_it_does_not_hold_it(tower: Tower) -> None:
    due = await tower.schedule("bell", await tower.now() + SOON)
    report = await tower.fire(due, offers=False)
    assert report.until is None
    assert len(report.fired) == report.locked - report.passed


async def test_what_is_due_later_than_in_a_moment_is_not_locked(tower: Tower) -> None:
    due = await tower.schedule("bell", await tower.now() + timedelta(minutes=1))
    began = asyncio.get_running_loop().time()
    assert (await tower.fire(due)).locked == 0
    assert asyncio.get_running_loop().time() - began < 30


async def test_a_hold_that_is_broken_off_has_recorded_nothing_and_keeps_nothing_locked(tower: Tower) -> None:
    due = await tower.schedule("bell", await tower.now() + timedelta(minutes=1))
    waiting = asyncio.Event()
    database: Any = tower.store._postgres
    in_transaction = database._in_transaction

    async def longer(connection: Any, begin: Any, bounds: Any, hold: Any) -> Any:
        def held(report: Any) -> Any:
            waiting.set()
            return report.now, report.now + timedelta(minutes=1)

        return await in_transaction(connection, begin, bounds, held)

    await tower.looking.execute("UPDATE hourbell.schedules SET next_fire_at = now() WHERE id = 'bell'")
    due = (await tower.store.get_schedule("bell")).next_fire_at or due
    database._in_transaction = longer
    firing = asyncio.ensure_future(tower.fire())
    await asyncio.wait_for(waiting.wait(), 20)
    firing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await firing
    database._in_transaction = in_transaction
    assert (await looked(tower.looking))[1] == 1, "only the run of the beginning"
    assert [run.fire_at for run in (await tower.fire()).taken] == [due]


async def test_where_nobody_could_wait_nothing_is_held(postgres_url: str, tmp_path: Any) -> None:
    clock = ManualClock(datetime.now(UTC))
    assert PostgresStore(postgres_url, SystemClock()).can_hold
    for store in (PostgresStore(postgres_url, clock), MemoryStore(clock), SqliteStore(str(tmp_path / "bells.db"))):
        assert not store.can_hold


async def test_a_batch_beside_waits_for_no_other(tower: Tower, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a session: what one has locked is passed over by the other, which commits before it."""
    holding, going = asyncio.Event(), asyncio.Event()

    async def wait(*_: object) -> None:
        holding.set()
        await going.wait()

    monkeypatch.setattr(Present, "wait", wait)
    monkeypatch.setattr(sql_store, "_hold", lambda _: None if holding.is_set() else ("one instant", "another"))
    await tower.schedule("held", await tower.now() - timedelta(seconds=1))
    held = asyncio.ensure_future(tower.fire())
    await asyncio.wait_for(holding.wait(), 20)
    await tower.schedule("other", await tower.now() - timedelta(seconds=1))
    offer = Offer("a", "beside", [(["ring"], 10)])
    report = await asyncio.wait_for(tower.store.fire_due(10, tower.plan, (), offer, beside=True), 20)
    assert [run.schedule_id for run in report.taken] == ["other"]
    assert not held.done()
    going.set()
    assert [run.schedule_id for run in (await held).taken] == ["held"]


async def test_the_session_of_a_batch_beside_is_there_when_it_was_asked_for_and_gone_when_nobody_wants_it(
    tower: Tower, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, sessions = tower.store._connections.connect, "SELECT pid FROM pg_stat_activity WHERE application_name = 'b'"

    async def noted(*args: Any) -> Any:
        connection = await opened(*args)
        await connection.execute("SET application_name = 'b'")
        return connection

    monkeypatch.setattr(tower.store._connections, "connect", noted)
    monkeypatch.setattr(pool, "LIFETIME", 0.5)
    assert (await tower.store.fire_due(0, tower.plan, beside=True)).locked == 0
    (session,) = await tower.looking.fetch(sessions)
    prepared = await _statements(tower.store)
    assert {"firing.lock", "overlap.count", "firing.record"} <= prepared, "it is ready for all that a fire asks"
    await tower.schedule("bell", await tower.now() - timedelta(seconds=1))
    offer = Offer("a", "beside", [(["ring"], 10)])
    report = await tower.store.fire_due(10, tower.plan, (), offer, beside=True)
    assert [run.schedule_id for run in report.taken] == ["bell"]
    for _ in range(400):
        if not await tower.looking.fetch(sessions):
            break
        await asyncio.sleep(0.05)
    assert await tower.looking.fetch(sessions) == [], "nobody wants it any more"
    await tower.schedule("again", await tower.now() - timedelta(seconds=1))
    offer = Offer("a", "beside again", [(["ring"], 10)])
    report = await tower.store.fire_due(10, tower.plan, (), offer, beside=True)
    assert [run.schedule_id for run in report.taken] == ["again"]
    assert await tower.looking.fetch(sessions) != [session]


async def _statements(store: PostgresStore) -> set[str]:
    """Which statements the session beside has prepared."""
    async with store._connections.of("fire_beside") as connection:
        texts = {row["statement"] for row in await connection.fetch("SELECT statement FROM pg_prepared_statements")}
    return {name for name, statement in store._named.items() if statement.text in texts}
