-- name: watching.next_work
-- A few probes for each (queue, task, priority) that has queued runs, however many those are: no dead entries are kept
-- here, so nothing is left out. One column is compared in each: `(a, b) > (1, 2)` begins at the first of the equal ones
-- in SQLite, and reads them all. With a lease (the node was renewed just before) there is a row for each other node; without
-- one, one row.
WITH RECURSIVE heads (place) AS (
    SELECT (SELECT json_array(queue, task, suspect, priority) FROM runs WHERE state = 'queued'
            ORDER BY queue, task, suspect, priority LIMIT 1)
    UNION ALL
    SELECT coalesce(
        (SELECT json_array(queue, task, suspect, priority) FROM runs
         WHERE state = 'queued' AND queue = json_extract(h.place, '$[0]') AND task = json_extract(h.place, '$[1]')
           AND suspect = json_extract(h.place, '$[2]') AND priority > json_extract(h.place, '$[3]')
         ORDER BY priority LIMIT 1),
        (SELECT json_array(queue, task, suspect, priority) FROM runs
         WHERE state = 'queued' AND queue = json_extract(h.place, '$[0]') AND task = json_extract(h.place, '$[1]')
           AND suspect > json_extract(h.place, '$[2]')
         ORDER BY suspect, priority LIMIT 1),
        (SELECT json_array(queue, task, suspect, priority) FROM runs
         WHERE state = 'queued' AND queue = json_extract(h.place, '$[0]') AND task > json_extract(h.place, '$[1]')
         ORDER BY task, suspect, priority LIMIT 1),
        (SELECT json_array(queue, task, suspect, priority) FROM runs
         WHERE state = 'queued' AND queue > json_extract(h.place, '$[0]')
         ORDER BY queue, task, suspect, priority LIMIT 1))
    FROM heads h WHERE h.place IS NOT NULL
),
places AS (
    SELECT json_extract(h.place, '$[0]') AS queue, json_extract(h.place, '$[1]') AS task,
           json_extract(h.place, '$[2]') AS suspect, json_extract(h.place, '$[3]') AS priority
    FROM heads h WHERE h.place IS NOT NULL
),
due AS (
    SELECT coalesce((
               SELECT r.run_at FROM runs r
               WHERE r.state = 'queued' AND r.queue = h.queue AND r.task = h.task AND r.suspect = h.suspect
                 AND r.priority = h.priority AND r.run_at IS NOT NULL
               ORDER BY r.run_at LIMIT 1) <= coalesce(:now, now()), false) AS is_due,
           (SELECT r.run_at FROM runs r
            WHERE r.state = 'queued' AND r.queue = h.queue AND r.task = h.task AND r.suspect = h.suspect
                 AND r.priority = h.priority
                 AND r.run_at > coalesce(:now, now())
            ORDER BY r.run_at LIMIT 1) AS later
    FROM places h
    WHERE h.task IN (SELECT value FROM json_each(:tasks))
      AND (:queues IS NULL OR h.queue IN (SELECT value FROM json_each(:queues)))
)
SELECT coalesce(:now, now()) AS now_at,
       coalesce((SELECT next_fire_at FROM schedules WHERE state = 'active' ORDER BY next_fire_at LIMIT 1)
                <= coalesce(:now, now()), false)
       OR coalesce((SELECT resume_at FROM schedules WHERE state = 'paused' AND resume_at IS NOT NULL
                    ORDER BY resume_at LIMIT 1) <= coalesce(:now, now()), false) AS fire_due,
       (SELECT min(due) FROM (
            SELECT (SELECT next_fire_at FROM schedules WHERE state = 'active' AND next_fire_at > coalesce(:now, now())
                    ORDER BY next_fire_at LIMIT 1) AS due
            UNION ALL
            SELECT (SELECT resume_at FROM schedules WHERE state = 'paused' AND resume_at > coalesce(:now, now())
                    ORDER BY resume_at LIMIT 1))) AS next_fire_at,
       (SELECT count(*) FROM (
            SELECT 1 FROM schedules WHERE state = 'active' AND next_fire_at = (
                SELECT next_fire_at FROM schedules WHERE state = 'active' AND next_fire_at > coalesce(:now, now())
                ORDER BY next_fire_at LIMIT 1)
            LIMIT :fires)) AS next_fires,
       (SELECT coalesce(max(is_due), false) FROM due) AS run_due,
       (SELECT min(later) FROM due) AS next_run_at,
       (SELECT json_group_array(json_array(id, attempt, reason)) FROM runs
        WHERE state = 'running' AND cancel_requested_at IS NOT NULL AND node_id = :node) AS cancelling,
       NULL AS since,
       o.id, o.renewals, o.lease_until AS held_until, o.process
