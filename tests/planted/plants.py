"""Faults that are planted into a copy of the product, each with the tests that are expected to find it."""

from __future__ import annotations

from dataclasses import dataclass

STORES = "tests/conformance/test_stores.py"
SIMULATION = "tests/simulation"


@dataclass(frozen=True)
class Plant:
    """One fault: in ``file`` of the package ``old``, which stands there once, becomes ``new``.

    ``finders``  what pytest is asked to run; one failing test is enough.
    """

    name: str
    file: str
    old: str
    new: str
    finders: tuple[str, ...]


PLANTS = (
    Plant(
        "PostgreSQL: the fence does not compare the attempt",
        "store/sql/postgres/settling.sql",
        "WHERE l.state = 'running' AND l.node_id = :node AND l.attempt = u.attempt",
        "WHERE l.state = 'running' AND l.node_id = :node",
        (STORES, "-k", "postgres and (Settling or Rescuing or Cancelling)"),
    ),
    Plant(
        "PostgreSQL: the fence does not compare the node",
        "store/sql/postgres/settling.sql",
        "WHERE l.state = 'running' AND l.node_id = :node AND l.attempt = u.attempt",
        "WHERE l.state = 'running' AND l.attempt = u.attempt",
        (STORES, "-k", "postgres and (Settling or Rescuing or Cancelling)"),
    ),
    Plant(
        "PostgreSQL: the fence of a success does not compare the attempt",
        "store/sql/postgres/settling.sql",
        "WHERE r.id = u.id AND r.attempt = u.attempt AND r.state",
        "WHERE r.id = u.id AND r.state",
        (STORES, "-k", "postgres and (Settling or Rescuing or Cancelling)"),
    ),
    Plant(
        "PostgreSQL: the fence of a success does not compare the node",
        "store/sql/postgres/settling.sql",
        "= 'running' AND r.node_id || '' = :node",
        "= 'running'",
        (STORES, "-k", "postgres and (Settling or Rescuing or Cancelling)"),
    ),
    Plant(
        "SQLite: the fence does not compare the attempt",
        "store/sql/sqlite/settling.sql",
        "WHERE id = becomes.run_id AND runs.state = 'running' AND node_id = :node AND attempt = :attempt",
        "WHERE id = becomes.run_id AND runs.state = 'running' AND node_id = :node",
        (STORES, "-k", "sqlite and (Settling or Rescuing or Cancelling)"),
    ),
    Plant(
        "SQLite: the fence of a success does not compare the attempt",
        "store/sql/sqlite/settling.sql",
        "WHERE runs.id = s.run_id AND runs.attempt = s.attempt AND",
        "WHERE runs.id = s.run_id AND",
        (STORES, "-k", "sqlite and (Settling or Rescuing or Cancelling)"),
    ),
    Plant(
        "PostgreSQL: due schedules are not locked",
        "store/sql/postgres/firing.sql",
        "    FOR NO KEY UPDATE OF d SKIP LOCKED\n",
        "",
        (STORES, "tests/store/test_schedules_in_between.py", "-k", "postgres"),
    ),
    Plant(
        "PostgreSQL: the cursor may be moved back",
        "store/sql/postgres/firing.sql",
        "WHERE s.id = u.id AND s.next_fire_at = u.seen",
        "WHERE s.id = u.id",
        (STORES, "tests/store", "-k", "postgres"),
    ),
    Plant(
        "PostgreSQL: a rescue does not wait for the lease to end",
        "store/sql/postgres/nodes.sql",
        "    WHERE n.state = 'live' AND n.lease_until <= coalesce(:now, now())\n    ORDER BY n.id\n    FOR UPDATE",
        "    WHERE n.state = 'live'\n    ORDER BY n.id\n    FOR UPDATE",
        (STORES, "-k", "postgres and (Rescuing or Leasing)"),
    ),
    Plant(
        "PostgreSQL: a rescue does not compare the number of the last renewal",
        "store/sql/postgres/nodes.sql",
        "ON u.id = n.id AND u.renewals = n.renewals",
        "ON u.id = n.id",
        (STORES, "-k", "postgres and (Rescuing or Leasing)"),
    ),
    Plant(
        "SQLite: a rescue does not wait for the lease to end",
        "store/sql/sqlite/nodes.sql",
        "state = 'live' AND lease_until <= coalesce(:now, now())",
        "state = 'live'",
        (STORES, "-k", "sqlite and (Rescuing or Leasing)"),
    ),
    Plant(
        "PostgreSQL: a run under on_lost='fail' is started again",
        "store/sql/postgres/nodes.sql",
        "WHEN r.on_lost = 'fail' OR (:is_loss",
        "WHEN (:is_loss",
        (STORES, "-k", "postgres and (Rescuing or Leasing)"),
    ),
    Plant(
        "PostgreSQL: a dead node may claim",
        "store/sql/postgres/claiming.sql",
        "WITH RECURSIVE me AS MATERIALIZED (\n"
        "    SELECT n.id FROM {schema}.nodes n WHERE n.id = :node AND n.state = 'live' FOR KEY SHARE\n",
        "WITH RECURSIVE me AS MATERIALIZED (\n    SELECT n.id FROM {schema}.nodes n WHERE n.id = :node FOR KEY SHARE\n",
        (STORES, "-k", "postgres and (Claiming or Leasing or Rescuing)"),
    ),
    Plant(
        "PostgreSQL: the rows of limits are not locked",
        "store/sql/postgres/claiming.sql",
        "    FOR NO KEY UPDATE OF l SKIP LOCKED\n)\nSELECT k.task,",
        ")\nSELECT k.task,",
        (STORES, "tests/store", "-k", "postgres and (imit or between)"),
    ),
    Plant(
        "PostgreSQL: a frozen client keeps its locks",
        "store/sql/postgres/transaction.sql",
        "SET LOCAL idle_in_transaction_session_timeout = {idle};\n",
        "",
        ("tests/store/test_postgres_sessions.py",),
    ),
    Plant(
        "a node trusts its lease for ever",
        "engine/trust.py",
        "return not self._ended and moment < self._deadline",
        "return not self._ended",
        ("tests/engine/test_trust.py", "tests/engine/test_claiming.py"),
    ),
    Plant(
        "trust ends with the lease, not before it",
        "engine/trust.py",
        "self._span = lease - max(LEAST_MARGIN, lease / 10)",
        "self._span = lease",
        ("tests/engine/test_trust.py", "tests/engine/test_leasing.py"),
    ),
    Plant(
        "one witness is enough to declare a node dead",
        "engine/witness.py",
        "if sibling.lease_until <= now and elapsed - since >= self._patience",
        "if sibling.lease_until <= now",
        ("tests/engine/test_witness.py",),
    ),
    Plant(
        "what a claim under way has taken is handed back",
        "engine/auditing.py",
        "set() if self._in_flight & self._holdings.claims.keys() else unknown & self._unknown",
        "unknown & self._unknown",
        ("tests/engine/test_claiming.py",),
    ),
    Plant(
        "the lost answer of a claim is never read back",
        "engine/claiming.py",
        "            self._doubt = (claim_id, kind)\n",
        "",
        ("tests/engine/test_claiming.py",),
    ),
    Plant(
        "a gap is not told from lateness",
        "engine/planning.py",
        "is_gap = now - cursor > lease",
        "is_gap = False",
        ("tests/engine/test_planning.py",),
    ),
    Plant(
        "what is past its grace runs all the same",
        "engine/planning.py",
        "if grace is None or self.now - cursor <= grace:",
        "if True:",
        ("tests/engine/test_planning.py",),
    ),
    Plant(
        "SQLite: nothing but the cursor keeps a fire from being recorded twice",
        "store/sql/migrations/sqlite/0001_initial.sql",
        "CREATE UNIQUE INDEX runs_fire",
        "CREATE INDEX runs_fire",
        (STORES, "-k", "sqlite and (Firing or Racing or Backfill)"),
    ),
    Plant(
        "a loop that fails is tried again without a rest",
        "engine/loop.py",
        "await self._rest(self._backoff.failed())",
        "await asyncio.sleep(0)",
        ("tests/engine/test_loop.py",),
    ),
    Plant(
        "runs that were not begun are not handed back at the end",
        "engine/shift.py",
        "        runs, _ = self.holdings.forfeit()\n        for run in runs:\n",
        "        runs, _ = self.holdings.forfeit()\n        for run in ():\n",
        ("tests/engine/test_node.py", "tests/engine/test_signals.py", "tests/engine/test_claiming.py"),
    ),
    Plant(
        "an expired lease is renewed",
        "store/sql/sqlite/nodes.sql",
        "WHERE id = :node AND state = 'live' AND lease_until > coalesce(:now, now())",
        "WHERE id = :node AND state = 'live'",
        (STORES, "-k", "sqlite and (Rescuing or Leasing)"),
    ),
    Plant(
        "a dead node is renewed",
        "store/sql/sqlite/nodes.sql",
        "WHERE id = :node AND state = 'live' AND lease_until > coalesce(:now, now())",
        "WHERE id = :node AND lease_until > coalesce(:now, now())",
        (STORES, "-k", "sqlite and (Rescuing or Leasing)"),
    ),
    Plant(
        "PostgreSQL: a renewal with a question renews an expired lease",
        "store/sql/postgres/watching.sql",
        "AND id = :node AND state = 'live' AND lease_until > coalesce(:now, now())",
        "AND id = :node AND state = 'live'",
        (STORES, "-k", "postgres and Leasing"),
    ),
    Plant(
        "a renewal counts from when it was answered",
        "engine/leasing.py",
        "if not self._trust.renewed(asked):",
        "if not self._trust.renewed(self._parts.clock.elapsed()):",
        ("tests/engine/test_leasing.py",),
    ),
    Plant(
        "a node that could not renew itself declares others dead",
        "engine/leasing.py",
        "            self._witness.forget()\n",
        "",
        ("tests/engine/test_leasing.py", "tests/engine/test_witness.py"),
    ),
)
