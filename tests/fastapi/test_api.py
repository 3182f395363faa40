"""The reading REST API: its shapes, its pages and its refusals, on every store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hourbell import CalendarEvery, Cron, Every, Run, Scheduler
from hourbell.arguments import Arguments
from hourbell.fastapi import api_router
from hourbell.fastapi.schemas import HealthOut
from hourbell.scheduler.health import DatabaseHealth, Health, NodeHealth


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_path')}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def scheduler(database_url: str) -> AsyncIterator[Scheduler]:
    made = Scheduler(database_url, grace=60)

    @made.task(name="send", aliases=["mail"], retry=3)
    async def send(to: str, copies: int = 1) -> None: ...

    async with made:
        yield made


@pytest.fixture
async def client(scheduler: Scheduler) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous="read"), prefix="/hourbell")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/hourbell/") as made:
        yield made


async def asked(client: httpx.AsyncClient, path: str, status: int = 200) -> Any:
    answer = await client.get(path)
    assert answer.status_code == status, f"{path}: {answer.text}"
    kind = "application/json" if status == 200 else "application/problem+json"
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def instant(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


async def test_a_schedule(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    trigger = Cron("0 9 * * mon-fri", timezone="Europe/Berlin")
    stored = await scheduler.add_schedule("send", trigger, id="a/b ü", args={"to": "x"}, overlap="allow", note="n")
    found = await asked(client, "schedules/a%2Fb%20%C3%BC")
    assert set(found) == {
        "id", "task", "trigger", "explain", "args", "policies", "state", "note", "resume_at", "revision",
        "next_fire_at", "last_fire_at", "created_at", "updated_at",
    }  # fmt: skip
    assert found["trigger"] == {
        "kind": "cron",
        "expr": "0 9 * * mon-fri",
        "timezone": "Europe/Berlin",
        "gap": None,
        "fold": None,
    }
    assert (found["id"], found["task"], found["args"], found["state"]) == ("a/b ü", "send", {"to": "x"}, "active")
    assert found["explain"] == trigger.explain()
    assert instant(found["next_fire_at"]) == stored.next_fire_at
    assert found["last_fire_at"] is None
    assert (found["policies"]["grace"], found["policies"]["overlap"]) == (60, "allow")
    assert found["policies"]["retry"]["attempts"] == 3
    assert (await asked(client, "schedules"))["items"] == [found]


async def test_an_interval_shows_what_was_declared(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    await scheduler.add_schedule("send", Every(minutes=5), id="s", args={"to": "x"})
    found = await asked(client, "schedules/s")
    assert found["trigger"] == {"kind": "every", "seconds": 300, "start": None, "end": None}


async def test_a_run(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    (task,) = await scheduler.list_tasks()
    run: Run = await task.options(delay=timedelta(hours=1)).enqueue(to="x")
    found = await asked(client, f"runs/{run.id}")
    assert set(found) == {
        "id", "schedule_id", "task", "args", "state", "reason", "origin", "fire_at", "run_at", "started_at",
        "finished_at", "attempt", "node_id", "error", "result", "tracking_id", "yielded_to", "progress",
        "attempts",
    }  # fmt: skip
    assert (found["id"], found["task"], found["args"], found["origin"]) == (run.id, "send", {"to": "x"}, "enqueue")
    assert (found["state"], found["attempt"], found["result"]) == ("queued", 0, None)
    assert instant(found["run_at"]) == run.run_at
    assert (await asked(client, f"runs/{run.id.upper()}")) == found


async def test_why_it_did_not_run(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    await scheduler.add_schedule("send", Every(hours=1), id="later", args={"to": "ada"})
    assert (await asked(client, "schedules/later/last-due"))["became"] == "none"
    await scheduler.add_schedule("send", Every(seconds=1), id="re/minder", args={"to": "ada"})
    await scheduler.pause_schedule("re/minder", note="broken")
    while (told := await asked(client, "schedules/re/minder/last-due"))["due_at"] is None:  # noqa: ASYNC110 - time passes
        await asyncio.sleep(0.05)
    assert (told["became"], told["run_id"]) == ("passed_over", None)
    assert told["why"].endswith(": broken")
    assert told["do"].startswith("`hourbell schedules resume re/minder`")
    run = await scheduler.trigger_schedule("re/minder")
    assert (await asked(client, f"runs/{run.id}/held-up"))["why"] == "no node is live"
    await scheduler.cancel_run(run.id)
    assert await asked(client, f"runs/{run.id}/held-up") == {"why": None, "do": None}
    assert (await asked(client, "schedules/nobody/last-due", 404))["status"] == 404


async def test_tasks_and_nodes(client: httpx.AsyncClient) -> None:
    (task,) = (await asked(client, "tasks"))["items"]
    assert (task["name"], task["aliases"]) == ("send", ["mail"])
    assert task["arguments"]["required"] == ["to"]
    assert (await asked(client, "nodes")) == {"items": [], "next_cursor": None}


async def test_pages(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    (task,) = await scheduler.list_tasks()
    runs = [(await task.enqueue(to=str(number))).id for number in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await client.get("runs", params=query)).json()
        assert len(page["items"]) <= 2
        seen += [run["id"] for run in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == runs[::-1]


async def test_filters(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    (task,) = await scheduler.list_tasks()
    await task.enqueue(to="x")
    await scheduler.add_schedule(task, Every(hours=1), id="p", args={"to": "x"}, paused=True)
    await scheduler.trigger_schedule("p")
    assert len((await asked(client, "runs?state=queued&task=send"))["items"]) == 2
    assert len((await asked(client, "runs?schedule_id=p"))["items"]) == 1
    assert len((await asked(client, "runs?state=failed"))["items"]) == 0
    assert len((await asked(client, "schedules?state=paused"))["items"]) == 1
    assert len((await asked(client, "schedules?state=active"))["items"]) == 0


REFUSALS = [
    ("schedules/nobody", 404),
    ("schedules/nul%00", 404),
    ("schedules/two%0Alines", 404),
    ("schedules/two%0Alines/preview", 404),
    ("schedules/a%20line%0A", 404),
    ("schedules/" + "x" * 400, 422),
    ("schedules?state=asleep", 422),
    ("schedules?limit=0", 422),
    ("schedules?limit=501", 422),
    ("schedules?limit=many", 422),
    ("schedules?cursor=nul%00", 422),
    ("schedules?text=nul%00", 422),
    ("schedules?sort=color", 422),
    ("schedules?sort=next_fire_at&cursor=a", 422),
    ("runs/nobody/result", 404),
    ("schedules?cursor=" + "x" * 400, 422),
    ("runs/nobody", 404),
    ("runs/nul%00", 404),
    ("runs/01890000-0000-7000-8000-000000000000", 404),
    ("runs?cursor=nobody", 422),
    ("runs?state=asleep", 422),
    ("runs?task=nul%00", 422),
    ("runs?tracking_id=nul%00", 422),
    ("nodes?cursor=nobody", 422),
    ("tasks?cursor=nobody", 422),
]


async def test_refusals_are_problem_documents(client: httpx.AsyncClient) -> None:
    for path, status in REFUSALS:
        found = await asked(client, path, status)
        assert found["status"] == status, path
        assert found["title"], path
        assert found["detail"], path


async def test_an_id_with_a_line_break_behind_it_is_another_id(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    await scheduler.add_schedule("send", Every(hours=1), id="hourly", args={"to": "x"})
    await asked(client, "schedules/hourly")
    assert "printable" in (await asked(client, "schedules/hourly%0A", 404))["detail"]


METHODS = {
    "schedules": "GET, HEAD, POST",
    "schedules/x": "DELETE, GET, HEAD, PATCH",
    "schedules/x/pause": "POST",
    **dict.fromkeys(["runs", "runs/x", "tasks", "nodes", "audit", "health"], "GET, HEAD"),
}


@pytest.mark.parametrize("database_url", ["memory"], indirect=True)
async def test_a_method_that_is_not_taken_is_a_problem_document(client: httpx.AsyncClient) -> None:
    for path, taken in METHODS.items():
        answer = await client.put(path)
        assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json"), path
        assert answer.headers["allow"] == taken
        assert answer.json() == {
            "type": "about:blank",
            "title": "Method Not Allowed",
            "status": 405,
            "detail": f"this address takes {taken} only",
        }


async def test_a_refusal_does_not_advise_in_another_language(client: httpx.AsyncClient) -> None:
    for path in ("schedules/nobody", "runs/01890000-0000-7000-8000-000000000000", "runs/nobody"):
        assert "()" not in (await asked(client, path, 404))["detail"]


async def test_health_tells_each_error_once() -> None:
    scheduler = Scheduler("postgresql://nobody:secret@127.0.0.1:1/nowhere")
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous="read"))
    await scheduler.start()
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            answer = await client.get("/health")
    finally:
        await scheduler.stop()
    assert answer.text.count("cannot be reached") == 1
    assert answer.json()["reasons"] == ["the database does not answer"]
    assert answer.json()["database"]["error"].startswith("PostgreSQL at 127.0.0.1:1 cannot be reached")


async def test_health(client: httpx.AsyncClient) -> None:
    found = await asked(client, "health")
    assert found["status"] == "ok"
    assert found["database"]["ok"] is True
    assert found["node"]["state"] == "none"
    assert found["reasons"] == []


@pytest.mark.parametrize("everything", [True, False], ids=["reader", "stranger"])
def test_what_is_not_well_says_why(everything: bool) -> None:
    well, node = DatabaseHealth(ok=True, kind="sqlite"), NodeHealth(id="n", state="live")
    stuck = replace(node, stuck=("run r of t, attempt 1, since 2030",))
    for health, told in (
        (Health(status="degraded", database=well, node=stuck), "bodies do not end although they were asked to"),
        (Health(status="degraded", database=well, node=node, clock_back=3600.0), "clock has gone back by 3600 s"),
        (Health(status="down", database=replace(well, error="locked"), node=node), "cannot be used as it is"),
    ):
        (reason,) = HealthOut.of(health, everything=everything).reasons
        assert told in reason
        assert ("run r of t" in reason) == (everything and health.node is stuck)


async def test_describes_itself(client: httpx.AsyncClient) -> None:
    described = (await client.get("http://test/openapi.json")).json()
    paths = {path.removeprefix("/hourbell") for path in described["paths"]}
    assert paths == {
        *("/schedules", "/schedules/{id}", "/schedules/{id}/preview", "/runs", "/runs/{id}", "/runs/{id}/logs"),
        *("/schedules/{id}/last-due", "/runs/{id}/held-up"),
        *(f"/schedules/{{id}}/{verb}" for verb in ("pause", "resume", "trigger", "backfill")),
        *("/runs/{id}/result", "/runs/{id}/cancel", "/runs/{id}/retry", "/runs/retry", "/preview"),
        *("/nodes", "/tasks", "/health", "/audit", "/events", "/health/live", "/health/ready"),
    }


def test_utc_is_said_whatever_zone_the_value_has() -> None:
    from hourbell.fastapi.schemas import NodeOut

    berlin = datetime(2030, 1, 1, 1, tzinfo=UTC).astimezone(tz=None)
    times = {"started_at": berlin, "lease_until": berlin}
    node = NodeOut(id="n", host="h", pid=1, **times, running=0, state="live", clock_offset=None)
    assert node.model_dump(mode="json")["started_at"] == "2030-01-01T01:00:00Z"


async def test_a_preview_marks_what_the_clock_does(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    await scheduler.add_schedule("send", Cron("30 2 * * *", "Europe/Berlin"), id="night/ly", args={"to": "x"})
    answer = await asked(client, "schedules/night/ly/preview?count=2&after=2030-03-30T12:00:00Z")
    moved, plain = answer["items"]
    assert (moved["fire_at"], moved["local"], moved["mark"]) == ("2030-03-31T01:00:00Z", "2030-03-31T02:30:00", "moved")
    assert moved["note"] == "moved: 02:30 does not exist on this day"
    assert (plain["fire_at"], plain["mark"], plain["note"]) == ("2030-04-01T00:30:00Z", None, "")
    upcoming = (await asked(client, "schedules/night/ly"))["next_fire_at"]
    first = (await asked(client, "schedules/night/ly/preview"))["items"]
    assert (first[0]["fire_at"], len(first)) == (upcoming, 5)
    assert (await asked(client, "schedules/none/preview", 404))["status"] == 404
    for wrong in ("count=0", "count=501", "after=soon", "after=2030-01-01T00:00:00"):
        await asked(client, f"schedules/night/ly/preview?{wrong}", 422)


async def test_a_preview_tells_what_is_dropped(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    trigger = CalendarEvery(days=1, time="02:30", start_day="2030-01-01", timezone="Europe/Berlin")
    await scheduler.add_schedule("send", trigger, id="s", args={"to": "x"})
    answer = await asked(client, "schedules/s/preview?count=2&after=2030-03-30T00:00:00Z")
    assert [(one["fire_at"], one["mark"]) for one in answer["items"]] == [
        ("2030-03-30T01:30:00Z", None),
        (None, "dropped"),
        ("2030-04-01T00:30:00Z", None),
    ]
    marked = await scheduler.preview_marked("s", 1)
    assert marked[0].fire_at == (await scheduler.get_schedule("s")).next_fire_at
    assert [fire.mark for fire in await scheduler.preview_marked(Cron("30 2 * * *", "Europe/Berlin"), 1)] == [None]


async def test_a_page_of_tasks_costs_that_page(
    scheduler: Scheduler, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each schema is worked out when it is shown."""
    scheduler.task(name="other")(lambda: None)
    asked: list[str] = []
    whole = Arguments.json_schema

    def counted(self: Arguments) -> dict[str, Any]:
        asked.append(self.label)
        return whole(self)

    monkeypatch.setattr(Arguments, "json_schema", counted)
    page = (await client.get("/tasks?limit=1")).json()
    assert page["next_cursor"] is not None
    assert len(asked) == len(page["items"]) == 1
