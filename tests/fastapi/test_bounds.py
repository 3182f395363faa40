"""What is too large, too deep, too many or no JSON is refused before anything is made of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException

from hourbell import Scheduler
from hourbell.fastapi import api_router
from hourbell.fastapi.bodies import LONGEST_NUMBER, MOST_BYTES, MOST_DEPTH, MOST_VALUES, parsed


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    scheduler = Scheduler("memory://")
    scheduler.task(name="t")(lambda: None)
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous=True))
    async with (
        scheduler,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as made,
    ):
        yield made


def refused(raw: bytes) -> tuple[int, str]:
    with pytest.raises(HTTPException) as caught:
        parsed(raw)
    return caught.value.status_code, caught.value.detail


@pytest.mark.parametrize(
    "raw, status, told",
    [
        (b"[" * 10_000, 400, "deep"),
        (b'{"a":' * 10_000, 400, "deep"),
        (b"[" * (MOST_DEPTH + 1) + b"]" * (MOST_DEPTH + 1), 400, "deep"),
        (b"[" + b"[]," * 100_000 + b"[]]", 413, "values"),
        (b"[" + b"1," * MOST_VALUES + b"1]", 413, "values"),
        (b'{"tags": [' + b'"x",' * 100_000 + b'"x"]}', 413, "values"),
        (b"[NaN]", 400, "NaN"),
        (b"[-Infinity]", 400, "Infinity"),
        (b"[1e400]", 400, "too large"),
        (b"[" + b"9" * (LONGEST_NUMBER + 1) + b"]", 400, "characters"),
        (b"[1." + b"9" * 10_000 + b"]", 400, "characters"),
        (b"[1e" + b"9" * 10_000 + b"]", 400, "characters"),
        (b"[0x10]", 400, "no JSON"),
        (b"[01]", 400, "no JSON"),
        (b"{'a': 1}", 400, "no JSON"),
        (b'{"a": 1', 400, "no JSON"),
        (b'["\\ud800"]', 400, "half a character"),
        (b'["\\uDFFF\\ud800"]', 400, "half a character"),
        (b'["\xff"]', 400, "UTF-8"),
        ("[1]".encode("utf-16"), 400, ""),
        (b"\xef\xbb\xbf[1]", 400, "no JSON"),
        (b'["\x00"]', 400, "no JSON"),
        (b'"' + b'\\"' * 300_000, 400, "no JSON"),
        (b'"' + b"\\" * 300_001, 400, "no JSON"),
        (b'"' * 300_001, 400, "no JSON"),
        (b"]" * 10_000, 400, "no JSON"),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else "",
)
def test_what_is_refused(raw: bytes, status: int, told: str) -> None:
    code, detail = refused(raw)
    assert (code, told in detail) == (status, True), detail


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"a": [{}] * 100, "b": "[[[[[[{{{{," * 5_000, 'c"\\': '"\\"],' * 5_000},
        [10**80, -1.5e300, 0, True],
        {"pair": "\U0001f514", "nul": "\x00\n\x1b"},
        json.loads("[" * MOST_DEPTH + "]" * MOST_DEPTH),
        [1] * (MOST_VALUES - 1),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_taken(value: Any) -> None:
    assert parsed(json.dumps(value).encode()) == value
    assert parsed(json.dumps(value, ensure_ascii=False).encode()) == value


HEADERS = {"content-type": "application/json"}


async def test_a_body_that_is_announced_too_large_is_not_read(client: httpx.AsyncClient) -> None:
    asked = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal asked
        for _ in range(10_000):
            asked += 1
            yield b" " * 1024

    for size in (str(MOST_BYTES + 1), "9" * 4_000):
        answer = await client.post("schedules", content=chunks(), headers={**HEADERS, "content-length": size})
        assert (answer.status_code, asked) == (413, 0)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_that_does_not_end_is_left(client: httpx.AsyncClient) -> None:
    asked = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal asked
        for _ in range(100_000):
            asked += 1
            yield b" " * 1024

    for _ in range(2):
        asked = 0
        answer = await client.post("schedules", content=chunks(), headers=HEADERS)
        assert (answer.status_code, asked) == (413, MOST_BYTES // 1024 + 1)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"])
async def test_what_a_form_can_send_is_refused(client: httpx.AsyncClient, kind: str) -> None:
    for path in ("schedules", "schedules/s/pause", "schedules/s/trigger", "runs/retry", "preview"):
        answer = await client.post(path, content=b'{"task": "t"}', headers={"content-type": kind})
        assert answer.status_code == 415, path
        assert answer.json()["title"] == "Unsupported Media Type"


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
)
async def test_json_may_be_called_differently(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.patch("schedules/s", content=b"{}", headers={"content-type": kind})
    assert answer.status_code == 404


@pytest.mark.parametrize("name", ["nul\x00", "line\nfeed", "\x1b[2J", "x" * 1_000_000, "\ud83d", "\u202e", ""])
async def test_names_that_are_none(client: httpx.AsyncClient, name: str) -> None:
    trigger = {"kind": "every", "seconds": 60}
    for body in ({"id": name}, {"task": name}, {"args": {name: 1}}, {"policies": {"queue": name}}, {name: 1}):
        text = json.dumps({"task": "t", "trigger": trigger, **body})
        answer = await client.post("schedules", content=text, headers=HEADERS)
        assert 400 <= answer.status_code < 500, body
        assert len(answer.text) < 5_000, "what is sent is not sent back"
    assert (await client.get("schedules")).json()["items"] == []


async def test_addresses_that_are_too_long(client: httpx.AsyncClient) -> None:
    for path in (
        "schedules/" + "x" * 5_000,
        "runs/" + "x" * 5_000,
        "schedules?text=" + "x" * 5_000,
        "runs?error=" + "x" * 300,
    ):
        assert (await client.get(path)).status_code == 422, path[:30]
    answer = await client.delete("schedules/s", headers={"if-match": '"' + "x" * 5_000 + '"'})
    assert answer.status_code == 422


async def test_a_client_that_has_gone_is_no_error() -> None:
    scheduler = Scheduler("memory://")
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous=True))
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async with scheduler:
        for method, path in (("POST", "/schedules/none/resume"), ("POST", "/schedules"), ("DELETE", "/schedules/none")):
            headers = [(b"content-type", b"application/json")]
            scope = {
                "type": "http",
                "method": method,
                "path": path,
                "raw_path": path.encode(),
                "headers": headers,
                "query_string": b"",
                "scheme": "http",
                "server": ("test", 80),
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "root_path": "",
            }
            sent.clear()
            await app(scope, receive, send)
            assert 400 <= sent[0]["status"] < 500
