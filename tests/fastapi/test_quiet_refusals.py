"""While the database is away each request is refused, and the log says so once, not as often as it is asked."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from engine.faulty_store import FaultyStore
from hourbell import Scheduler
from hourbell.clock import SystemClock
from hourbell.errors import HourbellError, MigrationNeeded, StoreMisconfigured, StoreUnavailable
from hourbell.fastapi import api_router
from hourbell.store.memory import MemoryStore


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore(MemoryStore(SystemClock()))


@pytest.fixture
async def client(store: FaultyStore) -> AsyncIterator[httpx.AsyncClient]:
    app, scheduler = FastAPI(), Scheduler(store)
    app.include_router(api_router(scheduler, allow_anonymous=True))
    async with scheduler, httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.mark.parametrize(
    "error, level, retry_after",
    [
        (StoreUnavailable("the host db.internal is away"), logging.WARNING, "1"),
        (StoreMisconfigured("the role anna lacks a right"), logging.ERROR, None),
        (MigrationNeeded("run `hourbell migrate`"), logging.ERROR, None),
    ],
)
async def test_a_hundred_refusals_are_one_line(
    client: httpx.AsyncClient,
    store: FaultyStore,
    caplog: pytest.LogCaptureFixture,
    error: HourbellError,
    level: int,
    retry_after: str | None,
) -> None:
    store.faults.before("list_runs", error, times=100)
    for _ in range(100):
        answer = await client.get("/runs")
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, retry_after)
        assert str(error) not in answer.text, "who asks is not told of the inside"
    (record,) = [one for one in caplog.records if one.levelno > logging.INFO]
    assert (record.levelno, record.exc_info) == (level, None)
    assert str(error) in record.getMessage()
    assert (await client.get("/runs")).status_code == 200


async def test_another_reason_is_said(
    client: httpx.AsyncClient, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    for error in (StoreUnavailable("away"), StoreMisconfigured("no right"), StoreUnavailable("away again")):
        store.faults.before("list_runs", error)
        await client.get("/runs")
    assert len([one for one in caplog.records if one.levelno > logging.INFO]) == 3
