-- name: nodes.renew
-- An expired lease is never renewed: whoever is late takes a new id.
UPDATE nodes
SET lease_until = coalesce(:now, now()) + :lease, renewals = renewals + 1, running = :running,
    clock_offset = coalesce(:clock_offset, clock_offset)
WHERE id = :node AND state = 'live' AND lease_until > coalesce(:now, now())
RETURNING coalesce(:now, now()) AS now_at;

-- name: nodes.siblings
-- The witnesses' material: every other live node with its renewal number.
SELECT id, renewals, lease_until AS held_until, process FROM nodes WHERE state = 'live' AND id <> :node;

-- name: nodes.is_live
SELECT id FROM nodes WHERE id = :node AND state = 'live';

-- name: nodes.state_tasks
INSERT INTO node_tasks (task, node_id, concurrency) VALUES (:task, :node, :concurrency)
ON CONFLICT (task, node_id) DO NOTHING;

-- name: nodes.mark_dead
UPDATE nodes SET state = 'dead', running = 0
WHERE id = :id AND renewals = :renewals AND state = 'live' AND lease_until <= coalesce(:now, now())
RETURNING id;

-- name: nodes.mark_gone
-- Whose process is gone for certain: no clock and no number is asked, only whether it is the same one that was looked
-- for.
UPDATE nodes SET state = 'dead', running = 0 WHERE id = :id AND process = :process AND state = 'live' RETURNING id;

-- name: nodes.end
UPDATE nodes SET state = :state, running = 0 WHERE id = :node AND state = 'live' RETURNING id;

-- name: nodes.found
-- So many of the runs of these nodes at the most, whichever are found first.
SELECT id FROM runs WHERE state = 'running' AND node_id IN (SELECT value FROM json_each(:nodes)) LIMIT :limit;

-- name: nodes.keep_attempts
INSERT INTO attempts (run_id, attempt, node_id, started_at, finished_at, outcome, error)
SELECT id, attempt, node_id, started_at, coalesce(:now, now()), :outcome, NULL
FROM runs
WHERE id IN (SELECT value FROM json_each(:ids)) AND +state = 'running'
  AND NOT (on_lost = 'fail' OR (:is_loss AND losses + 1 >= lost_limit)) AND cancel_requested_at IS NULL
ON CONFLICT (run_id, attempt) DO NOTHING;

-- name: nodes.cancel_lost
-- What was asked to end is not queued again, whoever was to end it.
UPDATE runs
SET state = 'cancelled', outcome = :outcome, reason = coalesce(reason, 'cancelled'), error = NULL,
    losses = losses + :is_loss, finished_at = coalesce(:now, now())
WHERE id IN (SELECT value FROM json_each(:ids)) AND +state = 'running' AND cancel_requested_at IS NOT NULL
RETURNING *;

-- name: nodes.fail_lost
UPDATE runs
SET state = 'failed', outcome = :outcome, reason = 'lost', losses = losses + :is_loss,
    error = CASE WHEN losses = 0 THEN 'lost with its node' ELSE 'lost with its node ' || (losses + 1) || ' times' END,
    finished_at = coalesce(:now, now())
WHERE id IN (SELECT value FROM json_each(:ids)) AND +state = 'running'
  AND (on_lost = 'fail' OR (:is_loss AND losses + 1 >= lost_limit))
RETURNING *;

-- name: nodes.requeue_lost
UPDATE runs
SET state = 'queued', outcome = :outcome, losses = losses + :is_loss, reason = NULL, error = NULL,
    run_at = CASE WHEN :is_loss THEN coalesce(:now, now()) ELSE min(run_at, coalesce(:now, now())) END,
    node_id = NULL, claim_id = NULL, started_at = NULL
WHERE id IN (SELECT value FROM json_each(:ids)) AND +state = 'running'
RETURNING id;
