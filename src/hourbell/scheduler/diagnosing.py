"""The verb that looks into everything and says what is wrong."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.engine.loop import spawn
from hourbell.errors import StoreMisconfigured
from hourbell.model.diagnosis import Facts
from hourbell.model.findings import diagnosed
from hourbell.scheduler.verbs import Verbs

if TYPE_CHECKING:
    from hourbell.model.diagnosis import Diagnosis, Hints
    from hourbell.model.survey import Survey
    from hourbell.store.protocol import Store

_HINT_PATIENCE = 10.0


class DiagnosisVerbs(Verbs):
    """Look into everything."""

    async def diagnose(self) -> Diagnosis:
        """What is wrong with the database, the nodes, the schedules and the runs, each with what to do about it.

        Reads more than any loop does and changes nothing; hints are tried by a real round trip. For people and alarms,
        every few minutes at most. Raises StoreUnavailable while the database is away.
        """
        core = self._core
        store = core.store
        database = await store.examine()
        hints: Hints = "none" if database.kind == "sqlite" else await _hints(store)
        before = core.clock.elapsed()
        now = await store.ping()
        # The answer was made half-way, as far as anybody can know.
        passed = timedelta(seconds=(core.clock.elapsed() - before) / 2)
        facts = Facts(
            now=now,
            lease=core.settings.lease,
            poll=core.settings.poll,
            database=database,
            hints=hints,
            pooler=core.settings.pooler,
            offset=(core.clock.host_now() - passed - now).total_seconds(),
            survey=None if database.pending or database.damage else await _survey(store, core.settings.lease),
        )
        return diagnosed(facts)


async def _survey(store: Store, lease: float) -> Survey | None:
    """The tables, as far as this role may read them; where it may not, the facts of the database say so."""
    with suppress(StoreMisconfigured):
        return await store.survey(timedelta(seconds=lease))
    return None


async def _hints(store: Store) -> Hints:
    """Whether a hint of our own comes back to us."""
    proven = asyncio.Event()
    listening = spawn(store.listen(proven.set), "proof of hints")
    arrived = spawn(proven.wait(), "proof of hints arrives")
    try:
        await asyncio.wait({listening, arrived}, timeout=_HINT_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        return "arrive" if proven.is_set() else "lost"
    finally:
        for task in (listening, arrived):
            task.cancel()
        await asyncio.gather(listening, arrived, return_exceptions=True)
