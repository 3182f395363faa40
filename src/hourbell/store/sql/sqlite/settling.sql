-- name: settling.keep
-- An attempt that ends without ending its run, written while the run still shows it. What was asked to end is not queued
-- again: there the attempt ends the run.
INSERT INTO attempts (run_id, attempt, node_id, started_at, finished_at, outcome, error)
SELECT id, attempt, node_id, coalesce(:started_at, started_at), coalesce(:finished_at, coalesce(:now, now())),
       :outcome, :error
FROM runs
WHERE id = :id AND state = 'running' AND node_id = :node AND attempt = :attempt AND :state = 'queued'
  AND cancel_requested_at IS NULL
ON CONFLICT (run_id, attempt) DO NOTHING;

-- name: settling.settle
-- The fence: run, state, node and attempt. What is handed back without a delay keeps its place in the queue, unless the
-- clock has gone back.
UPDATE runs
SET state = becomes.state,
    outcome = :outcome,
    reason = CASE WHEN becomes.state = 'cancelled' THEN coalesce(reason, 'cancelled') END,
    failures = failures + :failed,
    run_at = CASE WHEN becomes.state <> 'queued' THEN run_at
                  WHEN :outcome = 'handed_back' AND :delay = 0 THEN min(run_at, coalesce(:now, now()))
                  ELSE coalesce(:now, now()) + :delay END,
    node_id = CASE WHEN becomes.state = 'queued' THEN NULL ELSE node_id END,
    claim_id = CASE WHEN becomes.state = 'queued' THEN NULL ELSE claim_id END,
    error = :error,
    result = :result,
    started_at = CASE WHEN becomes.state = 'queued' THEN NULL ELSE coalesce(:started_at, started_at) END,
    finished_at = CASE WHEN becomes.state <> 'queued' THEN coalesce(:finished_at, coalesce(:now, now())) END
FROM (
    SELECT id AS run_id,
           CASE WHEN cancel_requested_at IS NOT NULL AND (:state = 'queued' OR :outcome = 'cancelled') THEN 'cancelled'
                ELSE :state END AS state
    FROM runs WHERE id = :id
) AS becomes
WHERE id = becomes.run_id AND runs.state = 'running' AND node_id = :node AND attempt = :attempt
RETURNING id, state, CASE WHEN awaited AND runs.state <> 'queued' THEN schedule_id END AS passes_on;

-- name: settling.succeed
-- Many at once: between one statement and the next, other threads of the process take the interpreter's lock. The fence
-- is the same; what would find state and node by their indexes is kept from that by its sign.
UPDATE runs
SET state = 'succeeded',
    outcome = 'succeeded',
    reason = NULL,
    error = NULL,
    result = s.result,
    started_at = coalesce(s.started_at, runs.started_at),
    finished_at = coalesce(s.finished_at, coalesce(:now, now()))
FROM (
    SELECT json_extract(value, '$[0]') AS run_id, json_extract(value, '$[1]') AS attempt,
           json_extract(value, '$[2]') AS result, json_extract(value, '$[3]') AS started_at,
           json_extract(value, '$[4]') AS finished_at
    FROM json_each(:reports)
) AS s
WHERE runs.id = s.run_id AND runs.attempt = s.attempt AND +runs.state = 'running' AND +runs.node_id = :node;

-- name: settling.succeeded
-- How many the statement before this has written, and the schedules in which somebody waited for one of these.
SELECT changes() AS written,
       (SELECT json_group_array(DISTINCT schedule_id) FROM runs
        WHERE id IN (SELECT value FROM json_each(:ids)) AND awaited AND schedule_id IS NOT NULL) AS passes_on;

-- name: settling.read_back
SELECT :id AS id, coalesce(r.state, :state) AS state, CASE WHEN r.awaited THEN r.schedule_id END AS passes_on
FROM (SELECT 1)
LEFT JOIN runs r
    ON r.id = :id AND r.node_id = :node AND r.attempt = :attempt AND r.outcome = :outcome
    AND (r.state = :state OR (r.state = 'cancelled' AND r.cancel_requested_at IS NOT NULL))
    AND r.finished_at IS NOT NULL
WHERE r.id IS NOT NULL
   OR EXISTS (
        SELECT 1 FROM attempts
        WHERE run_id = :id AND attempt = :attempt AND node_id = :node AND outcome = :outcome);

-- name: settling.forget
-- What a run that is tried again and again has outgrown of its history.
DELETE FROM attempts WHERE run_id = :id AND attempt <= :newest;
