-- name: overlap.waiting
-- Whose runs wait for their turn, by their ids: for the sweep that lets go whoever waits for nothing.
SELECT DISTINCT schedule_id FROM {schema}.runs
WHERE state = 'queued' AND run_at IS NULL AND schedule_id > :after
ORDER BY schedule_id LIMIT :limit;

-- name: overlap.wait
-- A run asked for again by hand, that may have to wait for others.
UPDATE {schema}.runs SET run_at = NULL WHERE id = :id AND state = 'queued';
