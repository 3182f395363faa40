-- name: claiming.places
-- Walking the distinct places of the claim's index: one probe each, however many runs wait there.
WITH RECURSIVE heads (place) AS (
    SELECT (SELECT json_array(queue, task, suspect, priority) FROM runs WHERE state = 'queued'
            ORDER BY queue, task, suspect, priority LIMIT 1)
    UNION ALL
    SELECT (SELECT json_array(queue, task, suspect, priority) FROM runs
            WHERE state = 'queued' AND (queue, task, suspect, priority)
                  > (json_extract(h.place, '$[0]'), json_extract(h.place, '$[1]'), json_extract(h.place, '$[2]'), json_extract(h.place, '$[3]'))
            ORDER BY queue, task, suspect, priority LIMIT 1)
    FROM heads h WHERE h.place IS NOT NULL
)
SELECT DISTINCT json_extract(h.place, '$[0]') AS queue, json_extract(h.place, '$[1]') AS task, json_extract(h.place, '$[2]') AS suspect
FROM heads h
WHERE h.place IS NOT NULL AND json_extract(h.place, '$[1]') IN (SELECT value FROM json_each(:tasks))
  AND (:queues IS NULL OR json_extract(h.place, '$[0]') IN (SELECT value FROM json_each(:queues)))
ORDER BY 1, 2, 3;

-- name: claiming.limited
-- How many runs of a limited task are running, and the least limit that a live node states for it.
SELECT :task AS task,
       (SELECT count(*) FROM runs WHERE state = 'running' AND limited = 1 AND task = :task) AS running,
       (SELECT min(s.concurrency) FROM node_tasks s JOIN nodes n ON n.id = s.node_id
        WHERE s.task = :task AND n.state = 'live') AS stated;

-- name: claiming.candidates
SELECT id, task, priority, run_at, on_lost = 'fail' OR losses > 0 AS at_once,
       CASE WHEN suspect = 0 THEN 0 WHEN losses >= lost_limit - 1 THEN :all_suspects ELSE 1 END AS suspicion
FROM runs
WHERE state = 'queued' AND queue = :queue AND task = :task AND suspect = :suspect
  AND run_at <= coalesce(:now, now())
ORDER BY priority, run_at, id
LIMIT :room;

-- name: claiming.take
-- All at once: see settling.succeed.
UPDATE runs
SET state = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN 'skipped' ELSE 'running' END,
    reason = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN 'missed' END,
    finished_at = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN coalesce(:now, now()) END,
    node_id = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN NULL ELSE :node END,
    claim_id = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN NULL ELSE :claim_id END,
    attempt = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN 0 ELSE attempt + 1 END,
    limited = max(limited, task IN (SELECT value FROM json_each(:limited))), outcome = NULL, error = NULL
WHERE id IN (SELECT value FROM json_each(:ids)) AND +state = 'queued'
RETURNING id, schedule_id, task, args, state, reason, origin, fire_at, run_at, start_by, queue, priority, key, policies,
          on_lost, lost_limit, tracking_id, parent, attempt, failures, losses, nullif(created_at, run_at) AS created_at,
          finished_at, yielded_to, progress;

-- name: claiming.named
SELECT id FROM runs
WHERE id = :id AND state = 'queued' AND task = :task AND queue = :queue AND losses = 0 AND start_by IS NULL
  AND run_at <= coalesce(:now, now());
