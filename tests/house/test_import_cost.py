"""`import hourbell` stays cheap: what an application does not use is not loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = frozenset(
    {"fastapi", "starlette", "uvicorn", "asyncpg", "sqlite3", "typer", "rich", "sqlalchemy", "pydantic_settings"}
)


@pytest.mark.frontdoor
def test_import_loads_no_framework_driver_or_command_line() -> None:
    assert loaded_by("import hourbell").isdisjoint(HEAVY)


def test_the_question_is_answered_truly() -> None:
    assert "sqlite3" in loaded_by("import sqlite3")


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a statement loads in a fresh interpreter."""
    code = f"import sys; {statement}; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in modules.stdout.split()}
