"""Faults in what happens while many fires are due at once: what makes way for them, and two batches at a time."""

from __future__ import annotations

from tests.planted.plant import Plant

_REPORTS = ("tests/engine/test_reports.py",)
_LATELY = ("tests/engine/test_lately.py",)
_OFFERS = ("tests/engine/test_offering.py",)
_CROWD = ("tests/engine/test_watching.py", "-k", "crowd or many")
_SESSION = ("tests/store/test_held_fires.py", "-k", "session")
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
        "a few short bodies are reason enough to expect many",
        "engine/lately.py",
        "        if count < SAMPLE:\n",
        "        if not count:\n",
        _LATELY,
    ),
    Plant(
        "long bodies count as short ones",
        "engine/lately.py",
        "        if now - since >= MOMENT:\n            return\n        if self._count and",
        "        if self._count and",
        (*_LATELY, "tests/engine/test_ahead.py"),
    ),
    Plant(
        "what ended long ago counts as long as nobody looks",
        "engine/lately.py",
        "now - self._first_ended >= GRAIN",
        "False",
        _LATELY,
    ),
    Plant(
        "a pace is believed however far it is drawn out",
        "engine/lately.py",
        "min(FARTHEST, MOMENT / took)",
        "MOMENT / took",
        _LATELY,
    ),
    Plant(
        "the pace is told from the last body alone",
        "engine/lately.py",
        "self._began = min(self._began, since)",
        "self._began = since",
        _LATELY,
    ),
    Plant(
        "an offer for short bodies is one for all tasks of their kind",
        "engine/places.py",
        "            yield others, min(most, room)\n",
        "            yield others, min(most, at_pace)\n",
        _OFFERS,
    ),
    Plant(
        "what is kept for a fire that is not due yet is as much as for one that is",
        "engine/places.py",
        "(room, ()) if spare else self._ahead.places_at_pace(kind)",
        "self._ahead.places_at_pace(kind)",
        _OFFERS,
    ),
    Plant(
        "what waits in the queue is claimed at the pace of fires",
        "engine/ahead.py",
        "        return self.slots(kind) + self.allowed(kind) - held\n",
        "        most, _ = self._lately[kind].in_a_moment(self._clock.elapsed())\n"
        "        return self.slots(kind) + most - held\n",
        _OFFERS,
    ),
    Plant(
        "each answer makes ready once more for the same crowd",
        "engine/crowd.py",
        "        elif due != self._known:\n",
        "        else:\n",
        _CROWD,
    ),
    Plant(
        "a crowd is made ready for as soon as it is known",
        "engine/crowd.py",
        "if self._at is None or self._at > now:",
        "if self._at is None:",
        _CROWD,
    ),
    Plant(
        "PostgreSQL: what is due already is counted with what is due next",
        "store/sql/postgres/watching.sql",
        "WHERE s.state = 'active' AND s.next_fire_at = (SELECT u.next_fire_at FROM upcoming u)",
        "WHERE s.state = 'active' AND s.next_fire_at <= (SELECT u.next_fire_at FROM upcoming u)",
        ("tests/conformance", "-k", "postgres and Waiting"),
    ),
    Plant(
        "SQLite: schedules that do not fire are counted with what is due next",
        "store/sql/sqlite/watching.sql",
        "SELECT 1 FROM schedules WHERE state = 'active' AND next_fire_at = (",
        "SELECT 1 FROM schedules WHERE next_fire_at = (",
        ("tests/conformance", "-k", "sqlite and Waiting"),
    ),
    Plant(
        "who would make ready for many is not woken",
        "engine/tenure.py",
        "        self._firing.expect_crowd()\n        self._fire_beside.wake()\n",
        "        self._firing.expect_crowd()\n",
        ("tests/engine/test_node_on_databases.py", "-k", "ready"),
    ),
    Plant(
        "the session of a second batch is made ready again and again",
        "engine/firing.py",
        "            self._is_crowd_expected = False\n",
        "",
        _BESIDE,
    ),
    Plant(
        "PostgreSQL: the session of a second batch is kept for good",
        "store/postgres/connections.py",
        "self._pools = {**dict.fromkeys(POOLED, verbs), _NOW_AND_THEN: beside}",
        "self._pools = dict.fromkeys(POOLED, verbs)",
        _SESSION,
    ),
    Plant(
        "PostgreSQL: the session of a second batch comes unprepared",
        "store/postgres/connections.py",
        "partial(self._warmed, _NOW_AND_THEN)",
        "self.connect",
        _SESSION,
    ),
    Plant(
        "of many lost runs as many are taken over with each poll as there are slots",
        "engine/claiming.py",
        "if full or left_urgent:",
        "if full:",
        ("tests/engine/test_ahead.py",),
    ),
)
