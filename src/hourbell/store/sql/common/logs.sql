-- name: logs.list
SELECT run_id, attempt, number, logged_at, level, logger, message
FROM {schema}.run_logs
WHERE run_id = :id AND (attempt, number) > (:past_attempt, :past_number) AND (attempt = :attempt OR :attempt IS NULL)
ORDER BY attempt, number
LIMIT :limit;
