-- name: changes.runs
SELECT id, schedule_id, task, state, attempt, reason
FROM (SELECT * FROM {schema}.runs WHERE id >= :since::uuid ORDER BY id DESC LIMIT :limit) n
UNION
SELECT id, schedule_id, task, state, attempt, reason
FROM (SELECT * FROM {schema}.runs WHERE state = 'running' LIMIT :limit) r
UNION
SELECT id, schedule_id, task, state, attempt, reason
FROM (SELECT * FROM {schema}.runs WHERE state = 'queued'
      ORDER BY queue, task, suspect, priority, run_at, id LIMIT :waiting) w
UNION
SELECT id, schedule_id, task, state, attempt, reason FROM {schema}.runs WHERE id = ANY (:ids::uuid[])
UNION
SELECT r.id, r.schedule_id, r.task, r.state, r.attempt, r.reason
FROM (SELECT CASE a.subject WHEN 'run' THEN a.subject_id::uuid END AS id
      FROM {schema}.audit a WHERE a.id >= :since::uuid ORDER BY a.id DESC LIMIT :limit) t
JOIN {schema}.runs r ON r.id = t.id;

-- name: changes.schedules
SELECT k.id, s.state, s.version, s.created_at, s.next_fire_at
FROM (
    SELECT unnest(:ids::text[]) AS id
    UNION
    SELECT a.subject_id
    FROM (SELECT subject, subject_id FROM {schema}.audit WHERE id >= :since::uuid ORDER BY id DESC LIMIT :limit) a
    WHERE a.subject = 'schedule'
) k
LEFT JOIN {schema}.schedules s ON s.id = k.id;
