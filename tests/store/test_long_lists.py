"""However rare what a list asks for is, no page reads more than so much of the history, and no run is passed over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from hourbell.model.ids import GREATEST_RUN_ID
from hourbell.model.page import Page
from hourbell.model.run import Run, RunFilter, Settlement
from hourbell.model.run_state import Outcome, RunState
from hourbell.store.scripts import listing
from hourbell.store.statements import load
from store.conftest import Pair
from store.test_crash_points import claim, enqueue, register
from support.plans import COUNTED, MODES, plan_of, rows_read

COUNT = 60
BOTH = pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
FILTERS = {
    "nothing": RunFilter(),
    "what is rare": RunFilter(error="one in thirty"),
    "a state": RunFilter(state=RunState.FAILED),
    "what is rare in a state": RunFilter(state=RunState.FAILED, error="one in thirty"),
    "what is rare in a schedule": RunFilter(schedule_id="tick", error="one in thirty"),
    "a schedule": RunFilter(schedule_id="tick"),
    "what succeeded of a schedule": RunFilter(schedule_id="tick", state=RunState.SUCCEEDED),
    "what is rare in a chain": RunFilter(tracking_id="chain", error="one in thirty"),
    "what nobody has": RunFilter(task="none"),
    "what waits": RunFilter(state=RunState.QUEUED),
    "what waits of a schedule": RunFilter(state=RunState.QUEUED, schedule_id="tick"),
    "what runs": RunFilter(state=RunState.RUNNING),
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten runs for a page at the most."""
    monkeypatch.setattr(listing, "MOST_READ", 10)
    monkeypatch.setattr(listing, "SOON", 4)


async def history(pair: Pair) -> list[Run]:
    """Runs of all kinds; what is oldest of all still waits or runs."""
    await register(pair, "a")
    for number in range(COUNT):
        pair.clock.advance(1)
        of = {"schedule_id": "tick"} if number % 2 else {"tracking_id": "chain"}
        later = {"delay": timedelta(days=1)} if number in (0, 1, 30) else {}
        await enqueue(pair, **of, **later)
    pair.clock.advance(1)
    claimed: list[Run] = []
    while some := await claim(pair, "a", f"c{len(claimed)}"):
        claimed += some
    claimed.sort(key=lambda run: run.id)
    assert len(claimed) == COUNT - 3
    await pair.other.settle("a", [ended(run, number) for number, run in enumerate(claimed) if number > 2])
    pages = [page async for page in walked(pair, RunFilter(limit=1_000))]
    assert len(pages) == 1
    return list(pages[0].items)


def ended(run: Run, number: int) -> Settlement:
    if number % 3:
        return Settlement(run_id=run.id, attempt=1, state=RunState.SUCCEEDED, outcome=Outcome.SUCCEEDED)
    error = "one in thirty" if number % 30 == 3 else "another"
    return Settlement(run_id=run.id, attempt=1, state=RunState.FAILED, outcome=Outcome.FAILED, error=error)


async def walked(pair: Pair, wanted: RunFilter) -> Any:
    while True:
        page: Page[Run] = await pair.other.list_runs(wanted)
        yield page
        if page.next_cursor is None:
            return
        assert wanted.cursor is None or page.next_cursor < wanted.cursor, "each page comes further"
        wanted = replace(wanted, cursor=page.next_cursor)


def fits(run: Run, wanted: RunFilter) -> bool:
    names = ("schedule_id", "task", "state", "tracking_id")
    same = all(getattr(wanted, name) in (None, getattr(run, name)) for name in names)
    return same and (wanted.error is None or wanted.error in (run.error or ""))


@BOTH
@pytest.mark.usefixtures("small")
async def test_page_after_page_has_every_run_once(pair: Pair) -> None:
    everything = await history(pair)
    assert len(everything) == COUNT
    for name, wanted in FILTERS.items():
        for limit in (1, 3, 7, 100):
            pages = [page async for page in walked(pair, replace(wanted, limit=limit))]
            found = [run.id for page in pages for run in page.items]
            assert found == [run.id for run in everything if fits(run, wanted)], (name, limit)
            assert all(len(page.items) <= limit for page in pages)


async def test_a_page_reads_so_much_of_a_long_history_and_no_more(postgres_url: str) -> None:
    """Whichever plan is made: one for these values, or one for all."""
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute(
            """INSERT INTO hourbell.runs (id, schedule_id, tracking_id, task, args, state, origin, queue, priority,
                                          on_lost, lost_limit, created_at, run_at, finished_at, error)
               SELECT gen_random_uuid(), 's', 'c', 't', '{}', CASE WHEN n % 2 = 0 THEN 'failed' ELSE 'succeeded' END,
                      'fire', 'default', 0, 'retry', 5, now(), now(), now(), 'e'
               FROM generate_series(1, 20000) n"""
        )
        await connection.execute("VACUUM ANALYZE hourbell.runs")
        await connection.execute("SET enable_seqscan = off")
        for name, given in {
            "runs.list": {"task": "none"},
            "runs.list_aside": {"state": "failed", "task": "none"},
            "runs.list_of_schedule": {"schedule_id": "s", "task": "none"},
            "runs.list_tracked": {"tracking_id": "c", "task": "none"},
            "runs.list_queued": {"state": "queued", "task": "none"},
            "runs.list_running": {"state": "running", "task": "none"},
        }.items():
            asked = {"cursor": GREATEST_RUN_ID, "most": 500, "limit": 51, **given}
            for mode in MODES:
                plan = await plan_of(connection, load("postgres", "hourbell")[name], asked, mode=mode, options=COUNTED)
                assert rows_read(plan) <= 2 * 500, (name, mode)
    finally:
        await connection.close()


@BOTH
@pytest.mark.usefixtures("small")
async def test_what_is_new_between_two_pages_moves_nothing(pair: Pair) -> None:
    everything = await history(pair)
    wanted = RunFilter(error="one in thirty", limit=1)
    found: list[str] = []
    async for page in walked(pair, wanted):
        found += [run.id for run in page.items]
        await asyncio.gather(*(enqueue(pair) for _ in range(3)))
    assert found == [run.id for run in everything if fits(run, wanted)]
