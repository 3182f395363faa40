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
-- The fence: run, state, node and attempt.
UPDATE runs
SET state = becomes.state,
    outcome = :outcome,
    reason = CASE WHEN becomes.state = 'cancelled' THEN coalesce(reason, 'cancelled') END,
    failures = failures + :failed,
    run_at = CASE WHEN becomes.state = 'queued' THEN coalesce(:now, now()) + :delay ELSE run_at END,
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
