-- name: endings.end
-- So many of the queued runs of a schedule, whichever are found first: a pause ends what waits to fire, and leaves requests
-- by hand and running bodies. Who has claimed one meanwhile keeps it, and another is found in its place. What is
-- appended to the state keeps the index of the queue out, which knows of no schedule.
UPDATE {schema}.runs
SET state = 'skipped', reason = :reason, finished_at = coalesce(:now, now())
WHERE id = ANY (ARRAY(
    SELECT r.id FROM {schema}.runs r
    WHERE r.state IN ('queued', 'running') AND r.schedule_id = :id AND r.state || '' = 'queued'
      AND (:reason = 'removed' OR r.origin = 'fire' OR r.origin LIKE 'backfill%')
      AND (r.created_at <= :until::timestamptz OR :until::timestamptz IS NULL)
    LIMIT :limit
    FOR NO KEY UPDATE OF r))
RETURNING *;

-- name: endings.date
-- From here on the schedule makes runs that are none of those: it fires again, or another has its id.
UPDATE {schema}.endings SET until_at = coalesce(:now, now()) WHERE until_at IS NULL AND schedule_id = ANY (:id::text[]);
