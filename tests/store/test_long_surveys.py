"""What the doctor asks costs what may be in trouble, and not all that is well."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from hourbell.model.survey import FAILING, SURVEYED
from hourbell.store.postgres import PostgresStore
from hourbell.store.scripts import surveying
from hourbell.store.statements import load
from store.conftest import Pair
from store.test_crash_points import enqueue
from support.plans import COUNTED, MODES, plan_of, rows_read

MANY = 20_000
TROUBLED = """
    INSERT INTO hourbell.schedules (id, task, trigger_spec, args, policies, inherited, state, source, next_fire_at,
                                    created_at, updated_at)
    SELECT id, 't', '{{}}', '{{}}', '{{}}', '{{}}', 'active', 'call', now() + interval '1 day', now(), now()
    FROM unnest(ARRAY['fails', 'skips', 'works']) id;
    INSERT INTO hourbell.runs (id, schedule_id, task, args, state, reason, origin, queue, priority, on_lost, lost_limit,
                               created_at, run_at, fire_at, finished_at)
    SELECT (CASE WHEN state = 'failed' THEN '01' ELSE '02' END || substr(gen_random_uuid()::text, 3))::uuid,
           schedule_id, 't', '{{}}', state, 'r', 'fire', 'q', 0, 'retry', 5, now(), now(),
           now() - n * interval '1 second', now()
    FROM (VALUES ('fails', 'failed', 3), ('skips', 'skipped', {many}), ('works', 'succeeded', {many}))
             AS k (schedule_id, state, number),
         generate_series(1, number) n;
"""


async def test_only_what_failed_lately_is_looked_at(postgres_url: str) -> None:
    store = PostgresStore(postgres_url)
    await store.open()
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute(TROUBLED.format(many=MANY))
        await connection.execute("VACUUM ANALYZE hourbell.runs, hourbell.schedules")
        assert (await store.survey(timedelta(seconds=15))).failing == ("fails",)
        statement = load("postgres", "hourbell")["surveying.failing"]
        asked = {"fires": FAILING, "limit": SURVEYED, "most": SURVEYED}
        for mode in MODES:
            plan = await plan_of(connection, statement, asked, mode=mode, options=COUNTED)
            assert rows_read(plan) < 100, (mode, "of 40,000")
    finally:
        await connection.close()
        await store.close()


@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_a_backlog_is_counted_so_far_and_no_further(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "COUNTED_WAITING", 3)
    for _ in range(5):
        await enqueue(pair)
    pair.clock.advance(60)
    (waiting,) = (await pair.other.survey(timedelta(seconds=15))).waiting
    assert waiting.count == 3
