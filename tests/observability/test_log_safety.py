"""What comes from outside makes no second line in a log, and credentials stand in no line and no answer."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest
from fastapi import FastAPI

from hourbell import Every, HourbellError, Retry, Scheduler
from hourbell.fastapi import TrackingMiddleware, api_router, jobs_router
from hourbell.redaction import redacted, redacted_values

FORGED = "x\nERROR forged: all is lost\r\n\x1b[2J\x00"


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name.startswith("hourbell")]


async def test_no_line_of_ours_is_broken_by_what_comes_from_outside(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    scheduler = Scheduler("memory://", drain=0.2)

    @scheduler.task(name="t", retry=Retry(attempts=2, first=0.01))
    async def task(text: str) -> str:
        raise ValueError(text)

    @scheduler.task(name="huge")
    async def huge() -> object:
        return object()

    app = FastAPI()
    app.add_middleware(TrackingMiddleware)
    app.include_router(api_router(scheduler, allow_anonymous=True))
    app.include_router(jobs_router(scheduler, allow_anonymous=True), prefix="/schedule")
    async with (
        scheduler.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client,
    ):
        run = await task.options(key="k").enqueue(FORGED)
        await scheduler.wait(run, 30)
        await scheduler.wait(await huge.enqueue(), 30)
        await scheduler.add_schedule("t", Every(hours=1), id="s", args={"text": FORGED})
        hostile = "%0AERROR%20forged%1b"
        for path in (f"/schedules/{hostile}", f"/runs/{hostile}", f"/runs?task={hostile}", f"/audit?actor={hostile}"):
            assert (await client.get(path)).status_code in (404, 422)
        for body in ({"id": FORGED, "task": FORGED, "trigger": {"kind": FORGED}}, {"note": FORGED}, [FORGED]):
            for path in ("/schedules", "/schedules/s/pause", "/schedules/s/trigger", "/schedule/jobs"):
                await client.post(path, json=body, headers={"x-request-id": "a b"})
    lines = [record.getMessage() for record in ours(caplog)]
    assert any("ValueError" in line for line in lines), "the failure is told"
    # A stack of our own takes lines; a machine that is busy may find the loop blocked and tell of it so.
    broken = [line for line in lines if not line.isprintable() and not line.startswith("the application's event loop")]
    assert broken == []


async def test_no_credential_stands_in_a_line_or_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    scheduler = Scheduler("postgresql://anna:hunter2@127.0.0.1:1/nowhere", drain=0.2)
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous=True))
    paths = ("/health", "/schedules", "/runs", "/events", "/audit", "/openapi.json")
    async with (
        scheduler.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client,
    ):
        await asyncio.sleep(0)
        answers = [(await client.get(path)).text for path in paths]
        with pytest.raises(HourbellError) as refused:
            await scheduler.list_runs()
    told = [record.getMessage() + str(record.exc_info) for record in caplog.records]
    assert "hunter2" not in "".join([*answers, *told, str(refused.value), repr(scheduler), repr(scheduler.settings)])


@pytest.mark.parametrize(
    "text, shown",
    [
        ("postgresql://anna:hunter2@host/db", "postgresql://anna:***@host/db"),
        ("redis://:hunter2@host", "redis://:***@host"),
        ("see https://a:b@c/d and amqp://e:f@g", "see https://a:***@c/d and amqp://e:***@g"),
        ("https://host:8000/path@x", "https://host:8000/path@x"),
        ("nothing", "nothing"),
    ],
)
def test_passwords_in_addresses_are_hidden(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_what_is_called_a_secret_is_hidden_however_deep() -> None:
    given = {"API-Key": "a", "deep": [{"user_password": {"x": 1}, "n": 1}], "passenger": "b", "tokens": 3}
    assert redacted_values(given) == {
        "API-Key": "***",
        "deep": [{"user_password": "***", "n": 1}],
        "passenger": "b",
        "tokens": "***",
    }
    nested: object = "end"
    for _ in range(500):
        nested = [nested]
    assert str(redacted_values(nested)).count("[") == 40
