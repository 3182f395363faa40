"""Plant one fault after the other and see whether it is found: ``python -m tests.planted [--only TEXT]``.

Each is planted into a copy; the tests run against that. It takes about ten minutes. The exit code is 1 when a fault was
not found, or could not be planted because the code has changed: then its place in ``plants.py`` has to be renewed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.planted.plants import PLANTS, Plant

ROOT = Path(__file__).parents[2]
_FOUND = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


def main() -> int:
    """Plant them, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="those whose name has this in it")
    wanted = parser.parse_args()
    chosen = [plant for plant in PLANTS if wanted.only in plant.name]
    missed = 0
    for plant in chosen:
        began = time.monotonic()
        finder = found_by(plant)
        missed += finder is None
        seconds = time.monotonic() - began
        print(f"{'found' if finder else 'MISSED':6} {seconds:4.0f} s  {plant.name}\n{'':15}{finder or ''}", flush=True)
    print(f"{len(chosen)} planted, {len(chosen) - missed} found")
    return 1 if missed else 0


def found_by(plant: Plant) -> str | None:
    """The first test that fails with the fault in it; None when none does."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        planted(plant, source)
        environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *plant.finders]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{plant.name}: the tests could not be run\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    name = _FOUND.search(done.stdout)
    return name[1] if name and done.returncode else None


def planted(plant: Plant, source: Path) -> None:
    """Put the fault in its place. Exits when that is not there, or more than once."""
    path = source / "hourbell" / plant.file
    text = path.read_text(encoding="utf-8")
    if text.count(plant.old) != 1:
        sys.exit(f"{plant.name}: {plant.old!r} stands {text.count(plant.old)} times in {plant.file}, not once")
    path.write_text(text.replace(plant.old, plant.new), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
