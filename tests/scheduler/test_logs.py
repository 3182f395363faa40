"""Reading what bodies logged, on each database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hourbell import InvalidArguments, NotFound, Run, Scheduler
from hourbell.fastapi import api_router
from hourbell.model.log_line import LogLine, log_page

AT = datetime(2030, 1, 1, tzinfo=UTC)
NOBODY = "0197a3c5-0b29-71d2-8f1c-63a9c2f4c3d7"


def line(run_id: str, attempt: int, number: int) -> LogLine:
    return LogLine(
        run_id=run_id, attempt=attempt, number=number, logged_at=AT, level=30, logger="app", message=f"line {number}"
    )


@pytest.fixture
async def run(scheduler: Scheduler) -> Run:
    """A run with two attempts, each of which has lost what it said first."""
    task = (await scheduler.list_tasks())[1]
    made = await task.enqueue("ada")
    places = [(1, 3), (1, 4), (2, 2), (2, 3), (2, 4)]
    await scheduler._core.store.add_logs([line(made.id, *place) for place in places])
    return made


async def places(scheduler: Scheduler, run: Run, **wanted: Any) -> list[tuple[int, int]]:
    return [(one.attempt, one.number) for one in await scheduler.list_logs(run.id, **wanted)]


async def test_pages_lead_through_all_attempts(scheduler: Scheduler, run: Run) -> None:
    page = await scheduler.list_logs(run, limit=3)
    assert [one.message for one in page] == ["line 3", "line 4", "line 2"]
    assert (page.dropped, page.next_cursor) == (3, page[-1].cursor)
    rest = await scheduler.list_logs(run, cursor=page.next_cursor, limit=3)
    assert [(one.attempt, one.number) for one in rest] == [(2, 3), (2, 4)]
    assert (rest.dropped, rest.next_cursor) == (0, None)
    assert list(await scheduler.list_logs(run, cursor=rest[-1].cursor)) == []


async def test_one_attempt_alone(scheduler: Scheduler, run: Run) -> None:
    assert await places(scheduler, run, attempt=1) == [(1, 3), (1, 4)]
    assert await places(scheduler, run, attempt=2, limit=2) == [(2, 2), (2, 3)]
    assert await places(scheduler, run, attempt=9) == []


async def test_mistakes_are_told(scheduler: Scheduler, run: Run) -> None:
    for wrong in ({"cursor": "yesterday"}, {"cursor": "1.-1"}, {"attempt": 0}, {"attempt": True}, {"limit": 0}):
        with pytest.raises(InvalidArguments):
            await places(scheduler, run, **wrong)
    for nobody in (NOBODY, "nonsense"):
        with pytest.raises(NotFound):
            await scheduler.list_logs(nobody)


async def test_over_rest(scheduler: Scheduler, run: Run) -> None:
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous="read"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = (await client.get(f"/runs/{run.id}/logs?limit=2")).json()
        assert answer["dropped"] == 2
        assert answer["items"][0] == {
            "attempt": 1,
            "number": 3,
            "logged_at": "2030-01-01T00:00:00Z",
            "level": "WARNING",
            "logger": "app",
            "message": "line 3",
            "cursor": "1.3",
        }
        rest = (await client.get(f"/runs/{run.id}/logs?cursor={answer['next_cursor']}&attempt=2")).json()
        assert [one["number"] for one in rest["items"]] == [2, 3, 4]
        assert (rest["next_cursor"], rest["dropped"]) == (None, 1)
        assert (await client.get(f"/runs/{NOBODY}/logs")).status_code == 404
        assert (await client.get(f"/runs/{run.id}/logs?cursor=x")).status_code == 422
        assert (await client.get(f"/runs/{run.id}")).json()["progress"] is None


def test_what_is_missing_is_counted_once() -> None:
    lines = [line("r", *place) for place in [(1, 1), (1, 2), (1, 5), (3, 2)]]
    assert log_page(lines, (0, 0), 10).dropped == 3
    assert log_page(lines[2:], (1, 2), 10).dropped == 3
    assert log_page(lines[3:], (1, 5), 10).dropped == 1
    assert log_page([], (1, 5), 10).dropped == 0
    page = log_page(lines, (0, 0), 2)
    assert (len(page), page.dropped, page.next_cursor) == (2, 0, "1.2")
