-- name: runs.get
SELECT * FROM {schema}.runs WHERE id = :id;

-- name: runs.of_key
SELECT * FROM {schema}.runs WHERE task = :task AND key = :key;

-- name: runs.release_key
-- The key of a request that was made too long ago is free for another one.
UPDATE {schema}.runs SET key = NULL
WHERE task = :task AND key = :key AND created_at + :period <= coalesce(:now, now());

-- name: runs.list
-- A text that contains another is not the same without it: this reads alike everywhere, and knows no wildcards.
SELECT * FROM {schema}.runs
WHERE (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (task = :task OR :task IS NULL)
  AND (state = :state OR :state IS NULL) AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
  AND (id < :cursor OR :cursor IS NULL)
ORDER BY id DESC LIMIT :limit;

-- name: runs.list_aside
-- The same for a state that few runs end in, by the index of these.
SELECT * FROM {schema}.runs
WHERE state IN ('failed', 'cancelled', 'skipped') AND state = :state
  AND (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (task = :task OR :task IS NULL)
  AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
  AND (id < :cursor OR :cursor IS NULL)
ORDER BY id DESC LIMIT :limit;

-- name: runs.list_of_schedule
-- The same for one schedule: what has ended by the index of that, and what has not by the one that counts overlaps. That
-- no id is null is nothing that a planner knows, so only the index that is in this order, and not the primary key, can
-- be read for it: the runs of a schedule that has been quiet for long lie behind all that others did since.
SELECT * FROM (
    SELECT * FROM {schema}.runs
    WHERE schedule_id = :schedule_id AND state IN ('succeeded', 'failed', 'cancelled', 'skipped')
    UNION ALL
    SELECT * FROM {schema}.runs WHERE schedule_id = :schedule_id AND state IN ('queued', 'running')
) r
WHERE (task = :task OR :task IS NULL) AND (state = :state OR :state IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
  AND (id < :cursor OR :cursor IS NULL)
ORDER BY id DESC NULLS LAST LIMIT :limit;

-- name: runs.list_tracked
-- The same for what one request has caused.
SELECT * FROM {schema}.runs
WHERE tracking_id = :tracking_id
  AND (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (task = :task OR :task IS NULL)
  AND (state = :state OR :state IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
  AND (id < :cursor OR :cursor IS NULL)
ORDER BY id DESC NULLS LAST LIMIT :limit;

-- name: runs.attempts
SELECT * FROM {schema}.attempts WHERE run_id = :id ORDER BY attempt;

-- name: runs.claimed
SELECT * FROM {schema}.runs WHERE state = 'running' AND node_id = :node AND claim_id = :claim_id;

-- name: runs.held
SELECT id, attempt FROM {schema}.runs WHERE state = 'running' AND node_id = :node;

-- name: runs.cancel
-- What is queued ends here; what runs is asked to, and its node does the rest. The first request is the one that counts.
UPDATE {schema}.runs
SET state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,
    outcome = CASE WHEN state = 'queued' THEN 'cancelled' ELSE outcome END,
    finished_at = CASE WHEN state = 'queued' THEN coalesce(:now, now()) ELSE finished_at END,
    reason = CASE WHEN cancel_requested_at IS NULL THEN :reason ELSE coalesce(reason, :reason) END,
    cancel_requested_at = coalesce(cancel_requested_at, coalesce(:now, now()))
WHERE id = :id AND state IN ('queued', 'running')
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
    result = NULL, cancel_requested_at = NULL, yielded_to = NULL, args = coalesce(:args, args)
WHERE id = :id AND state IN ('succeeded', 'failed', 'cancelled', 'skipped')
RETURNING *;

-- name: runs.waiting
-- Runs that wait in one queue for one task, and the schedules that they belong to; counted no further than that.
SELECT schedule_id FROM {schema}.runs WHERE state = 'queued' AND queue = :queue AND task = :task LIMIT :limit;
