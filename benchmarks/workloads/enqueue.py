"""Putting work in: one by one, in bulk, and inside a transaction of the application's own."""

from __future__ import annotations

from typing import Any

from benchmarks.frame.contenders import CHANCY, GRAPHILE, HOURBELL, OBAN, PGBOSS, PGQUEUER, PROCRASTINATE, Contender
from benchmarks.frame.figures import Figure, in_turn, percentile
from benchmarks.frame.program import ProgramFailed
from benchmarks.frame.report import Report
from benchmarks.frame.run import Run

PEERS = (PGQUEUER, GRAPHILE, PGBOSS, CHANCY, PROCRASTINATE, OBAN)
ONE_BY_ONE = "one by one"
BULK = "in bulk"
SESSION = "in a session of SQLAlchemy, one to a commit"
SESSION_OF_TEN = "in a session of SQLAlchemy, ten to a commit"


def report() -> Report:
    return Report(
        "enqueue",
        "putting runs in, by one client over one connection or pool",
        (
            Figure("rate", "put in", "runs/s", True),
            Figure("p50", "one call, p50", "ms", False, 2),
            Figure("p99", "one call, p99", "ms", False, 2),
        ),
    )


def measure(run: Run) -> None:
    run.gather(PEERS)
    few, many = run.wanted.sized(200, 1_000), run.wanted.sized(5_000, 20_000)
    variants: dict[str, dict[str, Any]] = {
        ONE_BY_ONE: {"count": few, "one_by_one": True},
        BULK: {"count": many},
        SESSION: {"count": few, "per_transaction": 1},
        SESSION_OF_TEN: {"count": few, "per_transaction": 10},
    }
    for variant in run.chosen(list(variants)):
        options = variants[variant]
        contenders = [one for one in run.present if one is HOURBELL or "per_transaction" not in options]
        for number, contender in in_turn(contenders, run.wanted.runs):
            try:
                figures = put_in(run, contender, options)
            except (ProgramFailed, AssertionError) as problem:
                run.fails(contender, variant, problem)
            else:
                run.report.measurement(contender.key, variant).add(figures)
                run.say(f"{variant}, {number + 1}: {contender.title} {figures['rate']:,.0f} runs/s")


def put_in(run: Run, contender: Contender, options: dict[str, Any]) -> dict[str, float]:
    """Put so many in, see that they are there, and answer the figures."""
    url = run.databases.empty()
    try:
        contender.call("prepare", url=url)
        found = contender.call("enqueue", url=url, **options)
        assert contender.waiting is not None
        waiting = run.databases.ask(url, contender.waiting)
        assert waiting == options["count"], f"{waiting} of {options['count']} runs are there"
    finally:
        run.databases.drop(url)
    if "took" not in found:
        return {"rate": options["count"] / found["seconds"]}
    took = found["took"]
    return {
        "rate": len(took) / sum(took),
        "p50": percentile(took, 0.50) * 1e3,
        "p99": percentile(took, 0.99) * 1e3,
    }
