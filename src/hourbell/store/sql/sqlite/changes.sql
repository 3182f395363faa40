-- name: changes.runs
SELECT id, schedule_id, task, state, attempt, reason
FROM (SELECT * FROM runs WHERE id >= :since ORDER BY id DESC LIMIT :limit)
UNION
SELECT id, schedule_id, task, state, attempt, reason
FROM (SELECT * FROM runs WHERE state = 'running' LIMIT :limit)
UNION
SELECT id, schedule_id, task, state, attempt, reason
FROM (SELECT * FROM runs WHERE state = 'queued'
      ORDER BY queue, task, suspect, priority, run_at, id LIMIT :waiting)
UNION
SELECT id, schedule_id, task, state, attempt, reason FROM runs WHERE id IN (SELECT value FROM json_each(:ids))
UNION
SELECT r.id, r.schedule_id, r.task, r.state, r.attempt, r.reason
FROM (SELECT subject, subject_id FROM audit WHERE id >= :since ORDER BY id DESC LIMIT :limit) a
JOIN runs r ON a.subject = 'run' AND r.id = a.subject_id;

-- name: changes.schedules
SELECT k.id, s.state, s.version, s.created_at, s.next_fire_at
FROM (
    SELECT value AS id FROM json_each(:ids)
    UNION
    SELECT a.subject_id
    FROM (SELECT subject, subject_id FROM audit WHERE id >= :since ORDER BY id DESC LIMIT :limit) a
    WHERE a.subject = 'schedule'
) k
LEFT JOIN schedules s ON s.id = k.id;
