-- name: runs.request
-- One request by hand, which is most of them: what `runs.request_many` does for many, without what many need. It answers
-- what whoever asks does not know.
INSERT INTO runs (
    id, schedule_id, task, args, state, origin, run_at, queue, priority, key, policies, on_lost, lost_limit,
    tracking_id, parent, created_at)
VALUES (
    :id, :schedule_id, :task, :args, 'queued', :origin, coalesce(:run_at, coalesce(:now, now()) + :delay), :queue,
    :priority, :key, :policies, :on_lost, :lost_limit, :tracking_id, :parent, coalesce(:now, now()))
ON CONFLICT DO NOTHING
RETURNING created_at, run_at;

-- name: runs.insert
INSERT INTO runs (
    id, schedule_id, task, args, state, reason, origin, fire_at, covers_until, covers_count, run_at, start_by, queue,
    priority, key, policies, on_lost, lost_limit, tracking_id, parent, yielded_to, created_at, finished_at)
VALUES (
    :id, :schedule_id, :task, :args, :state, :reason, :origin, :fire_at, :covers_until, :covers_count,
    CASE WHEN :state = 'queued' THEN coalesce(:run_at, coalesce(:now, now()) + :delay) END,
    :start_by, :queue, :priority, :key, :policies, :on_lost, :lost_limit, :tracking_id, :parent,
    :yielded_to, coalesce(:now, now()), CASE WHEN :state <> 'queued' THEN coalesce(:now, now()) END)
ON CONFLICT DO NOTHING
RETURNING *;

-- name: runs.grow
UPDATE runs
SET covers_until = :covers_until, covers_count = covers_count + :covers_count, finished_at = coalesce(:now, now())
WHERE id = :id AND state = 'skipped' AND covers_until < :covers_until
RETURNING id;

-- name: runs.note_started
UPDATE runs SET started_at = :started_at
WHERE id = :id AND state = 'running' AND node_id = :node AND attempt = :attempt;

-- name: runs.schedules
SELECT DISTINCT schedule_id FROM runs
WHERE id IN (SELECT value FROM json_each(:ids)) AND schedule_id IS NOT NULL;

-- name: runs.lock
SELECT * FROM runs WHERE id = :id;

-- name: runs.prune_succeeded
DELETE FROM runs
WHERE id IN (
    SELECT s.id FROM (
        SELECT o.id, o.state, o.finished_at FROM runs o
        WHERE o.id > coalesce(:beyond, '') AND o.id < :boundary ORDER BY o.id LIMIT :most
    ) s
    WHERE s.state = 'succeeded' AND s.finished_at < coalesce(:now, now()) - :retention
    LIMIT :limit)
RETURNING id;

-- name: runs.kept
-- The run at so many, oldest first; nothing where there are fewer.
SELECT id FROM runs WHERE id > coalesce(:beyond, '') AND id < :boundary ORDER BY id LIMIT 1 OFFSET :most;

-- name: runs.prune_aside
DELETE FROM runs
WHERE id IN (
    SELECT r.id FROM runs r
    WHERE r.state IN ('failed', 'cancelled', 'skipped') AND r.state = :state
      AND r.id > coalesce(:beyond, '') AND r.id < :boundary
      AND r.finished_at < coalesce(:now, now()) - :retention
    ORDER BY r.id
    LIMIT :limit)
RETURNING id;

-- name: runs.list_aside
-- The same for a state that few runs end in, by the index of these.
SELECT * FROM (
    SELECT * FROM runs
    WHERE state IN ('failed', 'cancelled', 'skipped') AND state = :state AND id < :cursor
    ORDER BY id DESC LIMIT :most
) r
WHERE (task = :task OR :task IS NULL) AND (state = :state OR :state IS NULL)
  AND (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
ORDER BY id DESC LIMIT :limit;

-- name: runs.seen_aside
SELECT id FROM runs
WHERE state IN ('failed', 'cancelled', 'skipped') AND state = :state AND id < :cursor
ORDER BY id DESC LIMIT 1 OFFSET :most;

-- name: runs.list_queued
-- What has not ended, by the index of that: the order is one that the primary key does not have.
SELECT * FROM runs
WHERE state = 'queued' AND +id < :cursor
  AND (task = :task OR :task IS NULL) AND (state = :state OR :state IS NULL)
  AND (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
ORDER BY +id DESC LIMIT :limit;

-- name: runs.list_running
SELECT * FROM runs
WHERE state = 'running' AND +id < :cursor
  AND (task = :task OR :task IS NULL) AND (state = :state OR :state IS NULL)
  AND (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
ORDER BY +id DESC LIMIT :limit;
