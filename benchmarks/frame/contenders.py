"""Who is measured: Hourbell and its peers, with what each needs and how one sees that it has done its work."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.frame.environments import NodeHome, NotInstalled, PythonHome, ThisHome
from benchmarks.frame.program import Program

PROGRAMS = Path(__file__).parents[1] / "peers"


@dataclass(frozen=True, slots=True)
class Contender:
    """One library with its program in `benchmarks/peers`.

    ``unfinished`` answers a row while work is left; ``recorded`` how many runs are on record as done (None where no
    record is kept), ``waiting`` how many are to be done. ``share`` of the usual number of runs is enough for
    one that is slow.
    """

    key: str
    title: str
    program: str | None
    home: PythonHome | NodeHome | ThisHome
    unfinished: str | None = None
    recorded: str | None = None
    waiting: str | None = None
    share: float = 1.0
    remark: str = ""

    def version(self) -> str:
        """The version that is installed, which it is by this. Raises NotInstalled."""
        self.home.ready()
        if self.program is None:
            raise NotInstalled(self.remark)
        return self.home.version()

    def start(self, verb: str, options: dict[str, Any]) -> Program:
        """Start its program on a verb. Raises NotInstalled."""
        if self.program is None:
            raise NotInstalled(self.remark)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        if isinstance(self.home, NodeHome):
            environment["BENCH_NODE_FOLDER"] = str(self.home.folder())
        return Program([*self.home.ready(), str(PROGRAMS / self.program)], verb, options, environment)

    def call(self, verb: str, timeout: float = 600, **options: Any) -> dict[str, Any]:
        """Do a verb that ends by itself, and answer its result."""
        with self.start(verb, options) as program:
            return program.finish(timeout)


HOURBELL = Contender(
    "hourbell",
    "Hourbell",
    "run_hourbell.py",
    ThisHome(),
    "SELECT 1 FROM hourbell.runs WHERE state IN ('queued', 'running') LIMIT 1",
    "SELECT count(*) FROM hourbell.runs WHERE state = 'succeeded'",
    "SELECT count(*) FROM hourbell.runs WHERE state = 'queued'",
)
PGQUEUER = Contender(
    "pgqueuer",
    "PgQueuer",
    "run_pgqueuer.py",
    PythonHome("pgqueuer", ("pgqueuer[asyncpg]",), "pgqueuer"),
    "SELECT 1 FROM pgqueuer LIMIT 1",
    "SELECT count(DISTINCT job_id) FROM pgqueuer_log WHERE status = 'successful'",
    "SELECT count(*) FROM pgqueuer",
)
PROCRASTINATE = Contender(
    "procrastinate",
    "Procrastinate",
    "run_procrastinate.py",
    PythonHome("procrastinate", ("procrastinate", "psycopg[binary,pool]"), "procrastinate"),
    "SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing') LIMIT 1",
    "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'",
    "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'",
    share=0.1,
)
CHANCY = Contender(
    "chancy",
    "Chancy",
    "run_chancy.py",
    PythonHome("chancy", ("chancy", "psycopg[binary,pool]"), "chancy"),
    "SELECT 1 FROM chancy_jobs WHERE state NOT IN ('succeeded', 'failed') LIMIT 1",
    "SELECT count(*) FROM chancy_jobs WHERE state = 'succeeded'",
    "SELECT count(*) FROM chancy_jobs WHERE state = 'pending'",
    share=0.5,
)
APSCHEDULER = Contender(
    "apscheduler",
    "APScheduler 3",
    "run_apscheduler.py",
    PythonHome("apscheduler", ("apscheduler<4", "sqlalchemy", "psycopg[binary]"), "apscheduler"),
)
GRAPHILE = Contender(
    "graphile",
    "graphile-worker",
    "run_graphile.mjs",
    NodeHome(("graphile-worker",), "graphile-worker"),
    "SELECT 1 FROM graphile_worker._private_jobs LIMIT 1",
    waiting="SELECT count(*) FROM graphile_worker._private_jobs",
    remark="deletes what is done",
)
PGBOSS = Contender(
    "pgboss",
    "pg-boss",
    "run_pgboss.mjs",
    NodeHome(("pg-boss",), "pg-boss"),
    "SELECT 1 FROM pgboss.job WHERE name = 'body' AND state < 'completed' LIMIT 1",
    "SELECT count(*) FROM pgboss.job WHERE name = 'body' AND state = 'completed'",
    "SELECT count(*) FROM pgboss.job WHERE name = 'body' AND state = 'created'",
)
OBAN = Contender(
    "oban",
    "Oban for Python",
    "run_oban.py",
    PythonHome("oban", ("oban",), "oban", least=(3, 12)),
    "SELECT 1 FROM oban_jobs WHERE state IN ('available', 'scheduled', 'executing', 'retryable') LIMIT 1",
    "SELECT count(*) FROM oban_jobs WHERE state = 'completed'",
    "SELECT count(*) FROM oban_jobs WHERE state = 'available'",
    share=0.5,
)
