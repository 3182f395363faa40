"""Schemathesis against the whole document of an application: ``python -m tests.fastapi.fuzzing --seconds 600``."""

from __future__ import annotations

import argparse
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hourbell.testing.postgres_server import PostgresServer

HERE = Path(__file__).parent
PATIENCE = 60.0
# A schema cannot say what makes a trigger or arguments fit: such requests are refused, though it allows them. The hooks
# mend what was made wrong on purpose: it is accepted then. An id may have slashes: PATCH of s/pause is one of that id.
UNFIT = "positive_data_acceptance,negative_data_rejection,unsupported_method"


@dataclass(frozen=True)
class Fuzzed:
    """How it went: what the fuzzer said, and what the application did."""

    code: int
    said: str
    log: str

    @property
    def cases(self) -> int:
        """How many requests were judged."""
        found = re.search(r"([\d,]+) generated", self.said)
        return int(found[1].replace(",", "")) if found else 0

    @property
    def tested(self) -> int:
        """How many operations were tried, if that is all of the document."""
        found = re.search(r"Selected: (\d+)/\1\s+Tested: \1\b", self.said)
        return int(found[1]) if found else 0


def fuzz(database: str, folder: Path, options: Sequence[str]) -> Fuzzed:
    """Serve the application on this database and let the fuzzer loose on it."""
    with served("typed_app:app", database, folder) as (address, log):
        environment = {
            **os.environ,
            "FUZZED": f"{address}/hourbell",
            "SCHEMATHESIS_HOOKS": "fuzz_hooks",
            "PYTHONPATH": str(HERE),
            "COLUMNS": "200",
        }
        command = [
            *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{address}/openapi.json"),
            *("--exclude-checks", UNFIT, "--continue-on-failure", *options),
        ]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
        return Fuzzed(done.returncode, done.stdout + done.stderr, log.read_text(encoding="utf-8"))


@contextmanager
def served(app: str, database: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """A server of its own for an application of this folder, on this database: its address, and where its log is.

    What stands in ``folder`` can be imported by it.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = folder / "server.txt"
    environment = {
        **os.environ,
        "TYPED_APP_DATABASE": database,
        "PYTHONPATH": os.pathsep.join((str(HERE), str(folder))),
        "PYTHONUTF8": "1",
    }
    with log.open("wb") as output:
        command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--log-level", "warning"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + PATIENCE
        while not _ready(f"{address}/hourbell/health/ready"):
            late = time.monotonic() > deadline or process.poll() is not None
            assert not late, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        yield address, log
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def main() -> int:
    """The long form, by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    given = parser.parse_args()
    with PostgresServer(durable=False, own=True) as server, tempfile.TemporaryDirectory() as folder:
        url = server.create_database(f"fuzz_{secrets.token_hex(4)}")
        phases = ("--phases", "examples,coverage,fuzzing", "--max-time", str(given.seconds))
        fuzzed = fuzz(url, Path(folder), phases)
    print(fuzzed.said)
    print(f"{fuzzed.cases} requests to {fuzzed.tested} operations; exit code {fuzzed.code}")
    if "Traceback" in fuzzed.log:
        print(fuzzed.log)
    return fuzzed.code


if __name__ == "__main__":
    sys.exit(main())
