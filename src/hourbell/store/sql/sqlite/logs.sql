-- name: logs.note_progress
-- Under the fence: run, state, node and attempt.
UPDATE runs SET progress = :progress
WHERE id = :id AND state = 'running' AND node_id = :node AND attempt = :attempt;

-- name: logs.add
-- Lines of a run that is gone are passed over.
INSERT INTO run_logs (run_id, attempt, number, logged_at, level, logger, message)
SELECT :run_id, :attempt, :number, :logged_at, :level, :logger, :message
WHERE EXISTS (SELECT 1 FROM runs WHERE id = :run_id)
ON CONFLICT DO NOTHING;

-- name: logs.trim
-- The newest lines of an attempt are kept.
DELETE FROM run_logs WHERE run_id = :run_id AND attempt = :attempt AND number < :first_number;

-- name: logs.forget
-- The lines of the newest attempts are kept.
DELETE FROM run_logs WHERE run_id = :run_id AND attempt < :first_attempt;
