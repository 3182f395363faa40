"""What a terminal shows: lists that fit into 80 columns whatever is in them, bars where somebody watches; and a whole
story in real processes, on both databases."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hourbell import Scheduler
from hourbell.model.node import NewNode
from support.typed import typed

PATIENCE = 60
HOURBELL = (sys.executable, "-c", "from hourbell.cli import main; main()")
LONG = "x" * 100


async def store_long_things() -> None:
    async with Scheduler("sqlite:///hourbell.db") as scheduler:
        task = scheduler.task(name=f"task-{LONG}")(lambda: None)
        await task.options(queue=LONG).enqueue()
        node = NewNode(id="a" * 16, host=f"host-{LONG}", pid=99_999, lease=timedelta(days=1), version="1")
        await scheduler._core.store.register_node(node)


def test_each_list_fits_into_80_columns(shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(store_long_things())
    (tmp_path / "long.py").write_text(
        "from hourbell import Scheduler\nscheduler = Scheduler()\n"
        "scheduler.task(name='t' * 150, aliases=['a' * 150])(lambda: None)\n"
    )
    monkeypatch.delitem(sys.modules, "long", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    for words, first in (
        (("runs",), ["id", "task", "state", "why"]),
        (("nodes",), ["id", "state", "host", "pid", "running", "lease_until"]),
        (("tasks", "long:scheduler"), ["name", "takes", "policies"]),
    ):
        lines = typed(*words).stdout.splitlines()
        assert lines[0].split() == first
        assert len(lines) == 2
        assert max(map(len, lines)) <= 80
    node = typed("nodes").stdout.splitlines()[1].split()
    assert (node[0], node[1], node[-1][-1]) == ("a" * 16, "live", "Z")


def on_a_terminal(folder: Path, *words: str, **environment: str) -> tuple[str, str]:
    """What a command prints into a pipe on stdout, and on a terminal on stderr."""
    terminal, end = pty.openpty()
    known = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "TERM")}
    process = subprocess.Popen(
        [*HOURBELL, *words],
        cwd=folder,
        env={**known, "TERM": "xterm-256color", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=end,
    )
    os.close(end)
    shown = b""
    try:
        while part := os.read(terminal, 65_536):
            shown += part
    except OSError:  # how Linux tells that the other end is closed
        pass
    finally:
        os.close(terminal)
    out = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, shown
    return out.decode(), shown.decode()


def test_a_bar_is_for_who_watches(shop: str, tmp_path: Path) -> None:
    typed("migrate")
    when = ("--start", "2024-01-01", "--end", "2024-03-01", "--yes")
    typed("schedules", "add", "plain", "--app", shop, "--every", "1d", "--start", "2023-01-01T00:00:00Z")
    out, shown = on_a_terminal(tmp_path, "schedules", "backfill", "plain", *when, "--json")
    assert json.loads(out)["made"] == 61
    assert "due times" in shown
    assert "\x1b[3" in shown
    out, shown = on_a_terminal(tmp_path, "schedules", "backfill", "plain", *when, NO_COLOR="1")
    assert out.startswith("61 runs are queued as backfill ")
    assert "\x1b[3" not in shown


@pytest.mark.bare
@pytest.mark.slow  # a dozen and a half processes, each of which imports everything
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_story_in_real_processes(database: str, shop: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = "sqlite:///own.db" if database == "sqlite" else str(request.getfixturevalue("postgres_url"))

    def said(*words: str, code: int = 0) -> Any:
        done = subprocess.run(
            [*HOURBELL, *words, "--json"],
            cwd=tmp_path,
            env={**os.environ, "HOURBELL_DATABASE_URL": url},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if done.stdout else done.stderr

    said("migrate")
    words = ("--every", "1d", "--start", "2024-01-01T00:00:00Z", "--arg", "to=ada")
    assert said("schedules", "add", "report", "--app", shop, *words)["args"] == {"to": "ada"}
    assert said("schedules", "edit", "report", "--overlap", "allow")["policies"]["overlap"] == "allow"
    run = said("schedules", "trigger", "report", "--app", shop, "--arg", "copies=2")
    assert run["args"] == {"to": "ada", "copies": 2}
    when = ("--start", "2024-03-01", "--end", "2024-03-02", "--yes")
    assert said("schedules", "backfill", "report", *when)["made"] == 2
    assert len(said("runs", "list", "--schedule", "report")) == 3
    assert said("schedules", "pause", "report", "--note", "why")["state"] == "paused"
    assert said("schedules", "show", "report")["note"] == "why"
    (cancelled,) = said("runs", "cancel", run["id"], "--yes")
    assert cancelled["state"] == "cancelled"
    assert said("runs", "retry", run["id"])[0]["state"] == "queued"
    assert "nobody said yes" in said("schedules", "remove", "report", code=1)
    said("schedules", "remove", "report", "--yes")
    assert said("schedules") == []
    assert "there is no schedule" in said("schedules", "show", "report", code=3)
    assert said("doctor")["healthy"] is True
