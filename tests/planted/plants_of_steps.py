"""Faults in the steps of the stores: transactions, their order, what they count and whom they let go."""

from __future__ import annotations

from tests.planted.plant import MACHINE, STORES, Plant

OF_STEPS = (
    Plant(
        "PostgreSQL: the cursor is committed before the runs of its fires are",
        "store/scripts/recording.py",
        "        written = yield from self._ledger.write()\n        advances",
        """\
        yield batch("firing.advance", [_advance(schedule, plan, last) for schedule, plan, last in self._decisions])
        yield batch("transaction.commit", [{}])
        written = yield from self._ledger.write()
        advances""",
        ("tests/store/test_crash_points.py", "-k", "postgres and fire"),
    ),
    Plant(
        "SQLite: a transaction begins without the lock of the writer",
        "store/sql/sqlite/transaction.sql",
        "BEGIN IMMEDIATE;",
        "BEGIN DEFERRED;",
        (
            STORES,
            "tests/store/test_sqlite_messages.py",
            "-k",
            "sqlite and (Racing or messages)",
        ),
    ),
    Plant(
        "PostgreSQL: a repeated report whose answer was lost is refused",
        "store/sql/postgres/settling.sql",
        "WHERE r.id IS NOT NULL\n   OR EXISTS (",
        "WHERE false AND EXISTS (",
        (
            STORES,
            "-k",
            "postgres and Settling",
        ),
    ),
    Plant(
        "PostgreSQL: a report that was refused counts as written once its attempt has ended otherwise",
        "store/sql/postgres/settling.sql",
        "a.node_id = :node AND a.outcome = u.outcome);",
        "a.node_id = :node);",
        (
            STORES,
            "-k",
            "postgres and Settling",
        ),
    ),
    Plant(
        "PostgreSQL: a lost attempt leaves no trace",
        "store/sql/postgres/nodes.sql",
        "WHERE CASE WHEN l.id IN (SELECT w.id FROM written w WHERE w.state = 'queued') THEN true END",
        "WHERE false",
        (
            STORES,
            "-k",
            "postgres and Rescuing",
        ),
    ),
    Plant(
        "PostgreSQL: what was asked to end is queued again with its lost node",
        "store/sql/postgres/nodes.sql",
        "CASE WHEN r.cancel_requested_at IS NOT NULL THEN 'cancelled'\n                WHEN r.on_lost",
        "CASE WHEN r.on_lost",
        (
            STORES,
            "-k",
            "postgres and (Rescuing or Cancelling)",
        ),
    ),
    Plant(
        "PostgreSQL: losses are not counted",
        "store/sql/postgres/nodes.sql",
        "losses = r.losses + :is_loss::boolean::integer",
        "losses = r.losses",
        (
            STORES,
            "-k",
            "postgres and Rescuing",
        ),
    ),
    Plant(
        "PostgreSQL: what was asked to end is tried again",
        "store/sql/postgres/settling.sql",
        "CASE WHEN l.is_unwanted AND (",
        "CASE WHEN false AND (",
        (
            STORES,
            "-k",
            "postgres and Cancelling",
        ),
    ),
    Plant(
        "a retry by hand begins to count attempts anew",
        "store/sql/common/runs.sql",
        "failures = 0, losses = 0, outcome = NULL, reason = NULL, error = NULL,",
        "attempt = 0, failures = 0, losses = 0, outcome = NULL, reason = NULL, error = NULL,",
        (
            STORES,
            "-k",
            "sqlite and TestRuns",
        ),
    ),
    Plant(
        "PostgreSQL: a claim takes more of a limited task than there is room for",
        "store/sql/postgres/claiming.sql",
        "    WHERE k.place_in_task <= k.room\n",
        "",
        (
            STORES,
            "-k",
            "postgres and Limiting",
        ),
    ),
    Plant(
        "PostgreSQL: what may not wait is given without a free slot",
        "store/sql/postgres/claiming.sql",
        "\n      AND (NOT k.at_once OR k.at_once_so_far <= :slots::integer)",
        "",
        (
            STORES,
            "-k",
            "postgres and Claiming",
        ),
    ),
    Plant(
        "PostgreSQL: suspects are held without number",
        "store/sql/postgres/claiming.sql",
        "WHERE (k.suspicion = 0 OR k.suspicion_so_far <= :suspects::integer)",
        "WHERE true",
        (
            STORES,
            "-k",
            "postgres and (Suspects or Rescuing)",
        ),
    ),
    Plant(
        "SQLite: what may not wait is given without a free slot",
        "store/scripts/claiming.py",
        ' or (row["at_once"] and slots <= 0)',
        "",
        (
            STORES,
            "-k",
            "sqlite and Claiming",
        ),
    ),
    Plant(
        "the limit that another version states is not asked",
        "store/scripts/claiming.py",
        "return min([limit.most, *(most for most in stated if most is not None)])",
        "return limit.most",
        (
            STORES,
            "-k",
            "sqlite and Limiting",
        ),
    ),
    Plant(
        "PostgreSQL: who ends a run lets nobody go that waits for it",
        "store/sql/postgres/settling.sql",
        "CASE WHEN awaited AND state <> 'queued' THEN schedule_id END AS passes_on FROM written",
        "NULL::text AS passes_on FROM written",
        (
            STORES,
            "-k",
            "postgres and Overlap",
        ),
    ),
    Plant(
        "PostgreSQL: runs that have ended count as overlap",
        "store/sql/postgres/overlap.sql",
        "    WHERE r.state IN ('queued', 'running') AND r.schedule_id = ANY (:ids::text[])\n) u",
        "    WHERE r.schedule_id = ANY (:ids::text[])\n) u",
        (
            MACHINE,
            "-k",
            "postgres",
        ),
    ),
    Plant(
        "PostgreSQL: an edit does not lock its schedule",
        "store/sql/postgres/schedules.sql",
        "ORDER BY s.id\nFOR NO KEY UPDATE OF s;",
        "ORDER BY s.id;",
        (
            STORES,
            "-k",
            "postgres and Racing",
        ),
    ),
    Plant(
        "a pause leaves what is queued",
        "store/scripts/schedules.py",
        "    if edit.end_queued is not None:\n",
        "    if edit.end_queued is None:\n",
        (
            STORES,
            "-k",
            "sqlite and Pausing",
        ),
    ),
    Plant(
        "a key is free at once for another request",
        "store/sql/common/runs.sql",
        "\nWHERE task = :task AND key = :key AND created_at + :period <= coalesce(:now, now());",
        "\nWHERE task = :task AND key = :key;",
        (
            STORES,
            "-k",
            "sqlite and Requesting",
        ),
    ),
)
