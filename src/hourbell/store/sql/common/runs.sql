-- name: runs.get
SELECT * FROM {schema}.runs WHERE id = :id;

-- name: runs.of_key
SELECT * FROM {schema}.runs WHERE task = :task AND key = :key;

-- name: runs.release_key
-- The key of a request that was made too long ago is free for another one.
UPDATE {schema}.runs SET key = NULL
WHERE task = :task AND key = :key AND created_at + :period <= coalesce(:now, now());

-- name: runs.list
-- Of so many at the most, from the cursor back, those that are wanted: who asks for what is rare does not read all that
-- there is. A text that contains another is not the same without it: this reads alike everywhere, and knows no wildcards.
SELECT * FROM (SELECT * FROM {schema}.runs WHERE id < :cursor ORDER BY id DESC LIMIT :most) r
WHERE (task = :task OR :task IS NULL) AND (state = :state OR :state IS NULL)
  AND (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
ORDER BY id DESC LIMIT :limit;

-- name: runs.list_of_schedule
-- The same for one schedule: what has ended by the index of that, and what has not by the one that counts overlaps. That
-- no id is null is nothing that a planner knows, so only the index that is in this order, and not the primary key, can
-- be read for it: the runs of a schedule that has been quiet for long lie behind all that others did since.
SELECT * FROM (
    SELECT * FROM (
        SELECT * FROM {schema}.runs
        WHERE schedule_id = :schedule_id AND state IN ('succeeded', 'failed', 'cancelled', 'skipped') AND id < :cursor
        ORDER BY id DESC NULLS LAST LIMIT :most
    ) ended
    UNION ALL
    SELECT * FROM {schema}.runs
    WHERE schedule_id = :schedule_id AND state IN ('queued', 'running') AND id < :cursor
) r
WHERE (task = :task OR :task IS NULL) AND (state = :state OR :state IS NULL)
  AND (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
ORDER BY id DESC NULLS LAST LIMIT :limit;

-- name: runs.list_tracked
-- The same for what one request has caused.
SELECT * FROM (
    SELECT * FROM {schema}.runs WHERE tracking_id = :tracking_id AND id < :cursor
    ORDER BY id DESC NULLS LAST LIMIT :most
) r
WHERE (task = :task OR :task IS NULL) AND (state = :state OR :state IS NULL)
  AND (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
ORDER BY id DESC NULLS LAST LIMIT :limit;

-- name: runs.seen
-- The run at so many from the cursor back, in a list of all; nothing where there are fewer.
SELECT id FROM {schema}.runs WHERE id < :cursor ORDER BY id DESC LIMIT 1 OFFSET :most;

-- name: runs.seen_of_schedule
SELECT id FROM {schema}.runs
WHERE schedule_id = :schedule_id AND state IN ('succeeded', 'failed', 'cancelled', 'skipped') AND id < :cursor
ORDER BY id DESC NULLS LAST LIMIT 1 OFFSET :most;

-- name: runs.seen_tracked
SELECT id FROM {schema}.runs WHERE tracking_id = :tracking_id AND id < :cursor
ORDER BY id DESC NULLS LAST LIMIT 1 OFFSET :most;

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
