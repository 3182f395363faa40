"""What a node costs that has nothing to do."""

from __future__ import annotations

import time

from benchmarks.frame.contenders import CHANCY, GRAPHILE, HOURBELL, OBAN, PGBOSS, PGQUEUER, PROCRASTINATE, Contender
from benchmarks.frame.figures import Figure, Goal, in_turn
from benchmarks.frame.program import ProgramFailed
from benchmarks.frame.report import Report
from benchmarks.frame.run import Run
from benchmarks.frame.workers import Workers

PEERS = (PROCRASTINATE, PGQUEUER, GRAPHILE, PGBOSS, CHANCY, OBAN)
NOTHING = "one node, nothing stored"
SETTLING = 12.0
"""Seconds after the start in which a node may still be busy with starting, and with learning that hints arrive."""
YEAR = 31_536_000.0


def far(count: int) -> str:
    return f"one node, {count:,} schedules of next year"


def report() -> Report:
    return Report(
        "idle",
        "nodes that have nothing to do",
        (
            Figure("statements", "statements, BEGIN and COMMIT too", "a minute and node", False),
            Figure("cpu", "CPU of the node", "ms a minute", False),
            Figure("server_cpu", "CPU of PostgreSQL", "ms a minute and node", False),
        ),
        (
            Goal(
                "statements of an idle node, renewal included, beside Procrastinate",
                NOTHING,
                "statements",
                ("procrastinate",),
                0.5,
                "at most",
            ),
        ),
    )


def measure(run: Run) -> None:
    run.gather(PEERS)
    # Time does not make these figures better or worse, so a third of the runs is enough.
    runs = max(1, run.wanted.runs // 3)
    eight = f"eight nodes, {100:,} schedules of next year"
    ours = [one for one in run.present if one is HOURBELL]
    variants = {
        NOTHING: (run.present, 0, 1),
        far(100): (ours, 100, 1),
        far(100_000): (ours, 100_000, 1),
        eight: (ours, 100, 8),
    }
    for variant in run.chosen(list(variants)):
        contenders, stored, nodes = variants[variant]
        for number, contender in in_turn(contenders, runs):
            try:
                figures = idle(run, contender, stored, nodes)
            except (ProgramFailed, AssertionError) as problem:
                run.fails(contender, variant, problem)
            else:
                run.report.measurement(contender.key, variant).add(figures)
                run.say(f"{variant}, {number + 1}: {contender.title} {figures['statements']:.0f} statements a minute")


def idle(run: Run, contender: Contender, stored: int, nodes: int) -> dict[str, float]:
    """Let them be idle for a minute, and answer what that took."""
    seconds = run.wanted.sized(15, 60)
    url = run.databases.empty()
    try:
        contender.call("prepare", url=url)
        if stored:
            contender.call("schedules", url=url, count=stored, begin=time.time() // 1 + YEAR, period=YEAR)
        with Workers(contender, url, nodes, tell_every=30) as workers:
            workers.wait_for_start()
            workers.rest(SETTLING)
            before = run.databases.statements(url), workers.cpu(), run.databases.cpu()
            workers.rest(seconds)
            after = run.databases.statements(url), workers.cpu(), run.databases.cpu()
            workers.stop()
    finally:
        run.databases.drop(url)
    sent, used, served = (later - sooner for sooner, later in zip(before, after, strict=True))
    per = 60 / seconds / nodes
    return {"statements": sent * per, "cpu": used * per * 1e3, "server_cpu": served * per * 1e3}
