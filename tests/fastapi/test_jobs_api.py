"""The API of articles about APScheduler: its answers, its refusals, and what is behind it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hourbell import At, Every, Scheduler
from hourbell.fastapi import jobs_router


@pytest.fixture
async def scheduler() -> AsyncIterator[Scheduler]:
    made = Scheduler("memory://")

    @made.task(name="report", aliases=["old_report"])
    async def send_report(to: str = "all") -> None: ...

    @made.task
    def clean_up() -> None: ...

    made.task(name="one")(twice)
    made.task(name="two")(twice)
    async with made:
        yield made


def twice() -> None: ...


@pytest.fixture
async def client(scheduler: Scheduler) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(jobs_router(scheduler, allow_anonymous=True), prefix="/schedule")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as made:
        yield made


def job(**given: Any) -> dict[str, Any]:
    return {"func": "report", "trigger": "cron", "trigger_args": {"hour": 9}, "name": "daily", **given}


async def added(client: httpx.AsyncClient, **given: Any) -> dict[str, Any]:
    answer = await client.post("/schedule/jobs", json=job(**given))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_from_its_beginning_to_its_end(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    made = await added(client, jobstore="default")
    assert set(made) == {"id", "name", "next_run_time"}
    assert made["name"] == "daily"
    upcoming = datetime.fromisoformat(made["next_run_time"])
    assert (upcoming.hour, upcoming.minute, upcoming.utcoffset()) == (9, 0, timedelta(0))
    address = f"/schedule/jobs/{made['id']}"
    assert (await client.get("/schedule/jobs")).json() == [made]
    assert (await client.post(f"{address}/pause")).json() == {"status": "paused"}
    assert (await client.get("/schedule/jobs")).json() == [{**made, "next_run_time": None}]
    assert (await scheduler.get_schedule(made["id"])).state == "paused"
    assert (await client.post(f"{address}/resume")).json() == {"status": "resumed"}
    assert (await client.get("/schedule/jobs")).json() == [made]
    assert (await client.delete(address)).json() == {"status": "deleted"}
    assert (await client.get("/schedule/jobs")).json() == []
    for answer in (
        await client.delete(address),
        await client.post(f"{address}/pause"),
        await client.post(f"{address}/resume"),
    ):
        assert answer.status_code == 404
        assert answer.json()["detail"]


async def test_each_is_a_job_of_its_own_though_they_have_one_name(client: httpx.AsyncClient) -> None:
    made = [await added(client) for _ in range(3)]
    assert len({one["id"] for one in made}) == 3
    assert sorted((await client.get("/schedule/jobs")).json(), key=str) == sorted(made, key=str)


@pytest.mark.parametrize(
    "name", ["a", "Tägliche Übersicht / für A~Z % 100", "x~0123456789ab", "..a", "日報", "a+b&c?d#e"]
)
async def test_any_name_comes_back_as_it_was(client: httpx.AsyncClient, name: str) -> None:
    made = await added(client, name=name)
    assert made["name"] == name
    assert httpx.URL("http://x/" + made["id"]).raw_path.decode() == "/" + made["id"]  # as it stands, in an address
    assert (await client.post(f"/schedule/jobs/{made['id']}/pause")).json() == {"status": "paused"}


async def test_without_a_name_it_is_called_as_its_task(client: httpx.AsyncClient) -> None:
    assert (await added(client, name=None))["name"] == "report"
    assert (await added(client, name=None, func=f"{__name__}.scheduler.<locals>.clean_up"))[
        "name"
    ] == "scheduler.<locals>.clean_up"


@pytest.mark.parametrize(
    "func",
    [
        "report",
        "old_report",
        f"{__name__}:scheduler.<locals>.send_report",
        f"{__name__}.scheduler.<locals>.send_report",
    ],
)
async def test_a_task_is_named_or_its_function_is(scheduler: Scheduler, client: httpx.AsyncClient, func: str) -> None:
    made = await added(client, func=func)
    assert (await scheduler.get_schedule(made["id"])).task == "report"


async def test_arguments_reach_the_schedule(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    made = await added(client, kwargs={"to": "x"}, trigger="interval", trigger_args={"hours": 1, "jitter": 30})
    stored = await scheduler.get_schedule(made["id"])
    assert stored.args == {"to": "x"}
    assert stored.effective.jitter == timedelta(seconds=30)
    assert stored.trigger.declared_spec() == Every(hours=1).declared_spec()


async def test_what_a_func_names_is_never_imported(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "canary_of_jobs.py").write_text("raise SystemExit('imported')\ndef sing(): ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for func in ("canary_of_jobs:sing", "canary_of_jobs.sing", "os:system", "os.system", "builtins:exec"):
        assert (await client.post("/schedule/jobs", json=job(func=func))).status_code == 400
    assert "canary_of_jobs" not in sys.modules


WRONG: list[dict[str, Any]] = [
    {"func": "nobody"},
    {"func": "nobody:send"},
    {"func": f"{__name__}:twice"},
    {"trigger": "sometimes"},
    {"trigger_args": {"hour": 99}},
    {"trigger_args": {"hours": 9}},
    {"trigger": "interval", "trigger_args": {}},
    {"trigger": "interval", "trigger_args": {"minutes": 5, "jitter": -1}},
    {"trigger": "date", "trigger_args": {"run_date": "soon"}},
    {"name": ""},
    {"name": "a\nb"},
    {"name": "\x00"},
    {"name": "ä" * 100},
    {"kwargs": {"nobody": 1}},
    {"kwargs": {"to": 3}},
]


@pytest.mark.parametrize("given", WRONG, ids=str)
async def test_what_is_wrong_is_400_and_says_why(client: httpx.AsyncClient, given: dict[str, Any]) -> None:
    answer = await client.post("/schedule/jobs", json=job(**given))
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert (await client.get("/schedule/jobs")).json() == []


@pytest.mark.parametrize("body", [{}, {"func": "report"}, {"func": 3, "trigger": "cron"}, {"func": "x" * 999}, [], "x"])
async def test_what_is_no_job_at_all_is_422(client: httpx.AsyncClient, body: Any) -> None:
    assert (await client.post("/schedule/jobs", json=body)).status_code == 422


async def test_the_name_of_two_tasks_made_of_one_function_decides(
    scheduler: Scheduler, client: httpx.AsyncClient
) -> None:
    assert (await scheduler.get_schedule((await added(client, func="two"))["id"])).task == "two"
    answer = await client.post("/schedule/jobs", json=job(func=f"{__name__}.twice"))
    assert "'one', 'two'" in answer.json()["detail"]


async def test_schedules_made_elsewhere_are_jobs_and_the_finished_are_not(
    scheduler: Scheduler, client: httpx.AsyncClient
) -> None:
    await scheduler.add_schedule("report", Every(hours=1), id="team/report ü")
    past = scheduler.clock.now() - timedelta(hours=1)
    over = await scheduler.add_schedule("report", Every(hours=1, start=past, end=past), id="over")
    assert over.state == "finished"
    (found,) = (await client.get("/schedule/jobs")).json()
    assert (found["id"], found["name"]) == ("team/report ü", "team/report ü")
    assert (await client.post("/schedule/jobs/team/report%20%C3%BC/pause")).status_code == 200
    assert (await client.post("/schedule/jobs/over/pause")).status_code == 404
    assert (await client.post("/schedule/jobs/over/resume")).status_code == 404
    assert (await client.delete("/schedule/jobs/over")).json() == {"status": "deleted"}


async def test_a_long_list_says_where_it_goes_on(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    names = [f"s {number}&" for number in range(5)]
    for name in names:
        await scheduler.add_schedule("report", Every(hours=1), id=name)
    seen: list[str] = []
    address = "/schedule/jobs?limit=2"
    while True:
        answer = await client.get(address)
        assert len(answer.json()) <= 2
        seen += [one["id"] for one in answer.json()]
        if "next" not in answer.links:
            break
        address = answer.links["next"]["url"]
    assert seen == names


async def test_a_date_that_has_passed_is_still_owed(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    made = await added(client, trigger="date", trigger_args={"run_date": "2001-01-01T00:00:00Z"})
    assert made["next_run_time"] == "2001-01-01T00:00:00Z"
    assert isinstance((await scheduler.get_schedule(made["id"])).trigger, At)


async def test_it_is_closed_unless_it_is_opened(scheduler: Scheduler) -> None:
    async def reader() -> set[str]:
        return {"read"}

    app = FastAPI()
    app.include_router(jobs_router(scheduler), prefix="/closed")
    app.include_router(jobs_router(scheduler, allow_anonymous="read"), prefix="/open")
    app.include_router(jobs_router(scheduler, authorize=reader), prefix="/reader")
    await scheduler.add_schedule("report", Every(hours=1), id="s")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert (await client.get("/closed/jobs")).status_code == 403
        for prefix in ("/closed", "/open", "/reader"):
            assert (await client.post(f"{prefix}/jobs", json=job())).status_code == 403
            assert (await client.post(f"{prefix}/jobs/s/pause")).status_code == 403
            assert (await client.post(f"{prefix}/jobs/s/resume")).status_code == 403
            assert (await client.delete(f"{prefix}/jobs/s")).status_code == 403
        for prefix in ("/open", "/reader"):
            assert len((await client.get(f"{prefix}/jobs")).json()) == 1
    assert (await scheduler.get_schedule("s")).state == "active"


@pytest.mark.parametrize("path, allowed", [("/jobs", "GET, HEAD, POST"), ("/jobs/a/b", "DELETE")])
async def test_another_method_is_told_all_that_there_are(client: httpx.AsyncClient, path: str, allowed: str) -> None:
    answer = await client.put(f"/schedule{path}")
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
