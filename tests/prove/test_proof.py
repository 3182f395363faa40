"""The proof for real, as short as it can be: its processes, its verdict, and nothing left behind."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from hourbell import InvalidArguments
from hourbell.prove.proof import Proof
from hourbell.testing.postgres_server import PostgresServer

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


def test_the_memory_store_is_refused() -> None:
    with pytest.raises(InvalidArguments, match="nothing to prove"):
        Proof(database="memory://", seconds=10).run(Console(file=io.StringIO()))
