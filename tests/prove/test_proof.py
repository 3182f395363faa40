"""The proof for real, as short as it can be: its processes, its verdict, and nothing left behind."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from rich.console import Console
from typer.testing import CliRunner

from hourbell import HourbellError, InvalidArguments
from hourbell.cli.main import commands
from hourbell.prove.proof import Proof
from hourbell.testing.postgres_server import PostgresServer
from support.by_hand import executed

posix = pytest.mark.skipif(os.name != "posix", reason="sends signals")


def held(database: str, report: Path) -> str:
    said = io.StringIO()
    proof = Proof(database=database, seconds=10, nodes=2, seed=3, report=report)
    result = proof.run(Console(file=said, width=80))
    assert result.exit_code == 0, said.getvalue()
    told = json.loads(report.read_text())
    assert told["fires_expected"] == told["fires_recorded"] > 100
    assert told["done"]
    return said.getvalue()


@posix
@pytest.mark.slow
def test_on_a_file(tmp_path: Path) -> None:
    said = held(f"sqlite:///{tmp_path / 'app.db'}", tmp_path / "report.json")
    assert "0 lost, 0 doubled" in said
    assert " 0 broken" in said
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@posix
@pytest.mark.slow
def test_in_a_schema_of_its_own(tmp_path: Path, postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database("proof")
    try:
        held(url, tmp_path / "report.json")
    finally:
        left = postgres_server.drop_database("proof")
    assert not left


@posix
@pytest.mark.parametrize(
    "role, database, rights, said",
    [
        ("postgres", "nowhere", (), "does not exist"),
        ("poor", "proof_refused", (), "GRANT CREATE ON DATABASE"),
        ("reader", "proof_refused", ("ALTER ROLE reader SET default_transaction_read_only = on",), "only reads"),
    ],
)
def test_where_it_cannot_be_held_it_says_what_to_do(
    postgres_server: PostgresServer, role: str, database: str, rights: Sequence[str], said: str
) -> None:
    """And not what went wrong when it wanted to tidy up after that."""
    url = postgres_server.create_database("proof_refused")
    asyncio.run(executed(url, *([f"CREATE ROLE {role} LOGIN", *rights] if role != "postgres" else [])))
    parts = urlsplit(url)
    address = urlunsplit(parts._replace(netloc=f"{role}@{parts.hostname}:{parts.port}", path=f"/{database}"))
    try:
        with pytest.raises(HourbellError, match=said):
            Proof(database=address, seconds=10).run(Console(file=io.StringIO()))
    finally:
        asyncio.run(executed(url, *([f"DROP ROLE {role}"] if role != "postgres" else [])))
        postgres_server.drop_database("proof_refused")


@posix
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_it_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-c",
        "from hourbell.cli import main; main()",
        "prove",
        "--database",
        f"sqlite:///{tmp_path / 'app.db'}",
    ]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as proof:
        assert proof.stdout is not None
        for line in proof.stdout:
            if "kill" in line or "SIG" in line or "stopped" in line or "running" in line:
                break  # its nodes live, and schedules fire
        proof.send_signal(number)
        proof.stdout.read()
        assert proof.wait(60) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_the_report_that_is_not_there_is_told_before_the_proof(tmp_path: Path) -> None:
    told = CliRunner().invoke(commands(), ["prove", "--report", str(tmp_path / "nowhere" / "proof.json")])
    assert told.exit_code == 2
    assert "there is no folder" in told.output


def test_the_memory_store_is_refused() -> None:
    with pytest.raises(InvalidArguments, match="nothing to prove"):
        Proof(database="memory://", seconds=10).run(Console(file=io.StringIO()))
