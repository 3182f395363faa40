"""A task is still its function: FastAPI may call it wherever it takes one."""

from __future__ import annotations

import httpx
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI

from hourbell import Scheduler


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
async def test_background_task_dependency_and_path_operation(is_async: bool) -> None:
    scheduler, app = Scheduler("memory://"), FastAPI()
    told: list[str] = []

    if is_async:

        @scheduler.task(name="tell")
        async def tell(who: str) -> str:
            told.append(who)
            return f"told {who}"
    else:

        @scheduler.task(name="tell")
        def tell(who: str) -> str:
            told.append(who)
            return f"told {who}"

    @app.get("/after")
    async def after(background: BackgroundTasks) -> None:
        background.add_task(tell, "later")

    @app.get("/needs")
    async def needs(answer: str = Depends(tell)) -> str:
        return answer

    app.get("/itself")(tell)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        await client.get("/after")
        assert told == ["later"]
        assert (await client.get("/needs?who=a")).json() == "told a"
        assert (await client.get("/itself?who=b")).json() == "told b"
    assert told == ["later", "a", "b"]
