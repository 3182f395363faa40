"""Faults in what a node does ahead of time: fires that are ready before they are due, reports that wait for more."""

from __future__ import annotations

from tests.planted.plant import STORES, Plant

_HELD = ("tests/store/test_held_fires.py",)
_AHEAD = ("tests/engine/test_firing_ahead.py", "tests/engine/test_claiming.py")

OF_HOLDING = (
    Plant(
        "PostgreSQL: a fire that is ready is committed before it is due",
        "store/postgres/database.py",
        "                await present.wait(*span)\n",
        "                pass\n",
        _HELD,
    ),
    Plant(
        "PostgreSQL: a fire that is ready waits by the node's clock alone",
        "store/postgres/present.py",
        "        if earliest <= present <= latest:\n",
        "        if present:\n",
        _HELD,
    ),
    Plant(
        "PostgreSQL: who makes a fire ready locks what is due much later",
        "store/sql/postgres/firing.sql",
        "least(:until::timestamptz, coalesce(:now, now()) + :longest::interval)",
        "(:until::timestamptz + :longest::interval * 1000)",
        _HELD,
    ),
    Plant(
        "PostgreSQL: what stands in the way of a fire is judged before it is due",
        "store/scripts/firing.py",
        "            if self._recording.is_held and facts is not UNDISTURBED:\n",
        "            if False:\n",
        _HELD,
    ),
    Plant(
        "PostgreSQL: a fire that is ready is recorded for whoever claims it",
        "store/scripts/recording.py",
        "            if taken < len(alike) and not self.is_held:\n",
        "            if taken < len(alike):\n",
        _HELD,
    ),
    Plant(
        "a fire that is not due yet is offered every place",
        "engine/places.py",
        "room = self.room(kind) - (self.most(kind) // 2 if spare else 0)",
        "room = self.room(kind)",
        _AHEAD,
    ),
    Plant(
        "a few reports wait although nothing is about to end",
        "engine/settling.py",
        "        if 0 < self._reports.ready() < FEW and self._holdings.waiting():\n",
        "        if 0 < self._reports.ready() < FEW:\n",
        ("tests/engine/test_settling.py",),
    ),
    Plant(
        "what was asked for long before it is due is claimed as asked for when it is due",
        "store/scripts/rows.py",
        '    if "created_at" not in given:\n',
        "    if True:\n",
        (STORES, "-k", "(sqlite or postgres) and Claiming"),
    ),
    Plant(
        "the arguments of a run that was read are none",
        "model/run.py",
        'mapping_from(self.__dict__["unread_args"])',
        'mapping_from("{}")',
        ("tests/model/test_run.py",),
    ),
)
