"""Faults in what happens while many fires are due at once: what makes way for them, and two batches at a time."""

from __future__ import annotations

from tests.planted.plant import Plant

_REPORTS = ("tests/engine/test_reports.py",)
_BESIDE = ("tests/engine/test_firing_beside.py",)

OF_BURSTS = (
    Plant(
        "a node that stops leaves unwritten what made way for fires",
        "engine/settling.py",
        "            self._reports.hurry()\n",
        "",
        _REPORTS,
    ),
    Plant(
        "reports make way for as long as a burst lasts",
        "engine/reports.py",
        "        self._until = min(now + FLOW, self._began + LONGEST)\n",
        "        self._until = now + FLOW\n",
        _REPORTS,
    ),
    Plant(
        "reports make way without an end to their number",
        "engine/reports.py",
        "is_success and len(self._making_way) < MOST and",
        "is_success and",
        _REPORTS,
    ),
    Plant(
        "the end of a run makes way although another may wait for it",
        "engine/settling.py",
        "run for run in runs if not _passes_on(run)",
        "run for run in runs",
        _REPORTS,
    ),
    Plant(
        "failures and what is handed back make way too",
        "engine/reports.py",
        "report.settlement.outcome is Outcome.SUCCEEDED and not report.stands",
        "not report.stands",
        _REPORTS,
    ),
    Plant(
        "who ends in the stead of the loop forgets what made way",
        "engine/reports.py",
        "[*self._taken, *self._line, *self._making_way, *self._taken]",
        "[*self._taken, *self._line, *self._taken]",
        _REPORTS,
    ),
    Plant(
        "after a burst new reports wait behind all that made way",
        "engine/reports.py",
        "max(most // 2, most - len(self._line))",
        "most",
        _REPORTS,
    ),
    Plant(
        "a flush sleeps although there is something to be written",
        "engine/reports.py",
        "        line.append(report)\n        return len(line) == 1\n",
        "        line.append(report)\n        return len(self._line) + len(self._making_way) == 1\n",
        _REPORTS,
    ),
    Plant(
        "ends make way although their schedules are due again before they are written",
        "engine/firing.py",
        "in_burst=flows and is_spaced",
        "in_burst=flows",
        _BESIDE,
    ),
    Plant(
        "all counts as fired while a second batch is under way",
        "engine/firing.py",
        "        if self._is_beside:\n            return UNTIL_ALONE\n",
        "",
        _BESIDE,
    ),
    Plant(
        "a second batch is fired while nobody knows what another took",
        "engine/firing.py",
        "self._flows and not offering.doubtful",
        "self._flows",
        _BESIDE,
    ),
    Plant(
        "a second batch is fired without places worth it",
        "engine/firing.py",
        "if offer is not None and offer.room < self._least():",
        "if offer is None:",
        _BESIDE,
    ),
    Plant(
        "PostgreSQL: two batches of fires wait for one session",
        "store/sql_store.py",
        '"fire_beside" if beside else "fire"',
        '"fire"',
        ("tests/store/test_held_fires.py", "-k", "beside"),
    ),
    Plant(
        "of many lost runs as many are taken over with each poll as there are slots",
        "engine/claiming.py",
        "if full or left_urgent:",
        "if full:",
        ("tests/engine/test_ahead.py",),
    ),
)
