"""The commands, as typed: what they print, and that looking changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hourbell import Every, Scheduler
from hourbell.cli.main import commands

PATIENCE = 60
APPLICATION = """
from hourbell import Scheduler

scheduler = Scheduler(lease=3)

@scheduler.every(seconds=1, id="tick")
def tick() -> str:
    return "tock"

@scheduler.task(name="mail", aliases=["post"], retry=3)
async def mail(to: str, copies: int = 1) -> None: ...
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with an application in it, and no database named from outside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("HOURBELL_DATABASE_URL", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "application", raising=False)
    (tmp_path / "application.py").write_text(APPLICATION)
    return tmp_path


def typed(*words: str, code: int = 0) -> Result:
    """What a command printed."""
    result = CliRunner().invoke(commands(), words)
    assert result.exit_code == code, result.output
    return result


async def filled(url: str) -> None:
    async with Scheduler(url) as scheduler:
        task = scheduler.task(name="t")(lambda: None)
        await scheduler.add_schedule(task, Every(hours=1), id="hourly", note="as agreed")
        await scheduler.trigger_schedule("hourly")


def test_version_and_help() -> None:
    assert typed("--version").stdout.startswith("hourbell 0.")
    for text in (typed().stdout, typed("--help").stdout):
        for command in ("worker", "migrate", "schedules", "runs", "tasks", "nodes", "next", "demo"):
            assert command in text


def test_migrates_and_lists() -> None:
    assert "applied" in typed("migrate").stdout
    assert "up to date" in typed("migrate").stdout
    asyncio.run(filled("sqlite:///hourbell.db"))
    assert "hourly" in typed("schedules").stdout
    assert "every hour" in typed("schedules", "--state", "active").stdout
    assert "hourly" not in typed("schedules", "--state", "paused").stdout
    (schedule,) = json.loads(typed("schedules", "--json").stdout)
    assert (schedule["id"], schedule["trigger"]["seconds"]) == ("hourly", 3600)
    (run,) = json.loads(typed("runs", "--schedule", "hourly", "--json").stdout)
    assert (run["state"], run["origin"]) == ("queued", "trigger")
    assert run["id"] in typed("runs").stdout
    assert json.loads(typed("nodes", "--json").stdout) == []


def test_the_database_is_given_or_found(monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(filled("sqlite:///other.db"))
    assert "hourly" in typed("schedules", "--database", "sqlite:///other.db").stdout
    monkeypatch.setenv("HOURBELL_DATABASE_URL", "sqlite:///other.db")
    assert "hourly" in typed("schedules").stdout


def test_looking_makes_no_database(own_folder: Path) -> None:
    for command in ("schedules", "runs", "nodes"):
        assert "there is no file" in typed(command, code=5).stderr
    assert not list(own_folder.glob("*.db*"))


def test_looking_changes_no_schema(own_folder: Path) -> None:
    (own_folder / "hourbell.db").touch()
    assert "hourbell migrate" in typed("schedules", code=5).stderr


def test_mistakes_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (
        ("schedules", "--database", "mysql://u:secret@h/d"),
        ("migrate", "--database", "mysql://u:secret@h/d"),
        ("migrate", "--sql"),
        ("worker", "application"),
        ("worker", "nowhere:scheduler"),
        ("worker", "application:mail"),
        ("worker", "application:nothing"),
        ("worker", "application:scheduler", "--log-level", "loud"),
        ("tasks", "application:tick"),
    ):
        said = typed(*words, code=2).stderr
        assert said.startswith("hourbell: ")
        assert said.count("\n") == 1
        assert "secret" not in said


def test_prints_the_schema() -> None:
    said = typed("migrate", "--sql", "--database", "postgresql://u:secret@h/d").stdout
    assert "CREATE" in said
    assert "secret" not in said


def test_lists_the_tasks_of_an_application() -> None:
    found = {task["name"]: task for task in json.loads(typed("tasks", "application:scheduler", "--json").stdout)}
    assert set(found) == {"application:tick", "mail"}
    assert found["mail"]["aliases"] == ["post"]
    lines = [line.split() for line in typed("tasks", "application:scheduler").stdout.splitlines()]
    assert lines[0] == ["name", "takes", "policies", "aliases"]
    assert ["mail", "to,", "copies?", "retry=3", "['post']"] in lines


@pytest.mark.parametrize(
    "source,error",
    [
        ("import surely_not_there", "ModuleNotFoundError: No module named 'surely_not_there'"),
        ("1 / 0", "ZeroDivisionError"),
        ("def (", "SyntaxError"),
        ("from hourbell import Cron; Cron('61 * * * *')", "TriggerError: cron expression, minute: 61 is out of range"),
    ],
)
def test_an_error_of_the_application_is_shown_from_there_on(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, error: str
) -> None:
    (own_folder / "broken.py").write_text(f"{source}\n")
    for command in ("worker", "tasks"):
        monkeypatch.delitem(sys.modules, "broken", raising=False)
        said = typed(command, "broken:scheduler", code=1).stderr
        assert 'broken.py", line 1' in said
        assert error in said
        assert "typer" not in said
        assert "loading.py" not in said
        assert said.splitlines()[-1].startswith("hourbell: the module 'broken' cannot be imported: ")


def test_a_failed_run_says_why_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    async def failed() -> None:
        scheduler = Scheduler("sqlite:///hourbell.db")

        @scheduler.task(name="breaks")
        async def breaks() -> None:
            raise ValueError("no such customer")

        async with scheduler.lifespan():
            await scheduler.wait(await breaks.enqueue(), timeout=PATIENCE)

    asyncio.run(failed())
    header, row = typed("runs", "--state", "failed").stdout.splitlines()
    assert header.split()[-1] == "why"
    assert row.endswith("ValueError: no such customer")
    (run,) = json.loads(typed("runs", "--json").stdout)
    assert "Traceback" in run["error"]
    assert run["run_at"][:23] in row
    assert run["run_at"] not in row or len(run["run_at"]) <= 24


def test_a_worker_fires_until_it_is_told_to_stop(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", "from hourbell.cli import main; main()", "worker", "application:scheduler"]
    process = subprocess.Popen(command, cwd=own_folder, env={**os.environ, "HOURBELL_POLL": "0.2"})
    try:
        wait_for(lambda: [run["result"] for run in succeeded(own_folder)] != [])
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
    assert succeeded(own_folder)[0]["result"] == "tock"
    (node,) = json.loads(typed("nodes", "--json").stdout)
    assert node["state"] == "stopped"
    assert "clock_offset" in node
    monkeypatch.setenv("COLUMNS", "200")  # where it is narrow, this column is the first that is left out
    assert typed("nodes").stdout.splitlines()[0].split()[-1] == "clock_offset"


def succeeded(folder: Path) -> list[dict[str, Any]]:
    """The runs that succeeded, once there is a database to ask."""
    if not (folder / "hourbell.db").exists():
        return []
    result = CliRunner().invoke(commands(), ["runs", "--state", "succeeded", "--json"])
    return list(json.loads(result.stdout)) if result.exit_code == 0 else []


def wait_for(true: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.1)
