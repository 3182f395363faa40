-- name: overlap.count
-- A statement after the one that locked the schedules, so a new snapshot: what ended before the lock was granted is not
-- counted. Backfilled runs are counted by themselves.
SELECT u.schedule_id,
       count(*) FILTER (WHERE NOT u.is_backfill) AS total,
       count(*) FILTER (WHERE NOT u.is_backfill AND u.run_at IS NULL) AS waiting,
       count(*) FILTER (WHERE u.is_backfill AND u.run_at IS NOT NULL) AS backfilling,
       count(*) FILTER (WHERE u.is_backfill AND u.run_at IS NULL) AS put_off,
       (array_agg(u.id ORDER BY u.is_backfill, u.created_at DESC, u.fire_at DESC, u.id DESC))[1] AS newest
FROM (
    SELECT r.schedule_id, r.id, r.run_at, r.created_at, r.fire_at, r.origin LIKE 'backfill%' AS is_backfill
    FROM {schema}.runs r
    WHERE r.state IN ('queued', 'running') AND r.schedule_id = ANY (:ids::text[])
) u
GROUP BY u.schedule_id;

-- name: overlap.announce
-- Somebody waits for these: whoever ends one of them from here on lets the next one go. The row's own lock decides which
-- was first, this or the end; what had ended before is not counted afterwards.
WITH taking AS MATERIALIZED (
    SELECT r.id FROM {schema}.runs r
    WHERE r.state IN ('queued', 'running') AND r.schedule_id = ANY (:ids::text[])
      AND r.run_at IS NOT NULL AND NOT r.awaited
    ORDER BY r.id
    FOR NO KEY UPDATE OF r
)
UPDATE {schema}.runs SET awaited = true WHERE id = ANY (ARRAY(SELECT t.id FROM taking t));

-- name: overlap.displace
-- All but the newest runs of a schedule make way: what is queued ends here, what runs is asked to.
WITH before AS MATERIALIZED (
    SELECT r.id FROM {schema}.runs r
    WHERE r.id = ANY (ARRAY(
            SELECT o.id FROM {schema}.runs o
            WHERE o.state IN ('queued', 'running') AND o.schedule_id = :id AND o.origin NOT LIKE 'backfill%'
            ORDER BY o.created_at DESC, o.fire_at DESC, o.id DESC OFFSET :keep))
      AND r.state IN ('queued', 'running')
    ORDER BY r.id
    FOR NO KEY UPDATE OF r
)
UPDATE {schema}.runs
SET state = CASE WHEN state = 'running' THEN 'running' WHEN attempt > 0 THEN 'cancelled' ELSE 'skipped' END,
    outcome = CASE WHEN state = 'queued' AND attempt > 0 THEN 'cancelled' ELSE outcome END,
    finished_at = CASE WHEN state = 'queued' THEN coalesce(:now, now()) END,
    reason = CASE WHEN cancel_requested_at IS NULL THEN 'overlap' ELSE reason END,
    yielded_to = CASE WHEN cancel_requested_at IS NULL THEN :run_id ELSE yielded_to END,
    cancel_requested_at = coalesce(cancel_requested_at, coalesce(:now, now()))
WHERE id = ANY (ARRAY(SELECT b.id FROM before b))
RETURNING *;

-- name: overlap.release
-- The oldest of those that wait, so many of a schedule.
WITH next AS MATERIALIZED (
    SELECT w.id
    FROM unnest(:id::text[], :due::bigint[], :put_off::bigint[]) AS u (schedule_id, due, put_off)
    CROSS JOIN LATERAL (
        (SELECT r.id FROM {schema}.runs r
         WHERE r.schedule_id = u.schedule_id AND r.state = 'queued' AND r.run_at IS NULL
           AND r.origin NOT LIKE 'backfill%'
         ORDER BY r.created_at, r.fire_at, r.id LIMIT u.due)
        UNION ALL
        (SELECT r.id FROM {schema}.runs r
         WHERE r.schedule_id = u.schedule_id AND r.state = 'queued' AND r.run_at IS NULL
           AND r.origin LIKE 'backfill%'
         ORDER BY r.created_at, r.fire_at, r.id LIMIT u.put_off)
    ) w
)
UPDATE {schema}.runs SET run_at = coalesce(:now, now()), awaited = true
WHERE id = ANY (ARRAY(SELECT n.id FROM next n)) AND state = 'queued' AND run_at IS NULL
RETURNING id, schedule_id, fire_at, origin, attempt;

-- name: overlap.delay
-- What has its turn starts no sooner than its jitter has it. The rows are this transaction's own by now.
UPDATE {schema}.runs r SET run_at = u.run_at
FROM unnest(:id::uuid[], :run_at::timestamptz[]) AS u (id, run_at)
WHERE r.id = u.id AND r.state || '' = 'queued' AND r.run_at < u.run_at;
