-- name: endings.end
-- So many of the queued runs of a schedule, whichever are found first: a pause ends what waits to fire, and leaves requests
-- by hand and running bodies.
UPDATE runs
SET state = 'skipped', reason = :reason, finished_at = coalesce(:now, now())
WHERE id IN (
    SELECT r.id FROM runs r
    WHERE r.state IN ('queued', 'running') AND r.schedule_id = :id AND +r.state = 'queued'
      AND (:reason = 'removed' OR r.origin = 'fire' OR r.origin LIKE 'backfill%')
      AND (r.created_at <= :until OR :until IS NULL)
    LIMIT :limit)
RETURNING *;

-- name: endings.date
-- From here on the schedule makes runs that are none of those: it fires again, or another has its id.
UPDATE endings SET until_at = coalesce(:now, now()) WHERE until_at IS NULL AND schedule_id = :id;
