"""Decorated functions keep their signatures for type checkers, and `enqueue` takes what the function takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).with_name("signatures.py")


@pytest.mark.slow
def test_mypy_agrees_with_every_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(SAMPLE)]
    checked = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
