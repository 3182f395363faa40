"""``--app``: the database that stands in the application's code alone is found by every command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from hourbell.cli.main import commands
from support.typed import refused, typed, typed_json

APPLICATION = """
from hourbell import Scheduler

scheduler = Scheduler("sqlite:///of_the_quay.db")

@scheduler.task(name="ring")
async def ring() -> None: ...
"""
AT = ("--app", "quay:scheduler")


@pytest.fixture
def quay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "quay", raising=False)
    for name in ("HOURBELL_DATABASE_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "quay.py").write_text(APPLICATION)
    return tmp_path


def test_from_an_empty_folder_to_the_last_command(quay: Path) -> None:
    assert "there is no file of_the_quay.db" in refused("nodes", *AT, code=5)
    typed("migrate", *AT)
    assert sorted(one.name for one in quay.glob("*.db")) == ["of_the_quay.db"]
    typed("schedules", "add", "ring", "--every", "1h", "--id", "hourly", *AT)
    assert [one["id"] for one in typed_json("schedules", *AT)] == ["hourly"]
    assert typed_json("doctor", *AT, code=1)["address"] == f"sqlite:///{quay / 'of_the_quay.db'}"
    run = typed_json("schedules", "trigger", "hourly", *AT)
    assert [one["id"] for one in typed_json("runs", "list", *AT)] == [run["id"]]
    assert typed_json("runs", "show", run["id"], *AT)["task"] == "ring"
    typed("runs", "cancel", run["id"], "--yes", *AT)
    typed("schedules", "pause", "hourly", *AT)
    typed("schedules", "remove", "hourly", "--yes", *AT)  # it opens the scheduler twice
    assert typed_json("schedules", *AT) == []


def test_one_of_the_two_says_where(quay: Path) -> None:
    assert "leave out --database" in refused("doctor", "--database", "sqlite:///x.db", *AT)


def _leaves(command: Any, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", {})
    deeper = [one for name, child in children.items() for one in _leaves(child, (*words, name))]
    return [*deeper, (words, command)]


def test_who_takes_a_database_takes_an_application() -> None:
    for words, command in _leaves(typer.main.get_command(commands())):
        names = {parameter.name for parameter in command.params}
        assert "database" not in names or "app" in names or words == ("prove",), words
