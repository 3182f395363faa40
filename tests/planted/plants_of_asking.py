"""Faults in how seldom an idle node asks: the question that a renewal takes along, and the upkeep."""

from __future__ import annotations

from tests.planted.plant import STORES, Plant

_ASKING = ("tests/engine/test_leasing.py", "tests/engine/test_watching.py")

OF_ASKING = (
    Plant(
        "a renewal waits for its question as long as that takes",
        "engine/leasing.py",
        "async with asyncio.timeout(self._lease * PATIENCE):",
        "async with asyncio.timeout(None):",
        (*_ASKING, "-k", "waits_for_no_question"),
    ),
    Plant(
        "a lease is lost because its question was refused",
        "engine/leasing.py",
        "if isinstance(error, TimeoutError | StoreRejected | StoreMisconfigured):",
        "if isinstance(error, TimeoutError):",
        _ASKING,
    ),
    Plant(
        "after a question without an answer the next renewal takes another along",
        "engine/leasing.py",
        "            self._alone_until = self._parts.clock.elapsed() + ALONE\n",
        "",
        _ASKING,
    ),
    Plant(
        "a question that a renewal lost is not asked again",
        "engine/watching.py",
        'nobody waits for it any more."""\n        self._ask_soon(0)\n',
        'nobody waits for it any more."""\n',
        _ASKING,
    ),
    Plant(
        "an answer that was overtaken counts",
        "engine/watching.py",
        "        if asked < self._answered_at:\n            return  # overtaken by the answer to a later question\n",
        "",
        _ASKING,
    ),
    Plant(
        "the answer to a renewal's question wakes nobody",
        "engine/leasing.py",
        "        if renewal.work is not None:\n            self._asker.answered(renewal.work, asked)\n",
        "",
        _ASKING,
    ),
    Plant(
        "PostgreSQL: a renewal with a question renews a node that is not live",
        "store/sql/postgres/watching.sql",
        "AND id = :node AND state = 'live' AND lease_until > coalesce(:now, now())",
        "AND id = :node AND lease_until > coalesce(:now, now())",
        (STORES, "-k", "postgres and Leasing"),
    ),
    Plant(
        "PostgreSQL: a renewal with a question shows no witness the other nodes",
        "store/sql/postgres/watching.sql",
        "LEFT JOIN {schema}.nodes o ON :lease::interval IS NOT NULL AND o.state = 'live'",
        "LEFT JOIN {schema}.nodes o ON false AND o.state = 'live'",
        (STORES, "-k", "postgres and Leasing"),
    ),
    Plant(
        "upkeep does not see runs of nodes that are gone",
        "store/sql/common/nodes.sql",
        "WHERE n.id = h.node_id AND n.state = 'live')\n) AS has_lost",
        "WHERE n.id = h.node_id)\n) AS has_lost",
        ("tests/store/test_second_locks.py", "-k", "upkeep"),
    ),
    Plant(
        "upkeep does not see what waits for its turn",
        "store/sql/common/nodes.sql",
        "WHERE r.state = 'queued' AND r.run_at IS NULL AND r.schedule_id IS NOT NULL",
        "WHERE false",
        (STORES, "-k", "sqlite and Rescuing"),
    ),
    Plant(
        "upkeep declares anew what another living version declares otherwise",
        "store/sql/common/nodes.sql",
        "WHERE o.schedule_id = k.schedule_id AND o.digest = s.digest AND n.state = 'live')",
        "WHERE false)",
        (STORES, "-k", "sqlite and Declaring"),
    ),
    Plant(
        "what upkeep finds lost is left where it is",
        "engine/upkeeping.py",
        "        if found.lost or found.waiting or found.ending:\n            self._sweep()\n",
        "",
        ("tests/engine/test_upkeeping.py",),
    ),
    Plant(
        "what upkeep finds waiting is left where it is",
        "engine/upkeeping.py",
        "        if found.lost or found.waiting or found.ending:\n",
        "        if found.lost or found.ending:\n",
        ("tests/engine/test_upkeeping.py",),
    ),
    Plant(
        "a version that was rolled back leaves its schedules behind",
        "engine/upkeeping.py",
        "        if found.overruled:\n",
        "        if False:\n",
        ("tests/engine/test_upkeeping.py",),
    ),
)
