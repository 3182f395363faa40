"""``hourbell doctor``, as an operator and as an alarm would run it: real processes, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hourbell import Every, Scheduler
from support.typed import refused, typed, typed_json

PATIENCE = 60


def examined(folder: Path, url: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(
        [sys.executable, "-c", "from hourbell.cli import main; main()", "doctor", *words],
        cwd=folder,
        env={**known, "HOURBELL_DATABASE_URL": url, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


async def filled(url: str) -> None:
    scheduler = Scheduler(url, lease=3)
    task = scheduler.task(name="report")(_body)
    async with scheduler:
        await scheduler.add_schedule(task, Every(hours=1), id="hourly")


async def _body() -> None: ...


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return "sqlite:///hourbell.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.mark.bare
def test_the_exit_code_tells(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if url.startswith("sqlite"):
        (tmp_path / "hourbell.db").touch()
    before = examined(tmp_path, url)
    assert before.returncode == 1
    assert "problem: the schema is older than this version" in before.stdout
    assert "    do: run `hourbell migrate`" in before.stdout
    typed("migrate", "--database", url)
    well = examined(tmp_path, url, COLUMNS="80")
    assert (well.returncode, well.stderr) == (0, "")
    assert well.stdout.endswith("\nnothing is wrong\n")
    asyncio.run(filled(url))
    ill = examined(tmp_path, url, COLUMNS="80")
    assert ill.returncode == 1
    assert "problem: no node is live: nobody fires 1 active schedule or begins 0 due runs" in " ".join(
        ill.stdout.split()
    )
    assert max(map(len, ill.stdout.splitlines()[1:])) <= 80, "all but the address, which is to be copied"
    shown = json.loads(examined(tmp_path, url, "--json").stdout)
    where = f"sqlite:///{tmp_path / 'hourbell.db'}" if url.startswith("sqlite") else url
    assert shown["address"] == where
    assert well.stdout.startswith(f"address       {where}\n")
    assert (shown["healthy"], shown["database"]["kind"]) == (False, "sqlite" if "sqlite" in url else "postgres")
    (finding,) = shown["findings"]
    assert finding.keys() == {"about", "severity", "what", "do", "named"}
    assert (finding["about"], finding["severity"]) == ("no-node", "problem")


def test_a_live_node_makes_it_well(shop: str) -> None:
    async def lived() -> None:
        scheduler = Scheduler("sqlite:///hourbell.db", lease=3)
        scheduler.every(hours=1, id="s")(_body)
        async with scheduler.lifespan():
            shown = await asyncio.to_thread(typed_json, "doctor")
            assert (shown["healthy"], [one["state"] for one in shown["nodes"]]) == (True, ["live"])

    asyncio.run(lived())


def test_it_makes_no_database(shop: str, tmp_path: Path) -> None:
    assert "there is no file" in refused("doctor", code=5)
    assert not (tmp_path / "hourbell.db").exists()


def test_a_database_that_is_away_is_told_as_everywhere(tmp_path: Path) -> None:
    away = examined(tmp_path, "postgresql://u:secret@127.0.0.1:1/d")
    assert (away.returncode, away.stdout) == (4, "")
    assert "secret" not in away.stderr
