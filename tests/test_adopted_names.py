"""The variables of applications with APScheduler: what they mean, and that our own names win."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from hourbell import InvalidArguments, Scheduler
from hourbell.adopted_names import MEANINGS
from hourbell.model.policies import POLICY_NAMES, Policies
from hourbell.settings import SETTING_NAMES, Settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No settings from outside: an empty folder, and none of these variables."""
    monkeypatch.chdir(tmp_path)
    for name in (*MEANINGS, "DATABASE_URL", *(f"HOURBELL_{name.upper()}" for name in SETTING_NAMES)):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def defaults(**options: object) -> Policies:
    return Policies.layered(Scheduler("memory://", **options)._core.defaults)  # type: ignore[arg-type]


def test_they_stand_for_what_there_is() -> None:
    assert {name for names in MEANINGS.values() for name in names} <= SETTING_NAMES | POLICY_NAMES


def test_workers_are_bodies_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_MAX_WORKERS", "20")
    settings = Settings.load()
    assert (settings.max_runs, settings.threads) == (20, 20)


def test_our_own_names_and_keywords_win(bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_MAX_WORKERS", "20")
    (bare_environment / ".env").write_text("HOURBELL_THREADS=7\n")
    settings = Settings.load(max_runs=3)
    assert (settings.max_runs, settings.threads) == (3, 7)


@pytest.mark.parametrize("text, catch_up", [("true", "latest"), ("1", "latest"), ("False", "all"), ("no", "all")])
def test_coalesce_is_what_catching_up_does(monkeypatch: pytest.MonkeyPatch, text: str, catch_up: str) -> None:
    monkeypatch.setenv("SCHEDULER_COALESCE", text)
    assert defaults().catch_up == catch_up
    assert defaults(catch_up="skip").catch_up == "skip"


def test_the_time_of_grace_is_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_MISFIRE_GRACE_TIME", "90")
    assert defaults().grace == timedelta(seconds=90)
    assert defaults(grace=5).grace == timedelta(seconds=5)
    assert defaults(grace=None).grace is None


def test_a_file_says_them_too_and_the_environment_wins(bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["DATABASE_URL=postgresql://u:p@h/db?sslmode=require", "export SCHEDULER_MAX_WORKERS=4"]
    lines += ["scheduler_misfire_grace_time = 30", "SCHEDULER_COALESCE=", "SCHEDULER_OTHER=1"]
    (bare_environment / ".env").write_text("\n".join(lines))
    settings = Settings.load()
    assert settings.database.dsn == "postgresql://u:p@h/db?sslmode=require"
    assert (settings.max_runs, settings.threads) == (4, 4)
    assert (defaults().grace, defaults().catch_up) == (timedelta(seconds=30), "latest")
    monkeypatch.setenv("SCHEDULER_MAX_WORKERS", "6")
    assert Settings.load().threads == 6


def test_schedules_show_what_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_MISFIRE_GRACE_TIME", "90")
    scheduler = Scheduler("memory://")

    @scheduler.every(minutes=1, id="s")
    def task() -> None: ...

    declaration = scheduler._core.declaration_of(scheduler._core.declared["s"])
    assert declaration.inherited == {"grace": 90.0}


@pytest.mark.parametrize(
    "name, text",
    [
        ("SCHEDULER_MAX_WORKERS", "many-secrets"),
        ("SCHEDULER_MAX_WORKERS", "0"),
        ("SCHEDULER_MISFIRE_GRACE_TIME", "-1"),
        ("SCHEDULER_MISFIRE_GRACE_TIME", "nan"),
        ("SCHEDULER_COALESCE", "many-secrets"),
    ],
)
def test_a_refusal_names_the_variable_and_not_its_value(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(InvalidArguments, match=name) as refused:
        Scheduler("memory://")
    assert "secret" not in str(refused.value)


def test_how_each_was_understood_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("SCHEDULER_MAX_WORKERS", "20")
    monkeypatch.setenv("SCHEDULER_COALESCE", "0")
    with caplog.at_level(logging.INFO, "hourbell.settings"):
        Scheduler("memory://")
    assert caplog.messages == [
        "SCHEDULER_COALESCE is understood as catch_up='all'",
        "SCHEDULER_MAX_WORKERS is understood as max_runs=20, threads=20",
    ]


def test_without_them_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    code = "import sys, hourbell; hourbell.Scheduler(); print('pydantic_settings' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HOURBELL", "SCHEDULER"))}
    environment.pop("DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
