-- name: surveying.nodes
SELECT id, host, pid, version, state, started_at, lease_until, running, clock_offset, process, queues
FROM {schema}.nodes
ORDER BY state = 'live' DESC, started_at DESC, id LIMIT :limit;

-- name: surveying.tasks
SELECT t.node_id, t.task, t.concurrency
FROM {schema}.node_tasks t JOIN {schema}.nodes n ON n.id = t.node_id
WHERE n.state = 'live' AND n.lease_until > coalesce(:now, now())
ORDER BY t.node_id, t.task;

-- name: surveying.states
SELECT state, count(*) AS number FROM {schema}.schedules GROUP BY state;

-- name: surveying.schedules
-- What may be in trouble. Blackouts are told by their text: whether the calendar is there is judged elsewhere.
SELECT * FROM {schema}.schedules
WHERE state = 'undeclared'
   OR (state IN ('active', 'paused') AND next_fire_at + :patience <= coalesce(:now, now()))
   OR (state = 'active' AND NOT EXISTS (
          SELECT 1 FROM {schema}.node_tasks t JOIN {schema}.nodes n ON n.id = t.node_id
          WHERE t.task = {schema}.schedules.task AND n.state = 'live' AND n.lease_until > coalesce(:now, now())))
   OR (state = 'active' AND (policies LIKE '%"blackout"%' OR inherited LIKE '%"blackout"%'))
ORDER BY id LIMIT :limit;

-- name: surveying.failing
-- Of the schedules that failed lately: those of which each of the last fires that ran has failed. Which failed lately comes
-- first, and by its own index, which alone is in this order; then each of these has its newest looked at, so many of them.
WITH lately AS MATERIALIZED (
    SELECT schedule_id FROM {schema}.runs
    WHERE state IN ('failed', 'cancelled', 'skipped') AND state >= 'failed' AND state <= 'failed'
    ORDER BY state DESC, id DESC LIMIT :limit
), named AS MATERIALIZED (
    SELECT DISTINCT schedule_id AS id FROM lately WHERE schedule_id IS NOT NULL
)
SELECT k.id FROM named k
WHERE EXISTS (SELECT 1 FROM {schema}.schedules s WHERE s.id = k.id AND s.state = 'active') AND :fires = (
    SELECT count(*) FROM (
        SELECT newest.state FROM (
            SELECT r.state, r.origin, r.id FROM {schema}.runs r
            WHERE r.schedule_id = k.id AND r.state IN ('succeeded', 'failed', 'cancelled', 'skipped')
            ORDER BY r.id DESC NULLS LAST LIMIT :most) newest
        WHERE newest.origin = 'fire' AND newest.state IN ('succeeded', 'failed')
        ORDER BY newest.id DESC NULLS LAST LIMIT :fires) latest
    WHERE latest.state = 'failed')
ORDER BY k.id;

-- name: surveying.calendars
SELECT name FROM {schema}.calendars ORDER BY name LIMIT :limit;

-- name: surveying.orphans
SELECT id, task, node_id FROM {schema}.runs
WHERE state = 'running' AND NOT EXISTS (
    SELECT 1 FROM {schema}.nodes n WHERE n.id = {schema}.runs.node_id AND n.state = 'live')
ORDER BY id LIMIT :limit;

-- name: surveying.running
SELECT task, count(*) AS number FROM {schema}.runs WHERE state = 'running' GROUP BY task ORDER BY task;
