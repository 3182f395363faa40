"""A folder of its own for every test of a command, with an application in it and no database named from outside."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

URL = "sqlite:///hourbell.db"
APPLICATION = """
from datetime import date
from enum import Enum

from hourbell import Scheduler

scheduler = Scheduler(timezone="Europe/Berlin", lease=3)

class Size(Enum):
    SMALL = "small"
    LARGE = "large"

@scheduler.task(name="report", aliases=["old-report"])
async def report(
    to: str,
    copies: int = 1,
    day: date | None = None,
    size: Size = Size.SMALL,
    tags: list[str] = [],
    code: int | str = 0,
) -> None: ...

@scheduler.task(name="plain")
async def plain() -> None: ...
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an application in the working directory, and its database beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOURBELL_DATABASE_URL", URL)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    (tmp_path / "shop.py").write_text(APPLICATION)
    return "shop:scheduler"
