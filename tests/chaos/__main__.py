"""The laboratory: ``python -m tests.chaos``. Every scenario, or some of them, one after another."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from .entry import Entry, Group
from .laboratory import Trial, planned, run_trial, ticking
from .page import PAGE, RECORD, write_page
from .registry import all_entries
from .results import FAILED, NOT_RUN, PASSED, Result, merged, read_results, told_as_json, write_results
from .site import KINDS

ALL_PASSED, SOME_FAILED, USAGE, SOME_NOT_RUN, INTERRUPTED = 0, 1, 2, 3, 130

_END = """
exit codes: 0 all passed; 1 some failed; 2 the arguments are wrong; 3 none failed, but some could not be run;
130 interrupted. What has been found by then is kept in each case.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """What the command line asks for; its exit code."""
    entries = all_entries()
    parser = _parser()
    given = parser.parse_args(arguments)
    chosen = _chosen(parser, entries, given)
    if given.page:
        print(f"{write_page(given.record or RECORD)} results on {PAGE.name}")
        return ALL_PASSED
    if given.merge:
        record = given.record or RECORD
        found = [read_results(path) for path in (record, *given.merge)]
        write_results(record, merged([], [one for some in found for one in some], [entry.name for entry in entries]))
        print(f"{len(read_results(record))} results in {record.name}")
        return ALL_PASSED
    trials = planned(chosen, given.on or KINDS, long=given.long, seed=given.seed)
    if given.list:
        _list(trials)
        return ALL_PASSED
    if not trials:
        parser.error("nothing is left to run: none of these scenarios runs on that database")
    record = given.record or (RECORD if given.long else None)
    before = read_results(record) if record is not None else []
    order = [entry.name for entry in entries]
    results: list[Result] = []
    says = sys.stderr if given.json else sys.stdout
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers, processes and disks go away then too
    try:
        for number, trial in enumerate(trials, 1):
            results.append(_run(trial, f"[{number}/{len(trials)}]", says))
            if record is not None:
                write_results(record, merged(before, results, order))
    except KeyboardInterrupt:
        print(f"interrupted after {len(results)} of {len(trials)}", file=sys.stderr)
        return INTERRUPTED
    finally:
        if given.json:
            print(told_as_json(results), end="")
    return _sum(results, says)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", metavar="NAMES", help="these scenarios, separated by commas")
    parser.add_argument("--group", choices=[group.value for group in Group], action="append", help="those of a group")
    parser.add_argument("--on", choices=KINDS, action="append", help="which database; all of them unless given")
    parser.add_argument("--long", action="store_true", help="the long form; its results go into the record")
    parser.add_argument("--seed", type=int, help="repeats the chance of an earlier time")
    parser.add_argument("--list", action="store_true", help="say what would be run, and how long it takes")
    parser.add_argument("--json", action="store_true", help="the results as JSON on the standard output")
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep the results there, with what it has already")
    parser.add_argument("--merge", type=Path, nargs="+", metavar="FILE", help="only put these records into the record")
    parser.add_argument("--page", action="store_true", help="only make the page of results from the record")
    return parser


def _chosen(parser: argparse.ArgumentParser, entries: Sequence[Entry], given: argparse.Namespace) -> list[Entry]:
    names = given.only.split(",") if given.only else []
    unknown = sorted(set(names) - {entry.name for entry in entries})
    if unknown:
        parser.error(f"there is no scenario {', '.join(unknown)}; --list shows those that there are")
    return [
        entry
        for entry in entries
        if (not names or entry.name in names) and (not given.group or entry.group in given.group)
    ]


def _list(trials: Sequence[Trial]) -> None:
    group = None
    for trial in trials:
        if trial.entry.group != group:
            group = trial.entry.group
            print(f"{group}:")
        missing = trial.entry.missing()
        told = f"  {trial.entry.name} on {trial.on}: {trial.entry.done}"
        print(told + (f" [cannot be run here: {missing} is missing]" if missing else ""))
    minutes = sum(trial.entry.minutes for trial in trials)
    print(f"{len(trials)} scenarios; their long forms take about {minutes:.0f} minutes")


def _run(trial: Trial, place: str, says: TextIO) -> Result:
    about = f", about {trial.entry.minutes:g} min" if trial.long else ""
    with ticking(says, f"{place} {trial.entry.name} on {trial.on}, seed {trial.seed}{about}"):
        result = run_trial(trial)
    print(_told(result), file=says, flush=True)
    return result


def _told(result: Result) -> str:
    lines = [f"   {name}: {value}" for name, value in result.figures]
    lines += [f"   PROBLEM: {problem}" for problem in result.problems]
    lines += [f"   {result.verdict}: {result.why}" if result.why else f"   {result.verdict} in {result.seconds:.0f} s"]
    return "\n".join(lines)


def _sum(results: Sequence[Result], says: TextIO) -> int:
    """The last word, and the exit code."""
    for one in results:
        if one.verdict != PASSED:
            again = f"; again: --only {one.name} --on {one.on} --seed {one.seed}" if one.seed is not None else ""
            print(f"{one.verdict}: {one.name} on {one.on}{again}", file=says)
    counts = {verdict: sum(one.verdict == verdict for one in results) for verdict in (PASSED, FAILED, NOT_RUN)}
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()), file=says)
    if counts[FAILED]:
        return SOME_FAILED
    return SOME_NOT_RUN if counts[NOT_RUN] else ALL_PASSED


if __name__ == "__main__":
    sys.exit(main())
