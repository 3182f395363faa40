"""Many schedules that fall due in the same second, and the cost of a step among a million of them."""

from __future__ import annotations

import statistics
import time

from benchmarks.frame.contenders import APSCHEDULER, GRAPHILE, HOURBELL, PGQUEUER, Contender
from benchmarks.frame.figures import Figure, Goal, in_turn, percentile
from benchmarks.frame.program import ProgramFailed
from benchmarks.frame.report import Report
from benchmarks.frame.run import Run
from benchmarks.frame.workers import Workers

PERIOD = 86_400
AHEAD = 8.0
"""Seconds between the moment at which schedules are put in and the one at which they are due."""
POLL = 0.1
"""How often those ask that find delayed jobs by asking: as often as makes sense, for they are to be at their best."""
PER_SECOND = 100
STEPS = 10


def many(count: int) -> str:
    return f"{count:,} due in the same second"


def stored(count: int) -> str:
    return f"a step with {PER_SECOND} due among {count:,}"


def report() -> Report:
    most = many(10_000)
    return Report(
        "fire",
        "recurring schedules (delayed jobs of PgQueuer and graphile-worker) due in the same second",
        (
            Figure("rate", "from due to the last body", "fires/s", True),
            Figure("median", "lateness, median", "ms", False),
            Figure("last", "lateness of the last", "ms", False),
            Figure("cpu", "CPU of the workers", "µs/fire", False),
            Figure("step", "one step", "ms", False, 2),
        ),
        (
            Goal("10,000 recurring at once, beside APScheduler 3", most, "rate", ("apscheduler",), 12.0, "at least"),
            Goal(
                "lateness of the last, beside the best peer's delayed jobs",
                most,
                "last",
                ("graphile", "pgqueuer"),
                1.0,
                "at most",
            ),
            Goal(
                "a step among 1,000,000 beside one among 10,000",
                stored(10**6),
                "step",
                (),
                1.3,
                "at most",
                stored(10**4),
            ),
        ),
    )


def measure(run: Run) -> None:
    run.gather((APSCHEDULER, PGQUEUER, GRAPHILE))
    counts = {many(count): count for count in ([1_000] if run.wanted.size == "small" else [1_000, 10_000])}
    for variant in run.chosen(list(counts)):
        for number, contender in in_turn(run.present, run.wanted.runs):
            if f"{contender.key}: {variant}" in run.report.not_run:
                continue
            try:
                figures = fired(run, contender, counts[variant])
            except (ProgramFailed, AssertionError) as problem:
                run.fails(contender, variant, problem)
            else:
                run.report.measurement(contender.key, variant).add(figures)
                run.say(f"{variant}, {number + 1}: {contender.title} {figures['rate']:,.0f} fires/s")
    if HOURBELL in run.present:
        grown(run, [10**4, 10**5] if run.wanted.size == "small" else [10**4, 10**5, 10**6])


def fired(run: Run, contender: Contender, count: int) -> dict[str, float]:
    """Have so many fire in one second, see that each did once, and answer the figures."""
    url = run.databases.empty()
    try:
        contender.call("prepare", url=url)
        begin = float(int(time.time() + AHEAD))
        if contender is HOURBELL:
            contender.call("schedules", url=url, count=count, begin=begin, period=PERIOD, stamped=True)
        else:
            contender.call("enqueue", url=url, count=count, begin=begin, period=PERIOD)
        with Workers(contender, url, poll=POLL) as workers:
            workers.wait_for_start()
            assert time.time() < begin - 0.5, "the schedules were due before the node had started: a slow machine"
            workers.wait_for_bodies(count, AHEAD + 60 + count / 100)
            workers.wait_for_records()
            results = workers.stop()
            workers.check(results, count)
    finally:
        run.databases.drop(url)
    late = results[0]["late"]
    return {
        "rate": count / max(late),
        "median": statistics.median(late) * 1e3,
        "last": max(late) * 1e3,
        "cpu": results[0]["cpu"] / count * 1e6,
    }


def grown(run: Run, counts: list[int]) -> None:
    """The firing step alone, once a second, on tables of several sizes in turn; in each a hundred are due a second."""
    variants = run.chosen([stored(count) for count in counts])
    if not variants:
        return
    counts = [count for count in counts if stored(count) in variants]
    urls = {run.databases.empty(): count for count in counts}
    begin = float(int(time.time() + 20 + sum(counts) / 8_000))
    for url, count in urls.items():
        HOURBELL.call("prepare", url=url)
        apart = 1 / PER_SECOND
        HOURBELL.call("schedules", url=url, count=count, begin=begin, period=count * apart, apart=apart)
        run.databases.settle_down(url)
        run.say(f"{count:,} schedules are stored")
    assert time.time() < begin, "the schedules were due before all were stored: a slow machine"
    steps = STEPS * run.wanted.runs
    found = HOURBELL.call(
        "steps", urls=list(urls), begin=begin + 1, steps=steps, timeout=begin - time.time() + 2 * steps + 60
    )
    for url, count in urls.items():
        expected = PER_SECOND * steps
        assert abs(found["fired"][url] - expected) < expected / 10, f"{found['fired'][url]} fires, not {expected}"
        took = found["took"][url]
        for first in range(0, steps, STEPS):
            figures = {"step": statistics.median(took[first : first + STEPS]) * 1e3}
            run.report.measurement("hourbell", stored(count)).add(figures)
        run.say(f"{stored(count)}: {percentile(took, 0.5) * 1e3:.2f} ms")
        run.databases.drop(url)
