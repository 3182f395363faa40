"""The writing REST API: what each verb answers, and how it refuses, on every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hourbell import Every, Scheduler
from hourbell.fastapi import api_router
from hourbell.fastapi.inputs import PoliciesIn
from hourbell.model.policies import OF_TASKS, POLICY_NAMES

DAILY = {"kind": "cron", "expr": "0 9 * * *", "timezone": "Europe/Berlin"}
HOURLY = {"kind": "every", "seconds": 3600}


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_path')}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def scheduler(database_url: str) -> AsyncIterator[Scheduler]:
    made = Scheduler(database_url)

    @made.task(name="send", priority=3)
    async def send(to: str, copies: int = 1, on: dict[str, int] | None = None) -> None: ...

    async with made:
        yield made


@pytest.fixture
async def client(scheduler: Scheduler) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous=True), prefix="/hourbell")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/hourbell/") as made:
        yield made


async def asked(
    client: httpx.AsyncClient, method: str, path: str, body: Any = None, status: int = 200, **headers: str
) -> Any:
    options: dict[str, Any] = {} if body is None else {"json": body}
    answer = await client.request(method, path, headers=headers, **options)
    assert answer.status_code == status, answer.text
    kind = "application/json" if status < 300 else "application/problem+json"
    assert answer.headers["content-type"] == kind
    return answer.json()


def misfits(found: Any) -> set[str]:
    return {one.get("pointer", one.get("parameter")) for one in found["errors"]}


async def test_a_schedule_is_made_read_changed_and_removed(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    body = {
        "task": "send", "trigger": DAILY, "id": "a/b ü", "args": {"to": "x"},
        "policies": {"overlap": "allow", "grace": 60, "retry": {"attempts": 2}}, "note": "why",
    }  # fmt: skip
    answer = await client.post("schedules", json=body)
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == "/hourbell/schedules/a%2Fb%20%C3%BC"
    assert answer.headers["etag"] == f'"{made["revision"]}"'
    assert (made["id"], made["task"], made["args"], made["note"]) == ("a/b ü", "send", {"to": "x"}, "why")
    policies = {name: made["policies"][name] for name in ("overlap", "grace", "priority")}
    assert (policies, made["policies"]["retry"]["attempts"]) == ({"overlap": "allow", "grace": 60, "priority": 3}, 2)
    read = await client.get(f"http://test{answer.headers['location']}")
    assert (read.json(), read.headers["etag"]) == (made, answer.headers["etag"])

    changed = await asked(client, "PATCH", "schedules/a/b ü", {"args": {"to": "y"}, "policies": {"priority": 7}})
    assert (changed["args"], changed["policies"]["priority"], changed["trigger"]) == ({"to": "y"}, 7, made["trigger"])
    assert changed["policies"]["overlap"] == "allow"
    changed = await asked(client, "PATCH", "schedules/a/b ü", {"trigger": HOURLY, "inherit": ["priority", "grace"]})
    assert (changed["trigger"]["kind"], changed["policies"]["priority"], changed["policies"]["grace"]) == (
        "every",
        3,
        None,
    )

    assert (await asked(client, "DELETE", "schedules/a/b ü"))["id"] == "a/b ü"
    await asked(client, "GET", "schedules/a/b ü", status=404)
    await asked(client, "DELETE", "schedules/a/b ü", status=404)


async def test_an_id_that_is_taken(client: httpx.AsyncClient) -> None:
    body = {"task": "send", "trigger": HOURLY, "args": {"to": "x"}}
    assert (await asked(client, "POST", "schedules", body, 201))["id"] == "send"
    await asked(client, "POST", "schedules", body, 409)
    other = {**body, "args": {"to": "y"}}
    assert (await asked(client, "POST", "schedules", {**other, "on_conflict": "keep"}, 201))["args"] == {"to": "x"}
    assert (await asked(client, "POST", "schedules", {**other, "on_conflict": "update"}, 201))["args"] == {"to": "y"}


async def test_a_stale_write_is_412_and_writes_nothing(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    await scheduler.add_schedule("send", Every(hours=1), id="s", args={"to": "x"})
    seen = (await client.get("schedules/s")).headers["etag"]
    answer = await client.patch("schedules/s", json={"args": {"to": "a"}}, headers={"if-match": seen})
    assert answer.status_code == 200
    assert answer.headers["etag"] != seen
    edits = [("PATCH", "schedules/s"), ("DELETE", "schedules/s")]
    edits += [("POST", "schedules/s/pause"), ("POST", "schedules/s/resume")]
    for method, path in edits:
        body = {"args": {"to": "b"}} if method == "PATCH" else None
        for old in (seen, f"{seen}, {seen}", f"W/{answer.headers['etag']}", '"none"'):
            await asked(client, method, path, body, 412, **{"if-match": old})
    assert (await scheduler.get_schedule("s")).args == {"to": "a"}
    for fresh in (f'"x", {answer.headers["etag"]}', "*"):
        assert (await client.post("schedules/s/pause", headers={"if-match": fresh})).status_code == 200
        answer = await client.get("schedules/s")
    weak = await asked(client, "DELETE", "schedules/s", None, 412, **{"if-match": f"W/{answer.headers['etag']}"})
    assert "in quotes" in weak["detail"], "whom a proxy gives weak ones would read it again for ever"
    wrong = await asked(client, "DELETE", "schedules/s", None, 422, **{"if-match": "no-quotes"})
    assert misfits(wrong) == {"If-Match"}
    await asked(client, "DELETE", "schedules/none", None, 404, **{"if-match": '"a", "b"'})


async def test_a_pause_with_its_reason_and_its_end(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    await scheduler.add_schedule("send", Every(hours=1), id="s", args={"to": "x"})
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    paused = await asked(client, "POST", "schedules/s/pause", {"note": "holiday", "until": until})
    assert (paused["state"], paused["note"], paused["resume_at"]) == ("paused", "holiday", until)
    paused = await asked(client, "POST", "schedules/s/pause")
    assert (paused["state"], paused["note"], paused["resume_at"]) == ("paused", None, None)
    resumed = await asked(client, "POST", "schedules/s/resume")
    assert (resumed["state"], resumed["note"]) == ("active", None)
    for wrong in ("2001-01-01T00:00:00Z", "soon", 1893456000, "2030-01-01T00:00:00", "9999-12-31T23:59:59Z"):
        found = await asked(client, "POST", "schedules/s/pause", {"until": wrong}, 422)
        assert misfits(found) == {"#/until"}, wrong


async def test_a_run_by_hand(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    await scheduler.add_schedule("send", Every(hours=1), id="s", args={"to": "x"}, overlap="allow", paused=True)
    run = await asked(client, "POST", "schedules/s/trigger", {"args": {"copies": 2}, "key": "k"}, 201)
    assert (run["args"], run["origin"], run["state"]) == ({"to": "x", "copies": 2}, "trigger", "queued")
    assert (await asked(client, "POST", "schedules/s/trigger", {"key": "k"}, 201))["id"] == run["id"]
    assert (await asked(client, "POST", "schedules/s/trigger", None, 201))["id"] != run["id"]
    found = await asked(
        client, "POST", "schedules/s/trigger", {"args": {"copies": "many", "cc": "y", "on": {"a/b": "z"}}}, 422
    )
    assert misfits(found) == {"#/args/copies", "#/args/cc", "#/args/on/a~1b"}
    assert misfits(await asked(client, "POST", "schedules/s/trigger", {"key": "a\nb"}, 422)) == {"#/key"}
    await asked(client, "POST", "schedules/none/trigger", None, 404)


async def test_runs_are_cancelled_and_tried_again(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    (task,) = await scheduler.list_tasks()
    run = (await task.enqueue(to="x")).id
    assert await asked(client, "GET", f"runs/{run}/result") == {
        "id": run, "state": "queued", "reason": None, "result": None, "error": None,
    }  # fmt: skip
    await asked(client, "POST", f"runs/{run}/retry", None, 409)
    assert (await asked(client, "POST", f"runs/{run}/cancel"))["state"] == "cancelled"
    await asked(client, "POST", f"runs/{run}/cancel", None, 409)
    again = await asked(client, "POST", f"runs/{run}/retry", {"args": {"to": "y"}})
    assert (again["state"], again["args"]) == ("queued", {"to": "y"})
    await asked(client, "POST", f"runs/{run}/cancel")
    assert misfits(await asked(client, "POST", f"runs/{run}/retry", {"args": {"to": 1}}, 422)) == {"#/args/to"}
    assert misfits(await asked(client, "POST", f"runs/{run}/retry", {"args": {}}, 422)) == {"#/args/to"}
    assert await asked(client, "POST", "runs/retry", {}) == {"retried": 0}
    assert await asked(client, "POST", "runs/retry", {"state": "cancelled", "task": "send"}) == {"retried": 1}
    for path in ("runs/none/cancel", "runs/01890000-0000-7000-8000-000000000000/retry"):
        await asked(client, "POST", path, None, 404)


async def test_a_backfill(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    start = "2029-12-31T00:00:00Z"
    trigger = {**HOURLY, "start": start}
    await asked(client, "POST", "schedules", {"task": "send", "trigger": trigger, "id": "s", "args": {"to": "x"}}, 201)
    past = Every(hours=1, start=datetime(2020, 1, 1, tzinfo=UTC))
    await scheduler.add_schedule("send", past, id="s", args={"to": "x"})
    body = {"start": "2020-01-01T00:00:00Z", "end": "2020-01-01T05:30:00Z", "key": "k"}
    told = await asked(client, "POST", "schedules/s/backfill", {**body, "dry_run": True})
    assert (told["count"], told["made"]) == (6, 0)
    made = await asked(client, "POST", "schedules/s/backfill", body)
    assert (made["id"], made["origin"], made["count"], made["made"]) == ("k", "backfill:k", 6, 6)
    assert (made["first_fire_at"], made["last_fire_at"]) == ("2020-01-01T00:00:00Z", "2020-01-01T05:00:00Z")
    assert (await asked(client, "POST", "schedules/s/backfill", body))["made"] == 0
    for wrong, where in (
        ({**body, "end": "9000-01-01T00:00:00Z"}, "#/end"),
        ({**body, "start": "2020-01-02T00:00:00Z"}, "#/start"),
        ({**body, "start": "1000-01-01T00:00:00Z", "end": "2025-01-01T00:00:00Z"}, "#/start"),
        ({"end": body["end"]}, "#/start"),
    ):
        assert misfits(await asked(client, "POST", "schedules/s/backfill", wrong, 422)) == {where}
    await scheduler.pause_schedule("s")
    await asked(client, "POST", "schedules/s/backfill", body, 409)


async def test_a_trigger_that_is_not_stored_is_previewed(client: httpx.AsyncClient) -> None:
    body = {"trigger": DAILY, "count": 2, "after": "2030-01-01T00:00:00Z"}
    found = await asked(client, "POST", "preview", body)
    assert [one["fire_at"] for one in found["items"]] == ["2030-01-01T08:00:00Z", "2030-01-02T08:00:00Z"]
    assert len((await asked(client, "POST", "preview", {"trigger": HOURLY}))["items"]) == 5
    wrong = {**DAILY, "expr": "61 9 * * *"}
    found = await asked(client, "POST", "preview", {"trigger": wrong}, 422)
    assert misfits(found) == {"#/trigger/expr"}
    assert "61" in found["errors"][0]["detail"]


SECOND = "#/trigger/triggers/1"
NEW = {"task": "send", "trigger": HOURLY, "args": {"to": "x"}}
WRONG: list[tuple[dict[str, Any], set[str]]] = [
    ({"trigger": HOURLY}, {"#/task"}),
    ({**NEW, "task": "nobody"}, {"#/task"}),
    ({**NEW, "task": 5}, {"#/task"}),
    ({**NEW, "trigger": {"kind": "sundial"}}, {"#/trigger/kind"}),
    ({**NEW, "trigger": {**DAILY, "timezone": "../../etc/passwd"}}, {"#/trigger/timezone"}),
    ({**NEW, "trigger": {**DAILY, "timezone": "Mars/Olympus"}}, {"#/trigger/timezone"}),
    ({**NEW, "trigger": {**DAILY, "gap": "jump"}}, {"#/trigger/gap"}),
    ({**NEW, "trigger": {**DAILY, "a/b": 1}}, {"#/trigger/a~1b"}),
    ({**NEW, "trigger": {"kind": "cron"}}, {"#/trigger/expr"}),
    ({**NEW, "trigger": {"kind": "every", "seconds": "x"}}, {"#/trigger/seconds"}),
    ({**NEW, "trigger": {"kind": "at", "instant": "soon"}}, {"#/trigger/instant"}),
    ({**NEW, "trigger": {"kind": "any_of", "triggers": [DAILY, {**DAILY, "expr": "x"}]}}, {f"{SECOND}/expr"}),
    ({**NEW, "trigger": {"kind": "limit", "trigger": {"kind": "sundial"}, "count": 1}}, {"#/trigger/trigger/kind"}),
    ({**NEW, "trigger": {}}, {"#/trigger"}),
    ({**NEW, "trigger": "0 9 * * *"}, {"#/trigger"}),
    ({**NEW, "args": {}}, {"#/args/to"}),
    ({**NEW, "args": {"to": "x", "copies": [1]}}, {"#/args/copies"}),
    ({**NEW, "args": {"to": "x", "a/b": 1}}, {"#/args/a~1b"}),
    ({**NEW, "args": [1]}, {"#/args"}),
    ({**NEW, "id": "nul\x00"}, {"#/id"}),
    ({**NEW, "id": ".."}, {"#/id"}),
    ({**NEW, "id": "x" * 201}, {"#/id"}),
    ({**NEW, "note": "bell\x07"}, {"#/note"}),
    ({**NEW, "paused": "yes"}, {"#/paused"}),
    ({**NEW, "policies": {"overlap": "never"}}, {"#/policies/overlap"}),
    ({**NEW, "policies": {"grace": -1, "priority": 10_000}}, {"#/policies/priority"}),
    ({**NEW, "policies": {"grace": -1}}, {"#/policies/grace"}),
    ({**NEW, "policies": {"timeout": 1e300}}, {"#/policies/timeout"}),
    ({**NEW, "policies": {"concurrency": 1}}, {"#/policies/concurrency"}),
    ({**NEW, "policies": {"blackout": ["nowhere"]}}, {"#/policies/blackout"}),
    ({**NEW, "policies": {"retry": {"attempts": 0}}}, {"#/policies/retry/attempts"}),
    ({**NEW, "surprise": 1}, {"#/surprise"}),
]  # fmt: skip


@pytest.mark.parametrize("database_url", ["memory"], indirect=True)
async def test_what_does_not_fit_is_pointed_at(client: httpx.AsyncClient) -> None:
    for body, places in WRONG:
        found = await asked(client, "POST", "schedules", body, 422)
        assert places <= misfits(found), body
        assert all(one["detail"] for one in found["errors"]), body
        assert await asked(client, "GET", "schedules") == {"items": [], "next_cursor": None}, body


@pytest.mark.parametrize("database_url", ["memory"], indirect=True)
async def test_parameters_that_do_not_fit_are_named(client: httpx.AsyncClient) -> None:
    for query, parameter in (("limit=0", "limit"), ("state=asleep", "state"), ("text=%00", "text"), ("sort=x", "sort")):
        found = await asked(client, "GET", f"schedules?{query}", status=422)
        assert [one["parameter"] for one in found["errors"]] == [parameter]


def test_every_policy_of_a_schedule_can_be_sent() -> None:
    assert set(PoliciesIn.model_fields) == POLICY_NAMES - OF_TASKS


def test_no_policy_has_a_default_that_a_generated_client_would_send() -> None:
    fields = PoliciesIn.model_json_schema()["properties"].items()
    assert {name: field["default"] for name, field in fields if field.get("default") is not None} == {}
    assert PoliciesIn().given() == {}


async def test_ready_and_live(client: httpx.AsyncClient) -> None:
    assert (await asked(client, "GET", "health/ready"))["status"] == "ok"
    assert await asked(client, "GET", "health/live") == {"status": "ok"}


async def test_the_database_is_away() -> None:
    scheduler = Scheduler("postgresql://nobody:secret@127.0.0.1:1/nowhere")
    app = FastAPI(lifespan=scheduler.lifespan)
    app.include_router(api_router(scheduler, allow_anonymous=True))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test/") as client,
    ):
        assert (await client.get("health/ready")).json()["reasons"] == ["the database does not answer"]
        assert (await client.get("health/ready")).status_code == 503
        assert (await client.get("health/live")).status_code == 200
        for path in ("schedules/s/pause", "schedules/s/trigger", "runs/retry"):
            refused = await asked(client, "POST", path, {}, 503)
            assert "secret" not in str(refused)


@pytest.mark.parametrize("database_url", ["memory"], indirect=True)
@pytest.mark.parametrize("state, status", [("live", 200), ("none", 200), ("starting", 503), ("stopping", 503)])
async def test_a_node_that_starts_or_drains_is_not_ready(
    scheduler: Scheduler, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, state: str, status: int
) -> None:
    found = await scheduler.health()

    async def health() -> Any:
        return replace(found, node=replace(found.node, state=state))

    monkeypatch.setattr(scheduler, "health", health)
    assert (await client.get("health/ready")).status_code == status
    assert (await client.get("health")).status_code == 200
