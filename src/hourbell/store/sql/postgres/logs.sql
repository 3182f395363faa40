-- name: logs.note_progress
-- Under the fence: run, state, node and attempt. Rows are locked in the order of their ids before any is written, each
-- found by its id alone: what is appended keeps the index of what a node runs out, which has all that it ran before.
WITH locked AS MATERIALIZED (
    SELECT r.id FROM {schema}.runs r
    WHERE r.id = ANY (:id::uuid[]) AND r.state || '' = 'running' AND r.node_id || '' = :node
    ORDER BY r.id
    FOR NO KEY UPDATE OF r
)
UPDATE {schema}.runs r
SET progress = u.progress
FROM locked l JOIN unnest(:id::uuid[], :attempt::integer[], :progress::text[]) AS u (id, attempt, progress) ON u.id = l.id
WHERE r.id = u.id AND r.state || '' = 'running' AND r.node_id || '' = :node AND r.attempt = u.attempt;

-- name: logs.add
-- Lines of a run that is gone are passed over; one that is there stays until they are in.
WITH present AS MATERIALIZED (
    SELECT r.id FROM {schema}.runs r WHERE r.id = ANY (:run_id::uuid[]) ORDER BY r.id FOR KEY SHARE OF r
)
INSERT INTO {schema}.run_logs (run_id, attempt, number, logged_at, level, logger, message)
SELECT u.run_id, u.attempt, u.number, u.logged_at, u.level, u.logger, u.message
FROM unnest(:run_id::uuid[], :attempt::integer[], :number::bigint[], :logged_at::timestamptz[], :level::integer[],
            :logger::text[], :message::text[]) AS u (run_id, attempt, number, logged_at, level, logger, message)
JOIN present p ON p.id = u.run_id
ON CONFLICT DO NOTHING;

-- name: logs.trim
-- The newest lines of an attempt are kept.
DELETE FROM {schema}.run_logs l
USING unnest(:run_id::uuid[], :attempt::integer[], :first_number::bigint[]) AS u (run_id, attempt, first_number)
WHERE l.run_id = u.run_id AND l.attempt = u.attempt AND l.number < u.first_number;

-- name: logs.forget
-- The lines of the newest attempts are kept.
DELETE FROM {schema}.run_logs l
USING unnest(:run_id::uuid[], :first_attempt::integer[]) AS u (run_id, first_attempt)
WHERE l.run_id = u.run_id AND l.attempt < u.first_attempt;
