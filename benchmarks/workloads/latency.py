"""How soon a body begins: of one-shots, of what is enqueued to an idle node, of a schedule that fires each second."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from benchmarks.frame.contenders import (
    APSCHEDULER,
    CHANCY,
    GRAPHILE,
    HOURBELL,
    OBAN,
    PGBOSS,
    PGQUEUER,
    PROCRASTINATE,
    Contender,
)
from benchmarks.frame.figures import Figure, Goal, in_turn, percentile
from benchmarks.frame.program import ProgramFailed
from benchmarks.frame.report import Report
from benchmarks.frame.run import Run
from benchmarks.frame.workers import Workers

PEERS = (PGQUEUER, GRAPHILE, PGBOSS, CHANCY, PROCRASTINATE, APSCHEDULER, OBAN)
POLLED = replace(HOURBELL, key="polled", title="Hourbell without hints")
ONE_SHOTS = "50 one-shots over 10 s"
ENQUEUED = "enqueued to an idle node"
TICK = "a 1 s schedule under four processes"
POLL = 0.1
"""How often those ask that find delayed jobs by asking, where that can be set so low."""
IDLE = 3.0
"""Seconds after the start, for connections, proofs of hints and first polls to be over."""


@dataclass(frozen=True, slots=True)
class Variant:
    """How one variant is measured, and by whom it can be."""

    name: str
    contenders: tuple[Contender, ...]
    measured: Any


def report() -> Report:
    return Report(
        "latency",
        "from the moment a run is due, or its enqueue is called, to the first line of its body",
        (
            Figure("p50", "p50", "ms", False, 1),
            Figure("p99", "p99", "ms", False, 1),
            Figure("most", "the latest", "ms", False, 1),
        ),
        tuple(
            Goal(f"{figure} of {what}, beside the best peer", variant, figure, peers, 1.0, "at most")
            for what, variant, peers in (
                ("one-shots", ONE_SHOTS, tuple(peer.key for peer in PEERS)),
                ("enqueues", ENQUEUED, tuple(peer.key for peer in PEERS)),
                ("a 1 s schedule under four processes", TICK, ("pgqueuer",)),
            )
            for figure in ("p50", "p99")
        ),
    )


def measure(run: Run) -> None:
    run.gather(PEERS)
    queues = tuple(one for one in run.present if one is not APSCHEDULER)
    polled = (POLLED,) if HOURBELL in run.present and not run.wanted.goals else ()
    run.report.contenders |= {one.key: one.title for one in polled}
    ticking = tuple(one for one in run.present if one in (HOURBELL, PGQUEUER))
    variants = (
        Variant(ONE_SHOTS, tuple(run.present), one_shots),
        Variant(ENQUEUED, (*queues, *polled), enqueued),
        Variant(TICK, ticking, ticks),
    )
    for variant in variants:
        if variant.name not in run.chosen([ONE_SHOTS, ENQUEUED, TICK]):
            continue
        for number, contender in in_turn(variant.contenders, run.wanted.runs):
            if f"{contender.key}: {variant.name}" in run.report.not_run:
                continue
            url = run.databases.empty()
            try:
                contender.call("prepare", url=url)
                late = variant.measured(run, contender, url)
            except (ProgramFailed, AssertionError) as problem:
                run.fails(contender, variant.name, problem)
            else:
                told = figures(late)
                run.report.measurement(contender.key, variant.name).add(told)
                run.say(
                    f"{variant.name}, {number + 1}: {contender.title} p50 {told['p50']:.1f} p99 {told['p99']:.1f} ms"
                )
            finally:
                run.databases.drop(url)


def figures(late: list[float]) -> dict[str, float]:
    return {
        "p50": percentile(late, 0.50) * 1e3,
        "p99": percentile(late, 0.99) * 1e3,
        "most": max(late) * 1e3,
    }


def one_shots(run: Run, contender: Contender, url: str) -> list[float]:
    """Put in beforehand, due one after the other; schedules that fire once where the library has such."""
    count = run.wanted.sized(20, 50)
    begin = time.time() + 5 + IDLE
    with Workers(contender, url, poll=POLL) as workers:
        workers.wait_for_start()
        if contender is APSCHEDULER:
            # Its schedulers read their store when they start or when they add something themselves.
            workers.stop()
            return alone(contender, url, count)
        contender.call("enqueue", url=url, count=count, begin=begin, apart=0.2, one_shots=True)
        assert time.time() < begin, "the first was due before all were put in: a slow machine"
        workers.wait_for_bodies(count, 60)
        workers.wait_for_records()
        results = workers.stop()
        workers.check(results, count)
    return list(results[0]["late"])


def alone(contender: Contender, url: str, count: int) -> list[float]:
    """Put in before the worker starts."""
    begin = time.time() + 5 + IDLE
    contender.call("enqueue", url=url, count=count, begin=begin, apart=0.2)
    with Workers(contender, url) as workers:
        workers.wait_for_start()
        assert time.time() < begin, "the first was due before the scheduler had started: a slow machine"
        workers.wait_for_bodies(count, 60)
        results = workers.stop()
        workers.check(results, count)
    return list(results[0]["late"])


def enqueued(run: Run, contender: Contender, url: str) -> list[float]:
    """One at a time, by another process, to a worker that has nothing to do."""
    count = run.wanted.sized(50, 200)
    with Workers(contender, url, deaf=contender is POLLED) as workers:
        workers.wait_for_start()
        workers.rest(IDLE)
        contender.call("enqueue", url=url, count=count, one_by_one=True, pause=0.05)
        workers.wait_for_bodies(count, 60)
        workers.wait_for_records()
        results = workers.stop()
        workers.check(results, count)
    return list(results[0]["late"])


def ticks(run: Run, contender: Contender, url: str) -> list[float]:
    """A schedule that fires on the second, known to four processes; each second must have one run, by one of them."""
    seconds = run.wanted.sized(10, 40)
    query = "SELECT count(DISTINCT fire_at), count(*) FROM hourbell.runs WHERE state = 'succeeded'"
    with Workers(contender, url, 4, tick=True) as workers:
        workers.wait_for_start()
        workers.rest(IDLE)
        before = sum(program.count for program in workers.programs)
        workers.rest(seconds)
        ran = sum(program.count for program in workers.programs) - before
        late = [one for result in workers.stop() for one in result["late"]]
    if contender is HOURBELL:
        with psycopg.connect(url, autocommit=True) as connection:
            fires, runs = connection.execute(query).fetchone() or (0, 0)
        assert fires == runs == len(late), f"{fires} fires have {runs} runs, and {len(late)} bodies ran"
        assert abs(ran - seconds) <= 1, f"{ran} bodies ran in {seconds} seconds"
    elif abs(ran - seconds) > 1:
        run.report.notes.append(f"{contender.title} ran its 1 s schedule {ran} times in {seconds} s")
    return late
