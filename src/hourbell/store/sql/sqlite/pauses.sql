-- name: pauses.lock_over
-- Pauses whose end has come, earliest first.
SELECT *, coalesce(:now, now()) AS now_at
FROM schedules
WHERE state = 'paused' AND resume_at <= coalesce(:now, now()) AND id NOT IN (SELECT value FROM json_each(:exclude))
ORDER BY resume_at
LIMIT :limit;
