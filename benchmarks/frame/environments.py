"""Where the peers are installed: each Python library in a virtual environment of its own, the Node libraries in one
folder; outside the repository, and brought to the newest version at most once a day."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

DAY = 86400.0


class NotInstalled(Exception):
    """A peer cannot be measured here; the message says why."""


def cache() -> Path:
    """``BENCH_CACHE``, or a folder of the user's cache."""
    given = os.environ.get("BENCH_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(given) if given else (Path(base) if base else Path.home() / ".cache") / "hourbell-bench"


@dataclass(frozen=True, slots=True)
class PythonHome:
    """One library, and what it needs, in a virtual environment."""

    name: str
    packages: tuple[str, ...]
    shown: str
    """The distribution whose version is told."""
    least: tuple[int, int] = (3, 11)

    def ready(self) -> list[str]:
        """The command that runs a program there. Raises NotInstalled."""
        if sys.version_info < self.least:
            raise NotInstalled(f"it needs Python {self.least[0]}.{self.least[1]}; this is {sys.version.split()[0]}")
        folder = cache() / self.name
        python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        if not python.exists():
            _do([sys.executable, "-m", "venv", "--clear", str(folder)])
        if _is_old(folder):
            pip = [str(python), "-m", "pip", "install", "--quiet", "--upgrade", "--disable-pip-version-check"]
            _do([*pip, *self.packages])
            _stamp(folder)
        return [str(python)]

    def version(self) -> str:
        code = f"from importlib.metadata import version; print(version({self.shown!r}))"
        return _do([*self.ready(), "-c", code]).strip()


@dataclass(frozen=True, slots=True)
class NodeHome:
    """One library of npm's; all stand in the same folder."""

    packages: tuple[str, ...]
    shown: str

    def ready(self) -> list[str]:
        """See `PythonHome.ready`."""
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            raise NotInstalled("there is no Node with npm on the PATH")
        folder = self.folder()
        folder.mkdir(parents=True, exist_ok=True)
        if _is_old(folder):
            (folder / "package.json").write_text('{"name": "peers", "private": true}', encoding="utf-8")
            latest = [f"{package}@latest" for package in self.packages]
            quiet = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder)]
            try:
                _do([*quiet, "--engine-strict", *latest])
            except NotInstalled:
                _do([*quiet, *self.packages])  # the newest for this Node
            _stamp(folder)
        return [node]

    def folder(self) -> Path:
        return cache() / f"node-{self.shown}"

    def version(self) -> str:
        self.ready()
        told = self.folder() / "node_modules" / self.shown / "package.json"
        return str(json.loads(told.read_text(encoding="utf-8"))["version"])


@dataclass(frozen=True, slots=True)
class ThisHome:
    """The environment that the frame itself runs in, for Hourbell."""

    def ready(self) -> list[str]:
        return [sys.executable]

    def version(self) -> str:
        return metadata.version("hourbell")


def _is_old(folder: Path) -> bool:
    stamp = folder / "newest"
    return not stamp.exists() or time.time() - stamp.stat().st_mtime > DAY


def _stamp(folder: Path) -> None:
    (folder / "newest").write_text("", encoding="utf-8")


def _do(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotInstalled(f"{Path(command[0]).name} failed: {said[-1] if said else done.returncode}")
    return done.stdout
