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

-- name: schedules.end_fires
-- A pause ends what waits to fire; requests by hand and running bodies stay.
UPDATE {schema}.runs
SET state = 'skipped', reason = :reason, finished_at = coalesce(:now, now())
WHERE schedule_id = :id AND state = 'queued' AND (origin = 'fire' OR origin LIKE 'backfill%');

-- name: schedules.end_queued
UPDATE {schema}.runs
SET state = 'skipped', reason = :reason, finished_at = coalesce(:now, now())
WHERE schedule_id = :id AND state = 'queued';
