-- name: nodes.register
INSERT INTO {schema}.nodes (id, host, pid, version, queues, process, state, started_at, lease_until)
VALUES (:id, :host, :pid, :version, :queues, :process, 'live', coalesce(:now, now()), coalesce(:now, now()) + :lease)
ON CONFLICT (id) DO NOTHING;

-- name: nodes.forget_tasks
-- What nodes could run that are no more.
DELETE FROM {schema}.node_tasks
WHERE NOT EXISTS (SELECT 1 FROM {schema}.nodes n WHERE n.id = {schema}.node_tasks.node_id AND n.state = 'live');

-- name: nodes.renew
-- An expired lease is never renewed: whoever is late takes a new id.
UPDATE {schema}.nodes
SET lease_until = coalesce(:now, now()) + :lease, renewals = renewals + 1, running = :running,
    clock_offset = coalesce(CAST(:clock_offset AS double precision), clock_offset)
WHERE id = :node AND state = 'live' AND lease_until > coalesce(:now, now())
RETURNING coalesce(:now, now()) AS now_at;

-- name: nodes.siblings
-- The witnesses' material: every other live node with its renewal number.
SELECT id, renewals, lease_until, process FROM {schema}.nodes WHERE state = 'live' AND id <> :node;

-- name: nodes.list
SELECT id, host, pid, version, state, started_at, lease_until, running, clock_offset, process
FROM {schema}.nodes
ORDER BY state = 'live' DESC, started_at DESC, id;

-- name: nodes.prune
DELETE FROM {schema}.nodes
WHERE state <> 'live' AND lease_until + :kept < coalesce(:now, now())
  AND NOT EXISTS (SELECT 1 FROM {schema}.runs r WHERE r.state = 'running' AND r.node_id = {schema}.nodes.id);
