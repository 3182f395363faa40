"""The same on SQLite: drain and fire, by one process and by four on the same file."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.frame.contenders import HOURBELL
from benchmarks.frame.figures import Figure
from benchmarks.frame.report import Report
from benchmarks.frame.run import Run
from benchmarks.frame.workers import Workers

# What is on record is asked here, of the file.
ON_SQLITE = replace(HOURBELL, unfinished=None, recorded=None)
AHEAD = 8.0
PERIOD = 86_400


def report() -> Report:
    return Report(
        "sqlite",
        "Hourbell on an SQLite file with synchronous=FULL",
        (
            Figure("rate", "drained, or fired", "runs/s", True),
            Figure("cpu", "CPU", "µs/run", False, 1),
            Figure("last", "lateness of the last", "ms", False),
        ),
    )


def measure(run: Run) -> None:
    run.gather(())
    if not run.present:
        return
    runs, fires = run.wanted.sized(5_000, 20_000), run.wanted.sized(500, 5_000)
    variants: dict[str, Callable[[Path], dict[str, float]]] = {
        f"drain of {runs:,}, one process": lambda folder: drained(folder, 1, runs),
        f"drain of {runs:,}, four processes": lambda folder: drained(folder, 4, runs),
        f"drain of {runs:,}, sync bodies in threads": lambda folder: drained(folder, 1, runs, body="sync"),
        f"{fires:,} due in the same second, one process": lambda folder: fired(folder, 1, fires),
        f"{fires:,} due in the same second, four processes": lambda folder: fired(folder, 4, fires),
    }
    chosen = run.chosen(list(variants))
    with tempfile.TemporaryDirectory(prefix="hourbell-bench-") as place:
        for number in range(run.wanted.runs):
            for variant in chosen:
                folder = Path(place) / "run"
                folder.mkdir()
                figures = variants[variant](folder)
                shutil.rmtree(folder)
                run.report.measurement("hourbell", variant).add(figures)
                run.say(f"{variant}, {number + 1}: {figures['rate']:,.0f} runs/s")
    run.report.notes.append(f"SQLite {sqlite3.sqlite_version}")


def drained(folder: Path, processes: int, runs: int, **options: Any) -> dict[str, float]:
    """See `benchmarks.workloads.drain`."""
    url = f"sqlite:///{folder / 'hourbell.db'}"
    ON_SQLITE.call("enqueue", url=url, count=runs)
    with Workers(ON_SQLITE, url, processes, **options) as workers:
        workers.wait_for_bodies(runs, 60 + runs / 100)
        done = recorded(folder, workers, runs)
        results = workers.stop()
        workers.check(results, runs)
        return {"rate": runs / (done - workers.first_body()), "cpu": _cpu(results) / runs}


def fired(folder: Path, processes: int, fires: int) -> dict[str, float]:
    """See `benchmarks.workloads.fire`."""
    url = f"sqlite:///{folder / 'hourbell.db'}"
    begin = float(int(time.time() + AHEAD))
    ON_SQLITE.call("schedules", url=url, count=fires, begin=begin, period=PERIOD, stamped=True)
    with Workers(ON_SQLITE, url, processes) as workers:
        workers.wait_for_start()
        assert time.time() < begin - 0.5, "the schedules were due before the nodes had started: a slow machine"
        workers.wait_for_bodies(fires, AHEAD + 60 + fires / 100)
        recorded(folder, workers, fires)
        results = workers.stop()
        workers.check(results, fires)
    late = [one for result in results for one in result["late"]]
    return {"rate": fires / max(late), "cpu": _cpu(results) / fires, "last": max(late) * 1e3}


def recorded(folder: Path, workers: Workers, runs: int) -> float:
    """Wait until the file has all of them as succeeded; answers when that was."""
    with sqlite3.connect(f"file:{folder / 'hourbell.db'}?mode=ro", uri=True) as connection:
        deadline = time.monotonic() + 60
        while True:
            left = connection.execute("SELECT 1 FROM runs WHERE state IN ('queued', 'running') LIMIT 1").fetchone()
            if left is None:
                break
            assert time.monotonic() < deadline, "some runs had no end on record after 60 s"
            workers.rest(0.002)
        done = time.monotonic()
        (found,) = connection.execute("SELECT count(*) FROM runs WHERE state = 'succeeded'").fetchone()
    connection.close()
    assert found == runs, f"{found} of {runs} runs are on record"
    return done


def _cpu(results: Sequence[dict[str, Any]]) -> float:
    return sum(float(result["cpu"]) for result in results) * 1e6
