-- name: overlap.count
SELECT r.schedule_id,
       count(*) FILTER (WHERE r.origin NOT LIKE 'backfill%') AS total,
       count(*) FILTER (WHERE r.origin NOT LIKE 'backfill%' AND r.run_at IS NULL) AS waiting,
       count(*) FILTER (WHERE r.origin LIKE 'backfill%' AND r.run_at IS NOT NULL) AS backfilling,
       count(*) FILTER (WHERE r.origin LIKE 'backfill%' AND r.run_at IS NULL) AS put_off,
       (SELECT n.id FROM runs n WHERE n.state IN ('queued', 'running') AND n.schedule_id = r.schedule_id
        ORDER BY n.origin LIKE 'backfill%', n.created_at DESC, n.fire_at DESC NULLS FIRST, n.id DESC LIMIT 1) AS newest
FROM runs r
WHERE r.state IN ('queued', 'running') AND r.schedule_id IN (SELECT value FROM json_each(:ids))
GROUP BY r.schedule_id;

-- name: overlap.announce
-- Somebody waits for these: whoever ends one of them lets the next one go.
UPDATE runs SET awaited = 1
WHERE state IN ('queued', 'running') AND schedule_id IN (SELECT value FROM json_each(:ids))
  AND run_at IS NOT NULL AND NOT awaited;

-- name: overlap.displace
-- All but the newest runs of a schedule make way: what is queued ends here, what runs is asked to.
UPDATE runs
SET state = CASE WHEN state = 'running' THEN 'running' WHEN attempt > 0 THEN 'cancelled' ELSE 'skipped' END,
    outcome = CASE WHEN state = 'queued' AND attempt > 0 THEN 'cancelled' ELSE outcome END,
    finished_at = CASE WHEN state = 'queued' THEN coalesce(:now, now()) END,
    reason = CASE WHEN cancel_requested_at IS NULL THEN 'overlap' ELSE reason END,
    yielded_to = CASE WHEN cancel_requested_at IS NULL THEN :run_id ELSE yielded_to END,
    cancel_requested_at = coalesce(cancel_requested_at, coalesce(:now, now()))
WHERE id IN (
    SELECT o.id FROM runs o
    WHERE o.state IN ('queued', 'running') AND o.schedule_id = :id AND o.origin NOT LIKE 'backfill%'
    ORDER BY o.created_at DESC, o.fire_at DESC NULLS FIRST, o.id DESC LIMIT -1 OFFSET :keep)
RETURNING *;

-- name: overlap.release
-- The oldest of those that wait, so many of a schedule.
UPDATE runs SET run_at = coalesce(:now, now()), awaited = 1
WHERE id IN (
        SELECT r.id FROM runs r
        WHERE r.schedule_id = :id AND r.state = 'queued' AND r.run_at IS NULL AND r.origin NOT LIKE 'backfill%'
        ORDER BY r.created_at, r.fire_at NULLS LAST, r.id LIMIT :due)
   OR id IN (
        SELECT r.id FROM runs r
        WHERE r.schedule_id = :id AND r.state = 'queued' AND r.run_at IS NULL AND r.origin LIKE 'backfill%'
        ORDER BY r.created_at, r.fire_at NULLS LAST, r.id LIMIT :put_off)
RETURNING id, schedule_id, fire_at, origin, attempt;

-- name: overlap.delay
-- What has its turn starts no sooner than its jitter has it.
UPDATE runs SET run_at = :run_at WHERE id = :id AND state = 'queued' AND run_at < :run_at;
