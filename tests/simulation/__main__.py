"""Simulations at length: ``python -m tests.simulation --seeds 1000``; one again: ``--first SEED --seeds 1 --tell``.

It is a program of its own also for the tests: what the dead leave half done stays so until the interpreter ends.
"""

from __future__ import annotations

import argparse
import gc
import logging
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulation.checks import late_requests, late_takeovers, problems, unheard_cancels
from simulation.sabotage import SABOTAGES
from simulation.world import BETWEEN, EVERYTHING, KILLS_ONLY, STANDSTILLS, simulated

_HAZARDS = {"everything": EVERYTHING, "kills": KILLS_ONLY, "standstills": STANDSTILLS, "between": BETWEEN}
_MOST_GARBAGE = 25


def main() -> int:
    """Simulate, and tell of the seeds that went wrong. The exit code is 1 when there were any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--tell", action="store_true", help="tell what happened in each")
    parser.add_argument("--hazards", choices=("all", "in turn", *_HAZARDS), default="all", help="what goes wrong")
    parser.add_argument("--without", choices=SABOTAGES, help="take this guard out, and end at the first that shows it")
    wanted = parser.parse_args()
    _let_the_dead_rest()
    if wanted.without:
        sabotage, wanted.hazards = SABOTAGES[wanted.without]
        sabotage()
    # What the dead leave is not tidied up in the middle of the next simulation: they would have their last words there.
    gc.disable()
    began, done, wrong, starts, lost, named = time.monotonic(), 0, 0, 0, 0, 0
    for seed in range(wanted.first, wanted.first + wanted.seeds):
        for name in _chosen(wanted.hazards, seed):
            hazards = _HAZARDS[name]
            outcome = simulated(seed, hazards)
            found = problems(outcome)
            if hazards is KILLS_ONLY:
                found += late_takeovers(outcome) + unheard_cancels(outcome) + late_requests(outcome)
            done += 1
            if done % _MOST_GARBAGE == 0:
                gc.collect()
            starts += sum(outcome.seen.begun.values())
            lost += sum(run.losses for run in outcome.runs)
            named += outcome.seen.named
            if wanted.tell or found:
                print(f"== seed {seed}, {name}", *outcome.history, *found[:10], sep="\n   ", flush=True)
            wrong += bool(found)
        if wrong and wanted.without:
            break
    seconds = time.monotonic() - began
    pace = done / seconds * 60
    print(
        f"{done} simulations in {seconds:.0f} s: {starts} bodies begun, {named} claimed by name, {lost} lost, "
        f"{wrong} wrong"
    )
    print(f"{pace:.0f} simulations a minute, {time.process_time() / done:.2f} s of CPU each")
    return 1 if wrong else 0


def _chosen(hazards: str, seed: int) -> list[str]:
    """The names of the hazards under which this seed is lived through."""
    names = list(_HAZARDS)
    if hazards == "all":
        return names
    return [names[seed % len(names)] if hazards == "in turn" else hazards]


def _let_the_dead_rest() -> None:
    """A killed process leaves its tasks as they stand; here they are found by the collector, which complains."""
    for name in ("asyncio", "hourbell"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None


if __name__ == "__main__":
    sys.exit(main())
