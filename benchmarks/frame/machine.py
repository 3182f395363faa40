"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.frame import interpreters


def facts() -> dict[str, str]:
    """Without the name of the machine or its user: what speed depends on, and how busy others kept it."""
    python = interpreters.version_of(interpreters.python()[0]).removeprefix("Python ")
    found = {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": f"{python} ({sys.implementation.name})",
    }
    return found | load("before")


def load(when: str) -> dict[str, str]:
    """How many processes wanted a core in the last minute, where the system counts them."""
    return {f"load {when}": f"{os.getloadavg()[0]:.1f}"} if hasattr(os, "getloadavg") else {}


def _processor() -> str:
    """The model's name where the system tells it."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip() not in ("", "unknown"):
                return value.strip()
    return platform.processor() or platform.machine()
