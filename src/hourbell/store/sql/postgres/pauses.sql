-- name: pauses.lock_over
-- Pauses whose end has come, earliest first; what another node has locked is passed over.
SELECT s.*, coalesce(:now, now()) AS now_at
FROM {schema}.schedules s
WHERE s.state = 'paused' AND s.resume_at <= coalesce(:now, now()) AND s.id <> ALL (:exclude::text[])
ORDER BY s.resume_at
LIMIT :limit
FOR NO KEY UPDATE OF s SKIP LOCKED;
