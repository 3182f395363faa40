"""Which Python and which Node run what is measured: the newest of each that is here, for Hourbell and peers alike."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

OLDEST, NEWEST = 11, 14
"""Minor versions of Python 3 that are looked for. What is newer has no wheels of every peer's drivers yet."""


@cache
def python() -> tuple[str, tuple[int, int]]:
    """The newest Python that starts, with its version: on the PATH, or installed beside the one that runs this."""
    here = sys.version_info[:2]
    for minor in range(NEWEST, OLDEST - 1, -1):
        if (3, minor) == here:
            break
        for place in _places(minor):
            if _answer([place, "-c", "import sys, venv; print(*sys.version_info[:2])"]) == f"3 {minor}":
                return place, (3, minor)
    return sys.executable, here


def _places(minor: int) -> Iterator[str]:
    on_path = shutil.which(f"python3.{minor}")
    if on_path is not None:
        yield on_path
    for found in sorted(Path(sys.base_prefix).parent.glob(f"*3.{minor}*/bin/python3.{minor}"), reverse=True):
        yield str(found)


def node_package() -> str | None:
    """The package of npm's that has the newest Node for this machine in it."""
    systems = {"Linux": "linux", "Darwin": "darwin"}
    machines = {"x86_64": "x64", "arm64": "arm64", "aarch64": "arm64"}
    system, machine = systems.get(platform.system()), machines.get(platform.machine())
    return f"node-{system}-{machine}" if system and machine else None


def version_of(program: str) -> str:
    """What it says of itself; empty when it does not start."""
    return _answer([program, "--version"])


def _answer(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
