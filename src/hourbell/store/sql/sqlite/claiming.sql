-- name: claiming.places
-- Walking the distinct places of the claim's index: a few probes each, however many runs wait there. One column is
-- compared in each: `(a, b) > (1, 2)` begins at the first of the equal ones here, and reads them all.
WITH RECURSIVE heads (place) AS (
    SELECT (SELECT json_array(queue, task, suspect) FROM runs WHERE state = 'queued'
            ORDER BY queue, task, suspect LIMIT 1)
    UNION ALL
    SELECT coalesce(
        (SELECT json_array(queue, task, suspect) FROM runs
         WHERE state = 'queued' AND queue = json_extract(h.place, '$[0]') AND task = json_extract(h.place, '$[1]')
           AND suspect > json_extract(h.place, '$[2]')
         ORDER BY suspect LIMIT 1),
        (SELECT json_array(queue, task, suspect) FROM runs
         WHERE state = 'queued' AND queue = json_extract(h.place, '$[0]') AND task > json_extract(h.place, '$[1]')
         ORDER BY task, suspect LIMIT 1),
        (SELECT json_array(queue, task, suspect) FROM runs
         WHERE state = 'queued' AND queue > json_extract(h.place, '$[0]')
         ORDER BY queue, task, suspect LIMIT 1))
    FROM heads h WHERE h.place IS NOT NULL
)
SELECT json_extract(h.place, '$[0]') AS queue, json_extract(h.place, '$[1]') AS task,
       json_extract(h.place, '$[2]') AS suspect
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
-- Of each priority those that are due, however many are for later: they stand behind the due ones of their priority, and
-- before those of the next.
WITH RECURSIVE ranks (priority) AS (
    SELECT (SELECT priority FROM runs WHERE state = 'queued' AND queue = :queue AND task = :task AND suspect = :suspect
            ORDER BY priority LIMIT 1)
    UNION ALL
    SELECT (SELECT r.priority FROM runs r
            WHERE r.state = 'queued' AND r.queue = :queue AND r.task = :task AND r.suspect = :suspect
              AND r.priority > k.priority
            ORDER BY r.priority LIMIT 1)
    FROM ranks k WHERE k.priority IS NOT NULL
)
SELECT r.id, r.task, r.priority, r.run_at, r.on_lost = 'fail' OR r.losses > 0 AS at_once,
       CASE WHEN r.suspect = 0 THEN 0 WHEN r.losses >= r.lost_limit - 1 THEN :all_suspects ELSE 1 END AS suspicion
FROM ranks k CROSS JOIN runs r
WHERE k.priority IS NOT NULL AND r.id IN (
    SELECT d.id FROM runs d
    WHERE d.state = 'queued' AND d.queue = :queue AND d.task = :task AND d.suspect = :suspect AND d.priority = k.priority
      AND d.run_at <= coalesce(:now, now())
    ORDER BY d.run_at, d.id LIMIT :room)
ORDER BY r.priority, r.run_at, r.id
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
