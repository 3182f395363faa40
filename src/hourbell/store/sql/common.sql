-- Statements that read the same in PostgreSQL and SQLite.
--
-- ":name" is a parameter, "{schema}." the only substitution. Every judgement of time is made against
-- coalesce(:now, now()): production binds null, tests the manual clock, SQLite the host's clock.

-- name: clock.read
SELECT coalesce(:now, now()) AS now_at;

-- name: nodes.register
INSERT INTO {schema}.nodes (id, host, pid, version, state, started_at, lease_until)
VALUES (:id, :host, :pid, :version, 'live', coalesce(:now, now()), coalesce(:now, now()) + :lease)
ON CONFLICT (id) DO NOTHING;

-- name: nodes.renew
-- An expired lease is never renewed: whoever is late takes a new id.
UPDATE {schema}.nodes
SET lease_until = coalesce(:now, now()) + :lease, renewals = renewals + 1, running = :running
WHERE id = :node AND state = 'live' AND lease_until > coalesce(:now, now())
RETURNING coalesce(:now, now()) AS now_at;

-- name: nodes.siblings
-- The witnesses' material: every other live node with its renewal number.
SELECT id, renewals, lease_until FROM {schema}.nodes WHERE state = 'live' AND id <> :node;

-- name: nodes.list
SELECT id, host, pid, version, state, started_at, lease_until, running
FROM {schema}.nodes
ORDER BY state = 'live' DESC, started_at DESC, id;

-- name: nodes.prune
DELETE FROM {schema}.nodes
WHERE state <> 'live' AND lease_until + :kept < coalesce(:now, now())
  AND NOT EXISTS (SELECT 1 FROM {schema}.runs r WHERE r.state = 'running' AND r.node_id = {schema}.nodes.id);

-- name: declarations.is_live
SELECT EXISTS (
    SELECT 1 FROM {schema}.declarations k JOIN {schema}.nodes n ON n.id = k.node_id
    WHERE k.schedule_id = :id AND n.state = 'live'
) AS is_live;

-- name: declarations.forget
DELETE FROM {schema}.declarations WHERE node_id = :node;

-- name: declarations.prune
DELETE FROM {schema}.declarations
WHERE NOT EXISTS (SELECT 1 FROM {schema}.nodes n WHERE n.id = {schema}.declarations.node_id AND n.state = 'live');

-- name: schedules.get
SELECT * FROM {schema}.schedules WHERE id = :id;

-- name: schedules.list
SELECT * FROM {schema}.schedules
WHERE (state = :state OR :state IS NULL) AND (id > :cursor OR :cursor IS NULL)
ORDER BY id LIMIT :limit;

-- name: schedules.write
UPDATE {schema}.schedules
SET task = :task, trigger_spec = :trigger_spec, args = :args, policies = :policies, inherited = :inherited,
    state = :state, source = :source, note = :note, digest = :digest, declared = :declared,
    next_fire_at = :next_fire_at, last_fire_at = :last_fire_at,
    last_skip_id = :last_skip_id, last_skip_reason = :last_skip_reason,
    version = version + 1, updated_at = coalesce(:now, now())
WHERE id = :id;

-- name: schedules.delete
DELETE FROM {schema}.schedules WHERE id = :id;

-- name: schedules.forget_digests
DELETE FROM {schema}.digests WHERE schedule_id = :id;

-- name: schedules.unfinished
-- Overlap, counted after the schedule's row is locked: a snapshot of its own.
SELECT count(*) AS unfinished FROM {schema}.runs WHERE schedule_id = :id AND state IN ('queued', 'running');

-- name: schedules.end_fires
-- A pause ends what waits to fire; requests by hand and running bodies stay.
UPDATE {schema}.runs
SET state = 'skipped', reason = :reason, finished_at = coalesce(:now, now())
WHERE schedule_id = :id AND state = 'queued' AND (origin = 'fire' OR origin LIKE 'backfill%');

-- name: schedules.end_queued
UPDATE {schema}.runs
SET state = 'skipped', reason = :reason, finished_at = coalesce(:now, now())
WHERE schedule_id = :id AND state = 'queued';

-- name: runs.get
SELECT * FROM {schema}.runs WHERE id = :id;

-- name: runs.of_key
SELECT * FROM {schema}.runs WHERE task = :task AND key = :key;

-- name: runs.list
SELECT * FROM {schema}.runs
WHERE (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (task = :task OR :task IS NULL)
  AND (state = :state OR :state IS NULL) AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (id < :cursor OR :cursor IS NULL)
ORDER BY id DESC LIMIT :limit;

-- name: runs.attempts
SELECT * FROM {schema}.attempts WHERE run_id = :id ORDER BY attempt;

-- name: runs.claimed
SELECT * FROM {schema}.runs WHERE state = 'running' AND node_id = :node AND claim_id = :claim_id;

-- name: runs.held
SELECT id, attempt FROM {schema}.runs WHERE state = 'running' AND node_id = :node;

-- name: runs.cancel
UPDATE {schema}.runs
SET state = 'cancelled', reason = 'cancelled', outcome = 'cancelled', finished_at = coalesce(:now, now())
WHERE id = :id AND state = 'queued'
RETURNING *;

-- name: runs.keep_attempt
-- Before a run is queued again by hand: what ended it becomes history.
INSERT INTO {schema}.attempts (run_id, attempt, node_id, started_at, finished_at, outcome, error)
SELECT id, attempt, node_id, started_at, finished_at, coalesce(outcome, state), error
FROM {schema}.runs
WHERE id = :id AND attempt > 0 AND node_id IS NOT NULL AND finished_at IS NOT NULL
ON CONFLICT (run_id, attempt) DO NOTHING;

-- name: runs.requeue
UPDATE {schema}.runs
SET state = 'queued', run_at = coalesce(:now, now()), start_by = NULL, node_id = NULL, claim_id = NULL,
    started_at = NULL, finished_at = NULL, failures = 0, losses = 0, outcome = NULL, reason = NULL, error = NULL,
    result = NULL
WHERE id = :id AND state IN ('succeeded', 'failed', 'cancelled', 'skipped')
RETURNING *;
