"""Faults in the guards: once, lock and effect."""

from __future__ import annotations

from tests.planted.plant import STORES, Plant

OF_GUARDS = (
    Plant(
        "whoever asks ends a guard",
        "store/sql/common/guards.sql",
        " AND owner = :owner AND fence = :fence AND state = 'held'\nRETURNING",
        " AND state = 'held'\nRETURNING",
        (
            STORES,
            "-k",
            "sqlite and Guards",
        ),
    ),
    Plant(
        "PostgreSQL: a guard is taken from who holds it",
        "store/sql/postgres/guards.sql",
        "g.state = 'held' AND (g.lease_until <= coalesce(:now, now()) OR g.owner = excluded.owner)",
        "g.state = 'held'",
        (
            STORES,
            "-k",
            "postgres and Guards",
        ),
    ),
    Plant(
        "PostgreSQL: a later holder has the same fence",
        "store/sql/postgres/guards.sql",
        "ELSE g.fence + 1 END",
        "ELSE g.fence END",
        (
            STORES,
            "-k",
            "postgres and Guards",
        ),
    ),
    Plant(
        "PostgreSQL: the expired lease of a guard is renewed",
        "store/sql/postgres/guards.sql",
        "  AND g.state = 'held' AND g.lease_until > coalesce(:now, now())\nRETURNING",
        "  AND g.state = 'held'\nRETURNING",
        (
            STORES,
            "-k",
            "postgres and Guards",
        ),
    ),
    Plant(
        "an effect commits although its run is another's",
        "guards/effect.py",
        "if accepted.get(self._hold.run_id) is not RunState.SUCCEEDED:",
        "if False:",
        ("tests/sessions/test_effects.py",),
    ),
)
