"""The command line of the suite; `python3 dev.py bench` is the way to it."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.frame import page, tables
from benchmarks.frame.databases import Databases
from benchmarks.frame.run import Run, Wanted

ROOT = Path(__file__).parents[1]
WORKLOADS = ("drain", "fire", "latency", "idle", "sqlite", "enqueue", "soak")
LAST = ROOT / "benchmarks" / "last"


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench", description=__doc__)
    names = (
        f"of {', '.join(WORKLOADS)}; none: all but soak; `publish`: put what was measured last, in full, on the page"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=names)
    parser.add_argument("--peers", action="store_true", help="measure the peers as well, installed at their newest")
    parser.add_argument("--only", default="", metavar="KEY,…", help="only these contenders, by their keys")
    parser.add_argument("--variant", action="append", default=[], help="only variants of this name, or with this in it")
    parser.add_argument("--goals", action="store_true", help="only variants that a goal is about")
    parser.add_argument("--runs", type=int, default=5, help="runs of each, interleaved (default 5)")
    parser.add_argument("--size", choices=("small", "full"), default="full", help="small: to try it in a minute")
    parser.add_argument("--minutes", type=float, default=15, help="how long the soak goes on (default 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures are kept, for one NAME")
    found = parser.parse_args(arguments)
    if found.names == ["publish"]:
        return found
    unknown = [name for name in found.names if name not in WORKLOADS]
    if unknown:
        parser.error(f"there is no workload {unknown[0]!r}; there are {', '.join(WORKLOADS)}")
    if found.json and len(found.names) != 1:
        parser.error("--json FILE is for one NAME")
    return found


def main(arguments: list[str]) -> int:
    found = parsed(arguments)
    if found.names == ["publish"]:
        print("published:", ", ".join(page.publish(LAST)))
        return 0
    # Whoever ends the suite ends the server and the programs with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(width=None if sys.stdout.isatty() else 200)
    only = tuple(filter(None, found.only.split(",")))
    wanted = Wanted(found.size, found.runs, found.peers, only, tuple(found.variant), found.minutes, found.goals)
    for name in found.names or [one for one in WORKLOADS if one != "soak"]:
        workload = importlib.import_module(f"benchmarks.workloads.{name}")
        console.rule(name)
        with Databases() as databases:
            run = Run(wanted, databases, console, workload.report())
            try:
                workload.measure(run)
            finally:
                report = run.finish()
                if report.measurements:
                    kept = found.json or LAST / f"{name}.json"
                    report.write(kept)
                    tables.show(report, console)
                    console.print(f"  kept in {kept}", markup=False, highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
