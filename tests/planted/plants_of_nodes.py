"""Faults in what a node does: timeouts, renewal, trust, what it holds and what it hands back."""

from __future__ import annotations

from tests.planted.plant import STORES, Plant

OF_NODES = (
    Plant(
        "the lease is renewed only while the application's loop moves",
        "engine/tenure.py",
        '        self._renew = Loop("renew", leasing.step, troubles, longest_wait=min(3.0, lease / 10))\n',
        """
        async def tied() -> float | None:
            while pulse.silence() > 0.5:
                await asyncio.sleep(0.05)
            return await leasing.step()

        self._renew = Loop("renew", tied, troubles, longest_wait=min(3.0, lease / 10))
""",
        (
            "tests/engine/test_node.py",
            "tests/engine/test_blocking.py",
        ),
    ),
    Plant(
        "PostgreSQL: a statement has no timeout",
        "store/postgres/dialling.py",
        '"command_timeout": patience',
        '"command_timeout": None',
        ("tests/store/test_postgres_sessions.py", "-k", "nobody_answers"),
    ),
    Plant(
        "a body begins without a look at the lease",
        "engine/executing.py",
        "if not self._holdings.may_begin(execution) or not self._trust.holds_at(since):",
        "if not self._holdings.may_begin(execution):",
        ("tests/engine/test_claiming.py",),
    ),
    Plant(
        "a report is written without a look at the lease",
        "engine/settling.py",
        "if not self._trust.holds() or not self._trust.is_ours():",
        "if not self._trust.is_ours():",
        ("tests/engine/test_settling.py",),
    ),
    Plant(
        "a forked child takes itself for the node",
        "engine/trust.py",
        "return os.getpid() == self._pid",
        "return True",
        (
            "tests/engine/test_trust.py",
            "tests/engine/test_node.py",
            "-k",
            "fork or child or trust",
        ),
    ),
    Plant(
        "what was lost before waits behind the slots, to be lost again",
        "model/run.py",
        'return self.on_lost != "fail" and not self.losses',
        'return self.on_lost != "fail"',
        (
            STORES,
            "tests/engine/test_ahead.py",
            "-k",
            "memory or ahead",
        ),
    ),
    Plant(
        "a run on its last chance is held beside other suspects",
        "model/run.py",
        "        if self.losses >= self.lost_limit - 1:\n            return ROOM_FOR_SUSPECTS\n",
        "",
        (STORES, "-k", "memory and Suspects"),
    ),
    Plant(
        "a node that drains goes on claiming",
        "engine/claiming.py",
        "return self.closed or not self._trust.holds() or not self._trust.is_ours()",
        "return not self._trust.holds() or not self._trust.is_ours()",
        (
            "tests/engine/test_claiming.py",
            "tests/engine/test_node.py",
        ),
    ),
    Plant(
        "nobody tells a body that its run is to end",
        "engine/tenure.py",
        "        self._app.call(self.shift.executing.end, requests)\n",
        "",
        (
            "tests/engine/test_node.py",
            "tests/scheduler/test_runs.py",
            "-k",
            "cancel",
        ),
    ),
    Plant(
        "a lease that was lost is fought for",
        "engine/leasing.py",
        '            self._lost("the database counts it as ended")\n            return None\n',
        "            return 1.0\n",
        ("tests/engine/test_leasing.py",),
    ),
    Plant(
        "a body is not given up when the store says that its run is another's",
        "engine/comparing.py",
        "self._give_up([one for one in running if not one.given_up and (one.run.id, one.run.attempt) not in counted])",
        "",
        ("tests/engine/test_claiming.py",),
    ),
)
