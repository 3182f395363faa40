"""The engine against brute force, at length: `python -m tests.triggers.oracle --cases 20000`.

Every zone of the IANA list whose offset changes between 1970 and 2037 gets its share of the cases, two thirds of them
around one of its changes; four of five by minutes over three days, one by seconds over six hours. A disagreement ends
the run with the expression, the zone and both lists.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[1]))

from hourbell.triggers.zones import zone_names
from triggers.brute_force import changes_of
from triggers.comparing import SIX_HOURS, THREE_DAYS, agree
from triggers.strategies import cases


def main() -> None:
    """Compare, and print what was compared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="how many (expression, zone, instant) at least")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    began = time.monotonic()
    zones = [zone for name in sorted(zone_names()) if changes_of(zone := ZoneInfo(name))]
    share = -(-wanted.cases // len(zones))
    by_second = max(1, share // 5)
    done = 0
    for number, zone in enumerate(zones, start=1):
        seed = wanted.seed * 100_000 + number
        agree(cases(THREE_DAYS, zone=zone), seed=seed, examples=share - by_second)
        agree(cases(SIX_HOURS, with_seconds=True, zone=zone), seed=seed, examples=by_second)
        done += share
        if number % 50 == 0 or number == len(zones):
            print(
                f"{done} cases in {number} of {len(zones)} zones agree ({time.monotonic() - began:.0f} s)", flush=True
            )


if __name__ == "__main__":
    main()
