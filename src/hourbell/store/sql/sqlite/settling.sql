-- name: settling.keep
-- An attempt that ends without ending its run, written while the run still shows it.
INSERT INTO attempts (run_id, attempt, node_id, started_at, finished_at, outcome, error)
SELECT id, attempt, node_id, coalesce(:started_at, started_at), coalesce(:finished_at, coalesce(:now, now())),
       :outcome, :error
FROM runs
WHERE id = :id AND state = 'running' AND node_id = :node AND attempt = :attempt AND :state = 'queued'
ON CONFLICT (run_id, attempt) DO NOTHING;

-- name: settling.settle
-- The fence: run, state, node and attempt.
UPDATE runs
SET state = :state,
    outcome = :outcome,
    reason = CASE WHEN :state = 'cancelled' THEN 'cancelled' END,
    failures = failures + :failed,
    run_at = CASE WHEN :state = 'queued' THEN coalesce(:now, now()) + :delay ELSE run_at END,
    node_id = CASE WHEN :state = 'queued' THEN NULL ELSE node_id END,
    claim_id = CASE WHEN :state = 'queued' THEN NULL ELSE claim_id END,
    error = :error,
    result = :result,
    started_at = CASE WHEN :state = 'queued' THEN NULL ELSE coalesce(:started_at, started_at) END,
    finished_at = CASE WHEN :state <> 'queued' THEN coalesce(:finished_at, coalesce(:now, now())) END
WHERE id = :id AND state = 'running' AND node_id = :node AND attempt = :attempt
RETURNING id;

-- name: settling.read_back
SELECT :id AS id
WHERE EXISTS (
        SELECT 1 FROM runs
        WHERE id = :id AND node_id = :node AND attempt = :attempt AND state = :state AND outcome = :outcome
          AND finished_at IS NOT NULL)
   OR EXISTS (
        SELECT 1 FROM attempts
        WHERE run_id = :id AND attempt = :attempt AND node_id = :node AND outcome = :outcome);
