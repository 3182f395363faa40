"""Runs that do nothing, put in beforehand and drained: what each takes of the time and of the processor.

The time begins with the first body and ends when the database says that nothing is left; what a start takes stands in a
column of its own. Every run starts from a copy of the same filled database, so that all find the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from benchmarks.frame import limit
from benchmarks.frame.contenders import CHANCY, GRAPHILE, HOURBELL, OBAN, PGBOSS, PGQUEUER, PROCRASTINATE, Contender
from benchmarks.frame.figures import Figure, Goal, in_turn
from benchmarks.frame.program import ProgramFailed
from benchmarks.frame.report import Report
from benchmarks.frame.run import Run
from benchmarks.frame.workers import Workers

PEERS = (PGQUEUER, PGBOSS, GRAPHILE, CHANCY, PROCRASTINATE, OBAN)
LIMIT = replace(HOURBELL, key="limit", title="the limit: our statements by pgbench, one client, batches of 500")
ONE = "one process"
RATE = Figure("rate", "drained", "runs/s", True)


@dataclass(frozen=True, slots=True)
class Variant:
    """A way in which the drain is asked for; ``ours``: only Hourbell is measured."""

    name: str
    processes: int = 1
    options: tuple[tuple[str, Any], ...] = ()
    ours: bool = False


VARIANTS = (
    Variant(ONE),
    Variant("two processes", processes=2),
    Variant("10 ms of waiting in each body", options=(("body", "wait"),)),
    Variant("sync bodies in threads", options=(("body", "sync"),), ours=True),
    Variant("arguments of 1 kB", options=(("pad", 1000),)),
)


def report() -> Report:
    return Report(
        "drain",
        "no-op runs put in beforehand and drained; every run durably recorded",
        (
            RATE,
            Figure("cpu", "CPU of the workers", "µs/run", False, 1),
            Figure("server_cpu", "CPU of PostgreSQL", "µs/run", False, 1),
            Figure("start", "start to first body", "ms", False),
        ),
        (
            Goal("drain, one process, beside PgQueuer", ONE, "rate", ("pgqueuer",), 2.5, "at least"),
            Goal("drain, one process, beside pg-boss", ONE, "rate", ("pgboss",), 1.0, "at least"),
            Goal("drain, one process, beside graphile-worker", ONE, "rate", ("graphile",), 0.6, "at least"),
            Goal(
                "drain, one process, beside pgbench with our statements",
                ONE,
                "rate",
                ("limit",),
                1 / 3,
                "at least",
            ),
        ),
    )


def measure(run: Run) -> None:
    run.gather(PEERS)
    runs = run.wanted.sized(5_000, 20_000)
    run.report.notes.append(f"{runs:,} runs a drain; {_shares(run, runs)}")
    for variant in (one for one in VARIANTS if one.name in run.chosen([known.name for known in VARIANTS])):
        contenders = [one for one in run.present if one is HOURBELL or not variant.ours]
        if variant.name == ONE and (not run.wanted.only or LIMIT.key in run.wanted.only):
            contenders.append(LIMIT)
            run.report.contenders[LIMIT.key] = LIMIT.title
        filled = fill(run, contenders, variant, runs)
        for number, contender in in_turn(list(filled), run.wanted.runs):
            if f"{contender.key}: {variant.name}" in run.report.not_run:
                continue
            url = run.databases.copy(filled[contender])
            try:
                if contender is LIMIT:
                    figures = at_the_limit(run, url, runs)
                else:
                    figures = drained(run, contender, url, variant, share(contender, runs))
            except (ProgramFailed, AssertionError) as problem:
                run.fails(contender, variant.name, problem)
            else:
                run.report.measurement(contender.key, variant.name).add(figures)
                run.say(f"{variant.name}, {number + 1}: {contender.title} {figures['rate']:,.0f} runs/s")
            finally:
                run.databases.drop(url)
        for url in filled.values():
            run.databases.drop(url)


def at_the_limit(run: Run, url: str, runs: int) -> dict[str, float]:
    """The same by pgbench."""
    server = run.databases.cpu()
    figures = limit.drained(url, runs)
    figures["server_cpu"] = (run.databases.cpu() - server) / runs * 1e6
    assert LIMIT.recorded is not None
    recorded = run.databases.ask(url, LIMIT.recorded)
    assert recorded == runs, f"{recorded} of {runs} runs are on record"
    return figures


def share(contender: Contender, runs: int) -> int:
    return int(runs * contender.share)


def _shares(run: Run, runs: int) -> str:
    slower = [f"{one.title} {share(one, runs):,}" for one in run.present if one.share != 1]
    return f"fewer for those that are slow ({', '.join(slower)})" if slower else "the same for all"


def fill(run: Run, contenders: list[Contender], variant: Variant, runs: int) -> dict[Contender, str]:
    """A filled database for each contender that can fill one."""
    filled = {}
    for contender in contenders:
        url = run.databases.empty()
        try:
            contender.call("prepare", url=url)
            if contender is LIMIT:
                contender.call("register", url=url, node="pgbench")
            contender.call("enqueue", url=url, count=share(contender, runs), **dict(variant.options))
        except ProgramFailed as problem:
            run.fails(contender, variant.name, problem)
            continue
        run.databases.settle_down(url)
        filled[contender] = url
    return filled


def drained(run: Run, contender: Contender, url: str, variant: Variant, runs: int) -> dict[str, float]:
    """Drain one database, see that every run was done and recorded once, and answer the figures."""
    server = run.databases.cpu()
    with Workers(contender, url, variant.processes, **dict(variant.options)) as workers:
        workers.wait_for_bodies(runs, 60 + runs / 100)
        done = workers.wait_for_records()
        server = run.databases.cpu() - server
        results = workers.stop()
        workers.check(results, runs)
        begun = workers.first_body()
        return {
            "rate": runs / (done - begun),
            "cpu": sum(result["cpu"] for result in results) / runs * 1e6,
            "server_cpu": server / runs * 1e6,
            "start": (begun - workers.begun()) * 1e3,
        }
