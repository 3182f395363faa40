"""Some minutes of made-up time, each from its seed, and the same with a guard taken out: that must be seen.

At length: ``python -m tests.simulation --seeds 1000``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.sabotage import SABOTAGES

ROOT = Path(__file__).parents[2]


def simulated(*options: str) -> tuple[int, list[str]]:
    """The exit code, and what was said."""
    command = [sys.executable, "-m", "tests.simulation", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


@pytest.mark.slow
def test_whatever_goes_wrong_the_promises_hold() -> None:
    code, said = simulated("--seeds", "3")
    assert code == 0, "\n".join(said)
    assert said[-2].startswith("12 simulations")
    named = re.search(r"(\d+) claimed by name", said[-2])
    assert named is not None
    assert int(named[1]) > 100


@pytest.mark.slow
def test_the_same_seed_gives_the_same_history() -> None:
    _, first = simulated("--seeds", "1", "--tell")
    _, again = simulated("--seeds", "1", "--tell")
    assert len(first) > 10
    # The last two lines have the seconds in them.
    assert first[:-2] == again[:-2]


@pytest.mark.slow
@pytest.mark.parametrize("guard", SABOTAGES)
def test_a_guard_that_is_missing_is_seen(guard: str) -> None:
    code, said = simulated("--seeds", "60", "--without", guard)
    assert code == 1, "\n".join(said)
