"""As much as one node takes, for a quarter of an hour, with pruning on: does it stay as quick, and as small?

Beside it, on another database, the same with a transaction left open in a snapshot of its own, which keeps PostgreSQL
from removing what is dead: the worst that a neighbour can do.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field

import psycopg

from benchmarks.frame.contenders import HOURBELL
from benchmarks.frame.databases import first
from benchmarks.frame.figures import Figure, Goal, percentile
from benchmarks.frame.report import Report
from benchmarks.frame.run import Run
from benchmarks.frame.workers import Workers

BACKLOG = 5_000
RETENTION = 30.0
"""Seconds that finished runs are kept: after the first minute as many are pruned as are made."""
SIZE = (
    "SELECT sum(pg_total_relation_size(c.oid)) / 1048576.0 "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'hourbell' AND c.relkind = 'r'"
)
EARLY, LATE = "minute 2", "the last minute"
HELD = "{}, a snapshot held open"


@dataclass(slots=True)
class Minutes:
    """What was seen at the end of each minute."""

    counts: list[int] = field(default_factory=list)
    instants: list[float] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)


def report() -> Report:
    return Report(
        "soak",
        "one node beside a client that always has more for it; finished runs are pruned after 30 s",
        (
            Figure("rate", "throughput", "runs/s", True),
            Figure("claim", "a claim, p50", "ms", False, 2),
            Figure("size", "tables and indexes", "MB", False, 1),
        ),
        (*goals("{}"), *goals(HELD)),
    )


def goals(shape: str) -> tuple[Goal, Goal]:
    """The last minute beside the second."""
    late, early = shape.format(LATE), shape.format(EARLY)
    return (
        Goal(f"throughput of {late}, beside minute 2", late, "rate", (), 0.9, "at least", early),
        Goal(f"size after {late}, beside minute 2", late, "size", (), 1.5, "at most", early),
    )


def measure(run: Run) -> None:
    run.gather(())
    minutes = 3 if run.wanted.size == "small" else max(3, round(run.wanted.minutes))
    run.report.notes.append(f"{minutes} minutes each")
    for shape in ("{}", HELD):
        if shape.format(LATE) in run.chosen([LATE, HELD.format(LATE)]):
            soaked(run, minutes, shape)


def soaked(run: Run, minutes: int, shape: str) -> None:
    """Let it run, and take up what the second and the last minute were like."""
    url = run.databases.empty()
    HOURBELL.call("prepare", url=url)
    settings = {"retention": RETENTION}
    seen = Minutes()
    with contextlib.ExitStack() as stack:
        if shape == HELD:
            holder = stack.enter_context(psycopg.connect(url))
            holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            holder.execute("SELECT count(*) FROM hourbell.runs")
        workers = stack.enter_context(Workers(HOURBELL, url, settings=settings, time_claims=True))
        workers.wait_for_start()
        feeder = stack.enter_context(HOURBELL.start("feed", {"url": url, "backlog": BACKLOG}))
        feeder.wait_for("started", 60)
        looking = stack.enter_context(psycopg.connect(url, autocommit=True))
        see(seen, workers, looking)
        for minute in range(minutes):
            end = seen.instants[0] + 60 * (minute + 1)
            while time.monotonic() < end:
                workers.rest(min(1.0, max(0.0, end - time.monotonic())))
                feeder.check()
            see(seen, workers, looking)
            run.say(f"minute {minute + 1}: {rate(seen, minute):,.0f} runs/s, {seen.sizes[-1]:,.1f} MB")
        feeder.stop()
        [result] = workers.stop()
        check(looking, result["count"])
    for name, minute in ((EARLY, 1), (LATE, minutes - 1)):
        begin, end = seen.instants[minute], seen.instants[minute + 1]
        claims = [took for at, took in result["claims"] if begin <= at < end]
        figures = {"rate": rate(seen, minute), "claim": percentile(claims, 0.5) * 1e3, "size": seen.sizes[minute + 1]}
        run.report.measurement("hourbell", shape.format(name)).add(figures)
    run.databases.drop(url)


def see(seen: Minutes, workers: Workers, looking: psycopg.Connection[tuple[object, ...]]) -> None:
    seen.instants.append(time.monotonic())
    seen.counts.append(workers.programs[0].count)
    seen.sizes.append(float(first(looking, SIZE)))


def rate(seen: Minutes, minute: int) -> float:
    bodies = seen.counts[minute + 1] - seen.counts[minute]
    return bodies / (seen.instants[minute + 1] - seen.instants[minute])


def check(looking: psycopg.Connection[tuple[object, ...]], bodies: int) -> None:
    """Nothing ended otherwise than well, and no run had two bodies as far as the record still says."""
    odd = first(looking, "SELECT count(*) FROM hourbell.runs WHERE state NOT IN ('queued', 'succeeded') OR attempt > 1")
    assert odd == 0, f"{odd} runs did not simply succeed"
    kept = first(looking, "SELECT count(*) FROM hourbell.runs WHERE state = 'succeeded'")
    assert 0 < kept <= bodies, f"{kept} runs are on record for {bodies} bodies"
