"""Faults in what becomes of a hint that names its run."""

from __future__ import annotations

from tests.planted.plant import STORES, Plant

_NAMED = ("tests/engine/test_named_runs.py",)
_STATEMENT = "store/sql/postgres/claiming.sql"
_STATED = ("tests/store/test_named_claims.py",)
_POSTGRES = (STORES, "-k", "postgres and Naming")

OF_NAMES = (
    Plant(
        "a named run goes before an older one that is to be looked for",
        "engine/claiming.py",
        "        busy = self._pending | self._hungry | self._withheld\n",
        "        busy = self._hungry | self._withheld\n",
        _NAMED,
    ),
    Plant(
        "of two runs that are named the first is forgotten",
        "engine/named_run.py",
        "        if before is not None:\n            return {kind, before[0]}\n",
        "",
        _NAMED,
    ),
    Plant(
        "of two runs that are named the first is forgotten where another executor has it",
        "engine/named_run.py",
        "return {kind, before[0]}",
        "return {kind}",
        _NAMED,
    ),
    Plant(
        "a limited task is claimed by name",
        "engine/named_run.py",
        "        if hint.task in self._limiting.limited(kind):\n            return {kind}\n",
        "",
        _NAMED,
    ),
    Plant(
        "the tasks under a limit are not known before the first claim",
        "engine/kinds.py",
        "        self._sort()\n        return self._of.get(task)",
        "        found = self._tasks.find(task)\n        return kind_of(found) if found is not None else None",
        _NAMED,
    ),
    Plant(
        "a node of which more is queued takes a named run first",
        "engine/claiming.py",
        "        busy = self._pending | self._hungry | self._withheld\n",
        "        busy = self._pending | self._withheld\n",
        _NAMED,
    ),
    Plant(
        "a node whose last claim left runs behind that may not wait takes a named run first",
        "engine/claiming.py",
        "        busy = self._pending | self._hungry | self._withheld\n",
        "        busy = self._pending | self._hungry\n",
        _NAMED,
    ),
    Plant(
        "a run is claimed by name without a slot",
        "engine/named_run.py",
        " and self._ahead.slots(kind) > 0",
        "",
        _NAMED,
    ),
    Plant(
        "a task whose bodies are stuck is claimed by name",
        "engine/named_run.py",
        " and self._parts.stuck.room(hint.task, 1) > 0",
        "",
        _NAMED,
    ),
    Plant(
        "a queue that is not served is asked for a named run",
        "engine/named_run.py",
        "if queues is None or hint.queue in queues else None",
        "if True else None",
        _NAMED,
    ),
    Plant(
        "a run that cannot be claimed by name is forgotten",
        "engine/claiming.py",
        "            self._pending.add(kind)\n            return False\n",
        "            return False\n",
        _NAMED,
    ),
    Plant(
        "a node that may claim nothing claims by name",
        "engine/claiming.py",
        "        if self._is_over() or self._is_behind() or not self._named",
        "        if self._is_behind() or not self._named",
        _NAMED,
    ),
    Plant(
        "the lost answer of a claim by name is not read back",
        "engine/claiming.py",
        "claim_named(self._trust.node_id, claim_id, hint)\n        except BaseException:\n"
        "            self._in_doubt(claim_id, kind)\n",
        "claim_named(self._trust.node_id, claim_id, hint)\n        except BaseException:\n",
        _NAMED,
    ),
    Plant(
        "a claim by name counts as a look at the queue",
        "engine/claiming.py",
        "        self._holdings.claims[claim_id] = 1\n        asked = self._parts",
        "        self._holdings.claims[claim_id] = 1\n        asked = self._claimed_at[kind] = self._parts",
        _NAMED,
    ),
    Plant(
        "after a named run nothing more is asked",
        "engine/watching.py",
        "            self._wakers.take_named(hint)\n            self._ask_soon(DEBOUNCE)\n",
        "            self._wakers.take_named(hint)\n",
        ("tests/engine/test_watching.py",),
    ),
    Plant(
        "each named run puts the question off",
        "engine/watching.py",
        "            self._wakers.take_named(hint)\n            self._ask_soon(DEBOUNCE)\n",
        "            self._wakers.take_named(hint)\n            self._ask_at = self._parts.clock.elapsed() + DEBOUNCE\n"
        "            self._again()\n",
        ("tests/engine/test_watching.py",),
    ),
    Plant(
        "a hint names a run that is for later",
        "model/hint.py",
        "        is_due = run.run_at is None and (run.delay is None or run.delay <= timedelta(0))\n",
        "        is_due = run.run_at is None\n",
        (STORES, "-k", "hint_names"),
    ),
    Plant(
        "a hint names one of many",
        "model/hint.py",
        "        if len(runs) != 1:\n            return None\n        (run,) = runs\n",
        "        run = runs[0]\n",
        (STORES, "-k", "hint_names"),
    ),
    Plant(
        "a name that is too long is put into a notification",
        "store/postgres/hint_text.py",
        "    return text if len(text) <= _LONGEST else sender\n",
        "    return text\n",
        _STATED,
    ),
    Plant(
        "a node wakes to the runs that it named itself",
        "store/postgres/listening.py",
        "                if sender != self._sender:",
        "                if payload != self._sender:",
        _STATED,
    ),
    Plant(
        "PostgreSQL: a claim by name waits for who has the run",
        _STATEMENT,
        "    FOR NO KEY UPDATE SKIP LOCKED\n),\nme AS",
        "    FOR NO KEY UPDATE\n),\nme AS",
        _STATED,
    ),
    Plant(
        "PostgreSQL: a claim by name does not lock its node",
        _STATEMENT,
        "    FOR KEY SHARE OF n\n",
        "",
        _STATED,
    ),
    Plant(
        "PostgreSQL: a node that is not live claims by name",
        _STATEMENT,
        "    WHERE n.id = :node AND n.state = 'live' AND EXISTS (SELECT 1 FROM named)",
        "    WHERE n.id = :node AND EXISTS (SELECT 1 FROM named)",
        (*_POSTGRES, *_STATED),
    ),
    Plant(
        "PostgreSQL: a run that was lost is claimed by name",
        _STATEMENT,
        " AND r.losses = 0\n",
        "\n",
        _POSTGRES,
    ),
    Plant(
        "PostgreSQL: a run that comes too late is claimed by name",
        _STATEMENT,
        "      AND r.start_by IS NULL AND r.run_at <= coalesce(:now, now())\n    FOR NO KEY",
        "      AND r.run_at <= coalesce(:now, now())\n    FOR NO KEY",
        _POSTGRES,
    ),
    Plant(
        "PostgreSQL: a run is claimed by name before it is due",
        _STATEMENT,
        "      AND r.start_by IS NULL AND r.run_at <= coalesce(:now, now())\n    FOR NO KEY",
        "      AND r.start_by IS NULL\n    FOR NO KEY",
        _POSTGRES,
    ),
    Plant(
        "PostgreSQL: a claim by name keeps no name of its own",
        _STATEMENT,
        "node_id = :node, claim_id = :claim_id, attempt = r.attempt + 1, losses = r.losses,\n        outcome",
        "node_id = :node, claim_id = :claim_id || 'x', attempt = r.attempt + 1, losses = r.losses,\n        outcome",
        _POSTGRES,
    ),
    Plant(
        "PostgreSQL: a run is looked for by name in the index of the queue",
        _STATEMENT,
        "r.state || '' = 'queued' AND r.task = :task AND r.queue = :queue",
        "r.state = 'queued' AND r.task = :task AND r.queue = :queue",
        ("tests/store/test_plans.py", "-k", "by_its_name"),
    ),
    Plant(
        "SQLite: a run that was lost is claimed by name",
        "store/sql/sqlite/claiming.sql",
        " AND losses = 0 AND start_by IS NULL\n",
        " AND start_by IS NULL\n",
        (STORES, "-k", "sqlite and Naming"),
    ),
)