FROM (SELECT 1) LEFT JOIN nodes o ON :lease IS NOT NULL AND o.state = 'live' AND o.id <> :node;

-- name: watching.waiting
-- Each (queue, task) in which a run has been due for so long, or longer: a few probes for each place of the claim's index.
WITH RECURSIVE heads (place) AS (
    SELECT (SELECT json_array(queue, task, suspect, priority) FROM runs WHERE state = 'queued'
            ORDER BY queue, task, suspect, priority LIMIT 1)
    UNION ALL
    SELECT coalesce(
        (SELECT json_array(queue, task, suspect, priority) FROM runs
         WHERE state = 'queued' AND queue = json_extract(h.place, '$[0]') AND task = json_extract(h.place, '$[1]')
           AND suspect = json_extract(h.place, '$[2]') AND priority > json_extract(h.place, '$[3]')
         ORDER BY priority LIMIT 1),
        (SELECT json_array(queue, task, suspect, priority) FROM runs
         WHERE state = 'queued' AND queue = json_extract(h.place, '$[0]') AND task = json_extract(h.place, '$[1]')
           AND suspect > json_extract(h.place, '$[2]')
         ORDER BY suspect, priority LIMIT 1),
        (SELECT json_array(queue, task, suspect, priority) FROM runs
         WHERE state = 'queued' AND queue = json_extract(h.place, '$[0]') AND task > json_extract(h.place, '$[1]')
         ORDER BY task, suspect, priority LIMIT 1),
        (SELECT json_array(queue, task, suspect, priority) FROM runs
         WHERE state = 'queued' AND queue > json_extract(h.place, '$[0]')
         ORDER BY queue, task, suspect, priority LIMIT 1))
    FROM heads h WHERE h.place IS NOT NULL
),
places AS (
    SELECT json_extract(h.place, '$[0]') AS queue, json_extract(h.place, '$[1]') AS task,
           json_extract(h.place, '$[2]') AS suspect, json_extract(h.place, '$[3]') AS priority
    FROM heads h WHERE h.place IS NOT NULL
),
first AS (
    SELECT h.queue, h.task,
           (SELECT r.run_at FROM runs r
            WHERE r.state = 'queued' AND r.queue = h.queue AND r.task = h.task
              AND r.suspect = h.suspect AND r.priority = h.priority
              AND r.run_at IS NOT NULL
            ORDER BY r.run_at LIMIT 1) AS run_at
    FROM places h
)
SELECT queue, task, min(run_at) AS since_at
FROM first
WHERE run_at <= coalesce(:now, now()) - :patience
GROUP BY queue, task
ORDER BY queue, task;

-- name: watching.able
-- Which live nodes can run these tasks, and the queues that each serves. A node that does not say may serve any.
SELECT t.task, n.queues FROM node_tasks t JOIN nodes n ON n.id = t.node_id
WHERE n.state = 'live' AND t.task IN (SELECT value FROM json_each(:tasks))
UNION
SELECT value, 'null' FROM json_each(:tasks)
WHERE EXISTS (SELECT 1 FROM nodes WHERE state = 'live' AND queues IS NULL);

-- name: watching.changed
-- Moves whenever another connection has committed, in this process or any other; costs microseconds.
PRAGMA data_version;
