"""Faults in how the death of a process is seen on its own machine: each is a way of taking a living node for gone, or
of not taking over from one that is."""

from __future__ import annotations

from tests.planted.plant import STORES, Plant

_MARKS = ("tests/model/test_process_mark.py", "tests/engine/test_process_table.py", "tests/engine/test_neighbours.py")

OF_NEIGHBOURS = (
    Plant(
        "a process with the number of one that is gone is taken for it",
        "model/process_mark.py",
        "if standing.began != self.began or standing.is_over:",
        "if standing.is_over:",
        _MARKS,
    ),
    Plant(
        "a killed process counts as alive until its parent has taken note of it",
        "model/process_mark.py",
        "if standing.began != self.began or standing.is_over:",
        "if standing.began != self.began:",
        _MARKS,
    ),
    Plant(
        "a process whose first thread alone has ended counts as gone",
        "model/process_mark.py",
        'return self.state in ("Z", "X", "x") and self.threads <= 1',
        'return self.state in ("Z", "X", "x")',
        _MARKS,
    ),
    Plant(
        "a stopped process counts as gone",
        "model/process_mark.py",
        'return self.state in ("Z", "X", "x") and self.threads <= 1',
        'return self.state in ("T", "Z", "X", "x") and self.threads <= 1',
        _MARKS,
    ),
    Plant(
        "the same number in another container counts as the same process",
        "model/process_mark.py",
        "return (self.boot, self.pids, self.times) == (other.boot, other.pids, other.times)",
        "return (self.boot, self.times) == (other.boot, other.times)",
        _MARKS,
    ),
    Plant(
        "ticks are compared that were counted from another moment",
        "model/process_mark.py",
        "return (self.boot, self.pids, self.times) == (other.boot, other.pids, other.times)",
        "return (self.boot, self.pids) == (other.boot, other.pids)",
        _MARKS,
    ),
    Plant(
        "a machine that booted anew is taken for the one before",
        "model/process_mark.py",
        "return (self.boot, self.pids, self.times) == (other.boot, other.pids, other.times)",
        "return (self.pids, self.times) == (other.pids, other.times)",
        _MARKS,
    ),
    Plant(
        "a process that is hidden counts as gone",
        "engine/process_table.py",
        "exists=self._exists(mark.pid) if standing is None else None)",
        "exists=False)",
        _MARKS,
    ),
    Plant(
        "a process that may not be asked counts as gone",
        "engine/process_table.py",
        "no answer\n            return None",
        "no answer\n            return False",
        _MARKS,
    ),
    Plant(
        "what another namespace's /proc says is believed",
        "engine/process_table.py",
        "if self._ids() != [str(pid)]:",
        "if False:",
        _MARKS,
    ),
    Plant(
        "a /proc that was exchanged since the node began is believed",
        "engine/process_table.py",
        "if fate is Fate.GONE and self.own() != own:",
        "if False:",
        _MARKS,
    ),
    Plant(
        "who may be alive is declared dead as well",
        "engine/neighbours.py",
        "if self._table.fate(mark, own) is Fate.GONE}",
        "if self._table.fate(mark, own) is not Fate.ALIVE}",
        _MARKS,
    ),
    Plant(
        "a node looks at its former self",
        "engine/neighbours.py",
        "mark.is_near(self._own) and mark != self._own:",
        "mark.is_near(self._own):",
        _MARKS,
    ),
    Plant(
        "of many neighbours only the first are looked at",
        "engine/neighbours.py",
        "            self._near[name] = self._near.pop(name)  # to the end of the order\n",
        "            pass\n",
        _MARKS,
    ),
    Plant(
        "a death that was seen is reported again and again although nothing comes of it",
        "engine/neighbours.py",
        "if name in dead or self._tries[name] >= TRIES:",
        "if name in dead:",
        _MARKS,
    ),
    Plant(
        "a death is not seen while the node cannot renew itself",
        "engine/leasing.py",
        "            self._witness.forget()\n            raise\n",
        "            self._witness.forget()\n            self._neighbours.saw(())\n            raise\n",
        _MARKS,
    ),
    Plant(
        "a process that was taken for dead says again which it is",
        "engine/registering.py",
        "mark = None if self._hidden else self._parts.processes.own()",
        "mark = self._parts.processes.own()",
        _MARKS,
    ),
    Plant(
        "a process that lost its lease because it was late is taken for one that was buried alive",
        "engine/tenure.py",
        "self.buried = self.shift.trust.holds()",
        "self.buried = True",
        ("tests/engine/test_neighbours.py", "tests/engine/test_node.py", "tests/engine/test_coming_back.py"),
    ),
    Plant(
        "PostgreSQL: who is declared gone is not compared with the process that was looked for",
        "store/sql/postgres/nodes.sql",
        "ON u.id = n.id AND u.process = n.process",
        "ON u.id = n.id",
        (STORES, "-k", "postgres and Rescuing"),
    ),
    Plant(
        "SQLite: who is declared gone is not compared with the process that was looked for",
        "store/sql/sqlite/nodes.sql",
        "WHERE id = :id AND process = :process AND state = 'live' RETURNING id;",
        "WHERE id = :id AND state = 'live' RETURNING id;",
        (STORES, "-k", "sqlite and Rescuing"),
    ),
    Plant(
        "PostgreSQL: a rescue of one that is gone waits for its last claim",
        "store/sql/postgres/nodes.sql",
        "u.process = n.process\n    WHERE n.state = 'live'\n    ORDER BY n.id\n    FOR UPDATE OF n SKIP LOCKED",
        "u.process = n.process\n    WHERE n.state = 'live'\n    ORDER BY n.id\n    FOR UPDATE OF n",
        ("tests/store/test_certain_deaths.py", "-k", "waited_for"),
    ),
)
