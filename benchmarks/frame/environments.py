"""Where the peers are installed: each Python library in a virtual environment of its own, the Node libraries in one
folder; outside the repository, and brought to the newest version at most once a day."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks.frame import interpreters

ROOT = Path(__file__).parents[2]
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
        newest, version = interpreters.python()
        if version < self.least:
            wanted, here = (".".join(map(str, one)) for one in (self.least, version))
            raise NotInstalled(f"it needs Python {wanted}; the newest here is {here}")
        return [_environment(newest, f"{self.name}-{version[0]}.{version[1]}", self.packages)]

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
        npm = shutil.which("npm")
        if npm is None:
            raise NotInstalled("there is no npm on the PATH")
        folder = self.folder()
        folder.mkdir(parents=True, exist_ok=True)
        if _is_old(folder):
            (folder / "package.json").write_text('{"name": "peers", "private": true}', encoding="utf-8")
            quiet = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder)]
            package = interpreters.node_package()
            if package is not None:
                with contextlib.suppress(NotInstalled):
                    _do([*quiet, f"{package}@latest"])
            if (own := self.node()) is not None and own.is_relative_to(folder):
                _do([*quiet, *(f"{package}@latest" for package in self.packages)])
            else:
                _do([*quiet, *self.packages])  # the newest for the Node that is here
            _stamp(folder)
        node = self.node()
        if node is None:
            raise NotInstalled("there is no Node")
        return [str(node)]

    def node(self) -> Path | None:
        """The Node that came with the packages, where it starts here; else the one on the PATH."""
        if (package := interpreters.node_package()) is not None:
            own = self.folder() / "node_modules" / package / "bin" / "node"
            if own.exists() and interpreters.version_of(str(own)):
                return own
        found = shutil.which("node")
        return Path(found) if found is not None else None

    def folder(self) -> Path:
        return cache() / f"node-{self.shown}"

    def version(self) -> str:
        self.ready()
        told = self.folder() / "node_modules" / self.shown / "package.json"
        return str(json.loads(told.read_text(encoding="utf-8"))["version"])


@dataclass(frozen=True, slots=True)
class ThisHome:
    """Hourbell as it stands here: in the environment that the frame runs in, or, where there is a newer Python, in one
    of its own, like its peers."""

    def ready(self) -> list[str]:
        newest, version = interpreters.python()
        if newest == sys.executable:
            return [sys.executable]
        here = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
        packages = ("--editable", str(ROOT), "sqlalchemy[asyncio]", "psycopg[binary]")
        return [_environment(newest, f"hourbell-{here}-{version[0]}.{version[1]}", packages)]

    def version(self) -> str:
        return metadata.version("hourbell")


def _environment(newest: str, name: str, packages: tuple[str, ...]) -> str:
    """The Python of a virtual environment with the newest of these packages."""
    folder = cache() / name
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        _do([newest, "-m", "venv", "--clear", str(folder)])
    if _is_old(folder):
        pip = [str(python), "-m", "pip", "install", "--quiet", "--upgrade", "--disable-pip-version-check"]
        _do([*pip, *packages])
        _stamp(folder)
    return str(python)


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
