"""How soon a hostile client is refused, while twenty schedules fire: the slowest answers, on a server of its own.

``.venv/bin/python benchmarks/hostile.py``. What is sent stands in ``tests/fastapi/hostility.py``; that it is refused
and that the schedules fire, is for ``tests/fastapi/test_hostile.py``. The goals: 100 ms, and 1 s for 10 MB.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUNDS = 3
GOAL, GOAL_OF_LARGE = 0.1, 1.0
LARGE = 5_000_000
SHOWN = 8


def main() -> int:
    """Print the slowest of each round's best, and say whether all are within the goals."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    from tests.fastapi.fuzzing import served
    from tests.fastapi.hostility import attacks, send

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with served("hostile_app:app", f"sqlite:///{folder / 'hourbell.db'}", folder) as (address, _):
            rounds = [send(address, attacks()) for _ in range(ROUNDS)]
    found = []
    for answers in zip(*rounds, strict=True):
        attack = answers[0].attack
        goal = GOAL_OF_LARGE if len(attack.body) > LARGE else GOAL
        found.append((statistics.median(one.seconds for one in answers), goal, answers[0].status, attack.name))
    found.sort(reverse=True)
    print(f"{len(found)} requests, {ROUNDS} times; the slowest by their median:")
    for seconds, goal, status, name in found[:SHOWN]:
        print(f"{seconds * 1000:8.1f} ms of {goal * 1000:.0f}  {status}  {name}")
    print(f"{statistics.median(one[0] for one in found) * 1000:8.1f} ms  the median of all")
    late = [one for one in found if one[0] > one[1]]
    print("all within the goals" if not late else f"{len(late)} beyond the goals")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
