"""Arguments of every kind, from the request through the store into the body, and what its result looks like."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from hourbell import Every, Scheduler
from hourbell.fastapi import api_router


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Size:
    width: int
    height: int = 1


class Order(BaseModel):
    number: int
    placed_at: datetime
    lines: list[Size] = Field(alias="rows", default_factory=list)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    at: datetime
    ids: tuple[UUID, ...]


KINDS: list[tuple[Any, Any, Any]] = [
    (datetime, "2030-01-02T03:04:05Z", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)),
    (date, "2030-01-02", date(2030, 1, 2)),
    (time, "03:04:05", time(3, 4, 5)),
    (timedelta, "P1DT2S", timedelta(days=1, seconds=2)),
    (timedelta, 90, timedelta(seconds=90)),
    (UUID, "00000000-0000-0000-0000-000000000007", UUID(int=7)),
    (Decimal, "1.10", Decimal("1.10")),
    (Decimal, "123456789012345678901234567890.5", Decimal("123456789012345678901234567890.5")),
    (int, 10**40, 10**40),
    (Color, "blue", Color.BLUE),
    (Literal["a", "b"], "b", "b"),
    (Size, {"width": 3}, Size(3)),
    (list[Size], [{"width": 3, "height": 2}], [Size(3, 2)]),
    (Order, {"number": 1, "placed_at": "2030-01-01T00:00:00Z", "rows": [{"width": 1}]}, None),
    (Order, {"number": 1, "placed_at": "2030-01-01T00:00:00Z", "rows": []}, None),
    (Strict, {"at": "2030-01-01T00:00:00Z", "ids": ["00000000-0000-0000-0000-000000000001"]}, None),
    (set[int], [3, 1], {1, 3}),
    (dict[UUID, Decimal], {"00000000-0000-0000-0000-000000000001": "1.5"}, {UUID(int=1): Decimal("1.5")}),
    (bytes, "abc", b"abc"),
    (Path, "/tmp/x", Path("/tmp/x")),
    (str | None, None, None),
    (int | Order, {"number": 2, "placed_at": "2030-01-01T00:00:00Z"}, None),
    (str, "nul \x00 line\n bell \x07 \U0001f514", "nul \x00 line\n bell \x07 \U0001f514"),
    (Any, {"free": [1, "a", None]}, {"free": [1, "a", None]}),
]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_path')}"
    return str(request.getfixturevalue("postgres_url"))


class House:
    """A started scheduler with a task for each kind, and what its bodies were called with."""

    def __init__(self, scheduler: Scheduler, client: httpx.AsyncClient) -> None:
        self.scheduler = scheduler
        self.client = client
        self.called: dict[str, Any] = {}

    def task(self, name: str, kind: Any) -> None:
        async def body(x: Any) -> Any:
            self.called[name] = x
            return x

        body.__annotations__["x"] = kind
        self.scheduler.task(name=name)(body)


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    scheduler = Scheduler(database_url)
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous=True))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        made = House(scheduler, client)
        for number, (kind, _, _) in enumerate(KINDS):
            made.task(f"t{number}", kind)
        await scheduler.start()
        try:
            yield made
        finally:
            await scheduler.stop()


async def test_every_kind_arrives_as_its_type(house: House) -> None:
    runs = {}
    trigger = {"kind": "every", "seconds": 3600}
    for number, (_, sent, _) in enumerate(KINDS):
        name = f"t{number}"
        body = {"task": name, "trigger": trigger, "args": {"x": sent}}
        answer = await house.client.post("/schedules", json=body)
        assert answer.status_code == 201, (KINDS[number], answer.text)
        # What is told can be sent again, and with it the run's own arguments are checked beside the stored ones.
        told = answer.json()["args"]
        again = await house.client.patch(f"/schedules/{name}", json={"args": told})
        assert (again.status_code, again.json()["args"]) == (200, told)
        run = await house.client.post(f"/schedules/{name}/trigger", json={"args": {"x": sent}, "key": name})
        assert run.status_code == 201, run.text
        runs[name] = run.json()["id"]
    for number, (kind, sent, expected) in enumerate(KINDS):
        run = await house.scheduler.wait(runs[f"t{number}"], timeout=60)
        assert run.state == "succeeded", (KINDS[number], run.error)
        arrived = house.called[f"t{number}"]
        if expected is None and isinstance(kind, type):
            expected = kind.model_validate_json(json.dumps(sent))
        if expected is not None:
            assert (arrived, type(arrived)) == (expected, type(expected))
        else:
            assert isinstance(arrived, Order | None)
        result = await house.client.get(f"/runs/{run.id}/result")
        assert (result.status_code, result.json()["state"]) == (200, "succeeded")


async def test_stored_arguments_stand_beside_new_ones(house: House) -> None:
    async def both(a: Strict, b: Order, c: int = 0) -> None: ...

    both.__annotations__.update(a=Strict, b=Order, c=int)
    house.scheduler.task(name="both")(both)
    strict = Strict(at=datetime(2030, 1, 1, tzinfo=UTC), ids=(UUID(int=1),))
    order = Order(number=1, placed_at=datetime(2030, 1, 1, tzinfo=UTC), rows=[Size(1)])
    await house.scheduler.add_schedule("both", Every(hours=1), args={"a": strict, "b": order})
    answer = await house.client.post("/schedules/both/trigger", json={"args": {"c": 5}})
    assert (answer.status_code, answer.json()["args"]["c"]) == (201, 5)
    run = await house.scheduler.trigger_schedule("both", args={"c": 7})
    assert run.args["c"] == 7


WRONG: list[tuple[Any, Any, str]] = [
    (datetime, "soon", "#/args/x"),
    (UUID, "7", "#/args/x"),
    (Decimal, "one", "#/args/x"),
    (Color, "green", "#/args/x"),
    (Size, {"width": "wide"}, "#/args/x/width"),
    (Order, {"number": 1, "placed_at": "soon"}, "#/args/x/placed_at"),
    (Order, {"number": 1, "placed_at": "2030-01-01T00:00:00Z", "rows": [{"width": []}]}, "#/args/x/rows/0/width"),
    (Order, {"number": 1}, "#/args/x/placed_at"),
    (Strict, {"at": 5, "ids": []}, "#/args/x/at"),
    (dict[UUID, int], {"a/b": 1}, "#/args/x/a~1b"),
    (list[int], [1, "two"], "#/args/x/1"),
]


@pytest.mark.parametrize("database_url", ["memory"], indirect=True)
async def test_what_does_not_fit_is_422_with_its_place(house: House) -> None:
    for number, (kind, sent, pointer) in enumerate(WRONG):
        name = f"w{number}"
        house.task(name, kind)
        body = {"task": name, "trigger": {"kind": "every", "seconds": 60}, "args": {"x": sent}}
        answer = await house.client.post("/schedules", json=body)
        assert answer.status_code == 422, (kind, answer.text)
        assert pointer in [one["pointer"] for one in answer.json()["errors"]], (kind, answer.text)


@pytest.mark.parametrize("database_url", ["memory"], indirect=True)
async def test_the_document_of_tasks_is_the_schema_of_each(house: House) -> None:
    tasks = {one["name"]: one["arguments"] for one in (await house.client.get("/tasks?limit=500")).json()["items"]}
    assert tasks["t0"]["properties"]["x"] == {"format": "date-time", "title": "X", "type": "string"}
    assert tasks["t9"]["$defs"]["Color"]["enum"] == ["red", "blue"]
    assert tasks["t11"]["$defs"]["Size"]["required"] == ["width"]
    assert all(schema["additionalProperties"] is False for schema in tasks.values())
