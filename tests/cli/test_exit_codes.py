"""How commands end, as a shell sees it: real processes, on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hourbell import (
    Conflict,
    HourbellError,
    InvalidArguments,
    LeaseLost,
    NotFound,
    StoreUnavailable,
    TriggerError,
    UnknownTask,
)
from hourbell.cli.exit_codes import ExitCode, code_of
from hourbell.errors import MigrationNeeded, StoreMisconfigured
from hourbell.testing.postgres_server import PostgresServer
from support.pages import ROOT
from support.typed import refused, typed

PATIENCE = 60


def called(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, in a pipe, with nobody to answer."""
    known = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name and name != "COLUMNS"}
    return subprocess.run(
        [sys.executable, "-c", "from hourbell.cli import main; main()", *words],
        cwd=folder,
        env={**known, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize(
    "error,code",
    [
        (NotFound("x"), 3),
        (UnknownTask("x"), 2),
        (InvalidArguments("x"), 2),
        (TriggerError("x"), 2),
        (StoreUnavailable("x"), 4),
        (StoreMisconfigured("x"), 5),
        (MigrationNeeded("x"), 5),
        (Conflict("x"), 1),
        (LeaseLost("x"), 1),
    ],
)
def test_every_error_has_its_code(error: HourbellError, code: int) -> None:
    assert code_of(error) == code


def test_the_codes_are_documented() -> None:
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    for code in ExitCode:
        assert f"| {code.value} |" in page


@pytest.mark.slow  # nine processes
def test_on_a_file(tmp_path: Path) -> None:
    assert called("schedules", folder=tmp_path).returncode == 5
    assert called("migrate", "--check", folder=tmp_path).returncode == 1
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "hourbell.db").touch()
    pending = called("migrate", "--check", folder=tmp_path)
    assert (pending.returncode, pending.stdout.splitlines()[0]) == (1, "pending 0001_initial")
    assert called("migrate", folder=tmp_path).stdout.splitlines()[0] == "applied 0001_initial"
    assert called("migrate", "--check", folder=tmp_path).stdout == "the schema is up to date\n"
    assert called("schedules", "show", "nobody", folder=tmp_path).returncode == 3
    assert called("schedules", "shwo", "nobody", folder=tmp_path).returncode == 2
    gone = called("schedules", "remove", "nobody", folder=tmp_path)
    assert (gone.returncode, gone.stdout) == (3, "")
    (tmp_path / "hourbell.db").write_bytes(b"no database at all" * 1000)
    broken = called("schedules", folder=tmp_path)
    assert broken.returncode == 5
    assert broken.stderr.count("\n") == 1


@pytest.mark.slow
def test_on_a_file_that_somebody_writes_to_all_the_time(tmp_path: Path) -> None:
    called("migrate", folder=tmp_path)
    holder = sqlite3.connect(tmp_path / "hourbell.db", isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        away = called("calendars", "add", "x", "--day", "2030-01-01", folder=tmp_path, HOURBELL_LEASE="3")
    finally:
        holder.close()
    assert (away.returncode, away.stdout) == (4, "")
    assert away.stderr.count("\n") == 1


@pytest.mark.bare
def test_on_postgres(postgres_server: PostgresServer, postgres_url: str, tmp_path: Path) -> None:
    at = {"HOURBELL_DATABASE_URL": postgres_url}
    old = called("schedules", folder=tmp_path, **at)
    assert (old.returncode, "hourbell migrate" in old.stderr) == (5, True)
    assert called("migrate", "--check", folder=tmp_path, **at).returncode == 1
    assert called("migrate", "--json", folder=tmp_path, **at).returncode == 0
    assert called("migrate", "--check", "--json", folder=tmp_path, **at).stdout == '{\n  "pending": []\n}\n'
    assert called("schedules", folder=tmp_path, **at).returncode == 0
    assert called("runs", "show", "0197a3c5-0b29-71d2-8f1c-63a9c2f4c3d7", folder=tmp_path, **at).returncode == 3


def test_where_no_database_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    away = called("runs", "--database", f"postgresql://u:secret@127.0.0.1:{port}/d", folder=tmp_path)
    assert (away.returncode, away.stdout) == (4, "")
    assert "secret" not in away.stderr
    assert away.stderr.count("\n") == 1
    assert away.stderr.endswith(f". The address is postgresql://u:***@127.0.0.1:{port}/d\n")


def test_a_fault_of_our_own_is_no_traceback(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("hourbell.cli.asking.Scheduler", broken)
    assert "ZeroDivisionError: by zero. This is a fault of Hourbell's own" in refused("nodes", code=70)
    from typer.testing import CliRunner

    from hourbell.cli.main import commands

    assert isinstance(CliRunner().invoke(commands(), ["--traceback", "nodes"]).exception, ZeroDivisionError)


def test_what_is_typed_wrong_is_told_by_typer() -> None:
    assert "No such option" in typed("nodes", "--colour", code=2).stderr
    assert "leave out --check" in refused("migrate", "--sql", "--check")


def test_a_pipe_that_is_closed_ends_it_quietly(tmp_path: Path) -> None:
    called("migrate", folder=tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", "from hourbell.cli import main; main()", "next", "* * * * *", "--count", "1000"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    process.wait(PATIENCE)
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


def test_no_colour_where_nobody_sees_it(tmp_path: Path) -> None:
    assert "\x1b" not in called("schedules", "--help", folder=tmp_path).stdout


def test_a_locale_without_our_letters_gets_question_marks(tmp_path: Path) -> None:
    called("migrate", folder=tmp_path)
    narrow = called("nodes", folder=tmp_path, PYTHONIOENCODING="ascii", COLUMNS="20")
    assert (narrow.returncode, narrow.stderr) == (0, "")
    assert narrow.stdout.endswith("?\n")


def test_ctrl_c_while_a_command_is_being_loaded_is_no_traceback(tmp_path: Path) -> None:
    impatient = """
import sys

class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == "hourbell.cli.runs":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Impatient())
from hourbell.cli import main
main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", impatient, "nodes"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
