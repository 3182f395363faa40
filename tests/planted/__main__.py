"""Plant one fault after the other and see whether it is found: ``python -m tests.planted [--only TEXT]``.

Each is planted into a copy; the tests run against that. Those that failed are run once more without a fault, and must
pass: so a test that fails for another reason finds nothing. It takes about twenty minutes. The exit code is 1 when
a fault was not found, or could not be planted because the code has changed: then its place in the list has to be
renewed. ``--keep`` writes what was found into the record and the page that is made from it.
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
from collections.abc import Collection, Sequence
from pathlib import Path

from tests.planted.every import EVERY
from tests.planted.plant import Plant
from tests.planted.record import is_found, keep

ROOT = Path(__file__).parents[2]
_FOUND = re.compile(r"^FAILED (.+?)(?: - .*)?$", re.MULTILINE)


def main() -> int:
    """Plant them, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="those whose name has this in it")
    parser.add_argument("--among", default="", help="those whose place in the package has this in it")
    parser.add_argument("--new", action="store_true", help="those that the record does not say are found")
    parser.add_argument("--keep", action="store_true", help="write it into the record and onto the page")
    wanted = parser.parse_args()
    chosen = [plant for plant in EVERY if wanted.only in plant.name and wanted.among in plant.file]
    if wanted.new:
        chosen = [plant for plant in chosen if not is_found(plant.name)]
    finders = {}
    for plant in chosen:
        began = time.monotonic()
        finders[plant] = finder = found_by(plant)
        if wanted.keep:
            keep(plant, finder)
        seconds = time.monotonic() - began
        print(f"{'found' if finder else 'MISSED':6} {seconds:4.0f} s  {plant.name}\n{'':15}{finder or ''}", flush=True)
    sick = failing_without({finder for finder in finders.values() if finder is not None})
    for plant in (plant for plant in chosen if finders[plant] in sick):
        print(f"not so: {finders[plant]} fails without it, too\n{'':15}{plant.name}")
        finders[plant] = None
        if wanted.keep:
            keep(plant, None)
    missed = list(finders.values()).count(None)
    print(f"{len(chosen)} planted, {len(chosen) - missed} found")
    return 1 if missed else 0


def found_by(plant: Plant) -> str | None:
    """The first test that fails with the fault in it; None when none does."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        planted(plant, source)
        return next(iter(_failures(plant.name, source, ["-x", *plant.finders])), None)


def failing_without(finders: Collection[str]) -> list[str]:
    """Those of these tests that fail although nothing is planted: they have found nothing."""
    return _failures("without a fault", ROOT / "src", sorted(finders)) if finders else []


def _failures(name: str, source: Path, what: Sequence[str]) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *what]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{name}: the tests could not be run\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    found = _FOUND.findall(done.stdout)
    if done.returncode and not found:
        # A fixture that fails shows a machine in trouble as well as a fault.
        sys.exit(f"{name}: the tests could not begin\n{done.stdout[-3000:]}")
    return found


def planted(plant: Plant, source: Path) -> None:
    """Put the fault in its place. Exits when that is not there, or more than once."""
    path = source / "hourbell" / plant.file
    text = path.read_text(encoding="utf-8")
    if text.count(plant.old) != 1:
        sys.exit(f"{plant.name}: {plant.old!r} stands {text.count(plant.old)} times in {plant.file}, not once")
    path.write_text(text.replace(plant.old, plant.new), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
