"""The throw-away PostgreSQL server: found, started, stopped, crashed, and never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from hourbell.testing.postgres_binaries import PostgresBinaries, find_binaries
from hourbell.testing.postgres_server import PostgresServer, PostgresUnavailable

STARTER = """
import os, sys, time
from hourbell.testing.postgres_server import PostgresServer
server = PostgresServer(durable=False, own=True)
server.start()
if sys.argv[1:] == ["fork"] and os.fork() == 0:
    time.sleep(60)
print(server.pid, server.socket_folder, flush=True)
time.sleep(60)
"""


@pytest.mark.bare
async def test_a_database_is_fresh_and_works(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        encoding = await connection.fetchval("SHOW server_encoding")
    finally:
        await connection.close()
    assert (tables, encoding) == (0, "UTF8")


async def test_databases_can_be_made_while_a_loop_runs(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database("made_in_a_loop")
    connection = await asyncpg.connect(url)
    await connection.close()
    assert postgres_server.drop_database("made_in_a_loop") == []


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_stopped_server_comes_back_with_its_data(own_postgres_server: PostgresServer, mode: str) -> None:
    server = own_postgres_server
    url, first = server.create_database("kept"), server.pid
    server.stop(mode)  # type: ignore[arg-type]
    assert not server.running
    with pytest.raises(OSError, match=r"."):
        await asyncpg.connect(url)
    server.start()
    connection = await asyncpg.connect(url)
    await connection.close()
    assert server.pid != first


def test_close_removes_everything(own_postgres_server: PostgresServer) -> None:
    folder, pid = own_postgres_server.socket_folder, own_postgres_server.pid
    own_postgres_server.close()
    assert folder is not None
    assert not folder.exists()
    assert not is_alive(pid)
    own_postgres_server.close()  # a second time does nothing


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("how", ["plain", "fork"])
def test_the_server_dies_with_its_starter(how: str) -> None:
    """Killed outright, and even when a fork of it lives on and holds its files open."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, how], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert starter.stdout is not None
    try:
        pid, folder = starter.stdout.readline().split()
        starter.kill()
        starter.wait()
        assert wait_until(lambda: not is_alive(int(pid)) and not Path(folder).exists())
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(starter.pid, signal.SIGKILL)  # the fork too
        starter.wait()
        starter.stdout.close()


def test_a_given_server_is_used_and_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", "postgresql://somebody@example.org/somewhere")
    with PostgresServer() as server:
        assert server.url == "postgresql://somebody@example.org/somewhere"
        assert not server.is_own
        with pytest.raises(PostgresUnavailable, match="not ours to stop"):
            server.stop()


def test_named_binaries_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEST_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(PostgresUnavailable, match="no initdb and postgres in it"):
        find_binaries()


def test_the_wheel_comes_before_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_POSTGRES_BIN", raising=False)
    assert find_binaries().from_wheel


def test_a_copied_wheel_keeps_its_layout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TEST_POSTGRES_BIN", raising=False)
    copy: PostgresBinaries = find_binaries().readable_copy(tmp_path)
    said = subprocess.run([copy.program("postgres"), "--version"], capture_output=True, text=True, check=True)
    assert "PostgreSQL" in said.stdout
    assert copy.have_statement_statistics


def test_a_server_that_cannot_start_says_why() -> None:
    server = PostgresServer(own=True, settings={"max_connections": "none"})
    with pytest.raises(PostgresUnavailable, match="max_connections"):
        server.start()
    server.close()


def is_alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False
