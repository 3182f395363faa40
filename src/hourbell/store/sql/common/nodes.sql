-- name: nodes.register
INSERT INTO {schema}.nodes (id, host, pid, version, queues, process, state, started_at, lease_until)
VALUES (:id, :host, :pid, :version, :queues, :process, 'live', coalesce(:now, now()), coalesce(:now, now()) + :lease)
ON CONFLICT (id) DO NOTHING;

-- name: nodes.forget_tasks
-- What nodes could run that are no more.
DELETE FROM {schema}.node_tasks
WHERE NOT EXISTS (SELECT 1 FROM {schema}.nodes n WHERE n.id = {schema}.node_tasks.node_id AND n.state = 'live');

-- name: nodes.upkeep
-- What nobody was woken for: runs of nodes that are gone (see nodes.gone), runs that wait for their turn, what a pause or a
-- removal has yet to end, and what this node declares while what is stored was said by nobody who still lives.
WITH RECURSIVE names (node_id) AS (
    SELECT min(r.node_id) FROM {schema}.runs r WHERE r.state = 'running'
    UNION ALL
    SELECT (SELECT min(r.node_id) FROM {schema}.runs r WHERE r.state = 'running' AND r.node_id > h.node_id)
    FROM names h WHERE h.node_id IS NOT NULL
)
SELECT EXISTS (
    SELECT 1 FROM names h
    WHERE h.node_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM {schema}.nodes n WHERE n.id = h.node_id AND n.state = 'live')
) AS has_lost, EXISTS (SELECT 1 FROM {schema}.endings) AS has_ending, EXISTS (
    SELECT 1 FROM {schema}.runs r WHERE r.state = 'queued' AND r.run_at IS NULL AND r.schedule_id IS NOT NULL
) AS has_waiting, EXISTS (
    SELECT 1 FROM {schema}.declarations k JOIN {schema}.schedules s ON s.id = k.schedule_id
    WHERE k.node_id = :node AND s.digest <> k.digest AND s.source = 'code'
      AND NOT EXISTS (
          SELECT 1 FROM {schema}.declarations o JOIN {schema}.nodes n ON n.id = o.node_id
          WHERE o.schedule_id = k.schedule_id AND o.digest = s.digest AND n.state = 'live')
) AS is_overruled;

-- name: nodes.list
SELECT id, host, pid, version, state, started_at, lease_until, running, clock_offset, process
FROM {schema}.nodes
ORDER BY state = 'live' DESC, started_at DESC, id;

-- name: nodes.prune
DELETE FROM {schema}.nodes
WHERE state <> 'live' AND lease_until + :kept < coalesce(:now, now())
  AND NOT EXISTS (SELECT 1 FROM {schema}.runs r WHERE r.state = 'running' AND r.node_id = {schema}.nodes.id);

-- name: nodes.gone
-- Whose runs wait to be handed on: nodes that have runs and are not live, or not there at all. From one node to the next,
-- however many runs each of them has.
WITH RECURSIVE names (node_id) AS (
    SELECT min(r.node_id) FROM {schema}.runs r WHERE r.state = 'running'
    UNION ALL
    SELECT (SELECT min(r.node_id) FROM {schema}.runs r WHERE r.state = 'running' AND r.node_id > h.node_id)
    FROM names h WHERE h.node_id IS NOT NULL
)
SELECT h.node_id FROM names h
WHERE h.node_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM {schema}.nodes n WHERE n.id = h.node_id AND n.state = 'live');
