-- name: watching.next_work
-- One probe for each (queue, task, priority) that has queued runs, however many those are; what was due before :since is
-- left out, whose dead entries are many where somebody holds an old snapshot. With a lease the node is renewed by it too,
-- as nodes.renew does it, and there is a row for each other node; without one, one row. What a node is
-- asked to end is running, and is found without saying so: there is one index only that this fits.
WITH RECURSIVE clock AS MATERIALIZED (SELECT coalesce(:now, now()) AS now_at),
renewed AS (
    UPDATE {schema}.nodes
    SET lease_until = coalesce(:now, now()) + :lease::interval, renewals = renewals + 1, running = :running,
        clock_offset = coalesce(:clock_offset::double precision, clock_offset)
    WHERE :lease::interval IS NOT NULL AND id = :node AND state = 'live' AND lease_until > coalesce(:now, now())
    RETURNING id
),
heads AS (
    (SELECT r.queue, r.task, r.suspect, r.priority, r.run_at
     FROM {schema}.runs r WHERE r.state = 'queued' AND r.run_at >= coalesce(:since::timestamptz, '-infinity')
     ORDER BY r.queue, r.task, r.suspect, r.priority, r.run_at LIMIT 1)
    UNION ALL
    SELECT n.queue, n.task, n.suspect, n.priority, n.run_at
    FROM heads h CROSS JOIN LATERAL (
        SELECT r.queue, r.task, r.suspect, r.priority, r.run_at
        FROM {schema}.runs r
        WHERE r.state = 'queued' AND r.run_at >= coalesce(:since::timestamptz, '-infinity')
          AND (r.queue, r.task, r.suspect, r.priority) > (h.queue, h.task, h.suspect, h.priority)
        ORDER BY r.queue, r.task, r.suspect, r.priority, r.run_at
        LIMIT 1
    ) n
),
due AS (
    SELECT h.run_at <= c.now_at AS is_due,
           CASE WHEN h.run_at > c.now_at THEN h.run_at
                ELSE (SELECT r.run_at FROM {schema}.runs r
                      WHERE r.state = 'queued' AND r.queue = h.queue AND r.task = h.task AND r.suspect = h.suspect
                        AND r.priority = h.priority AND r.run_at > c.now_at
                      ORDER BY r.run_at LIMIT 1) END AS later
    FROM heads h, clock c
    WHERE h.task = ANY (:tasks::text[]) AND (:queues::text[] IS NULL OR h.queue = ANY (:queues::text[]))
),
upcoming AS MATERIALIZED (
    SELECT s.next_fire_at FROM {schema}.schedules s
    WHERE s.state = 'active' AND s.next_fire_at > (SELECT k.now_at FROM clock k)
    ORDER BY s.next_fire_at LIMIT 1
),
crowd AS MATERIALIZED (
    SELECT 1 FROM {schema}.schedules s
    WHERE s.state = 'active' AND s.next_fire_at = (SELECT u.next_fire_at FROM upcoming u)
    LIMIT :fires::bigint
)
SELECT c.now_at,
       coalesce((SELECT s.next_fire_at FROM {schema}.schedules s WHERE s.state = 'active'
                 ORDER BY s.next_fire_at LIMIT 1) <= c.now_at, false)
       OR coalesce((SELECT s.resume_at FROM {schema}.schedules s WHERE s.state = 'paused' AND s.resume_at IS NOT NULL
                    ORDER BY s.resume_at LIMIT 1) <= c.now_at, false) AS fire_due,
       least((SELECT u.next_fire_at FROM upcoming u),
             (SELECT s.resume_at FROM {schema}.schedules s WHERE s.state = 'paused' AND s.resume_at > c.now_at
              ORDER BY s.resume_at LIMIT 1)) AS next_fire_at,
       (SELECT count(*) FROM crowd k) AS next_fires,
       (SELECT coalesce(bool_or(d.is_due), false) FROM due d) AS run_due,
       (SELECT min(d.later) FROM due d) AS next_run_at,
       (SELECT json_agg(json_build_array(r.id, r.attempt, r.reason))::text
        FROM {schema}.runs r
        WHERE r.cancel_requested_at IS NOT NULL AND r.finished_at IS NULL AND r.node_id = :node) AS cancelling,
       (SELECT count(*) FROM renewed) AS renewed, :since::timestamptz AS since,
       o.id, o.renewals, o.lease_until AS held_until, o.process
FROM clock c
LEFT JOIN {schema}.nodes o ON :lease::interval IS NOT NULL AND o.state = 'live' AND o.id <> :node;

-- name: watching.waiting
-- Each (queue, task) in which a run has been due for so long, or longer: one probe for each place of the claim's index.
WITH RECURSIVE heads AS (
    (SELECT r.queue, r.task, r.suspect, r.priority
     FROM {schema}.runs r WHERE r.state = 'queued'
     ORDER BY r.queue, r.task, r.suspect, r.priority LIMIT 1)
    UNION ALL
    SELECT n.queue, n.task, n.suspect, n.priority
    FROM heads h CROSS JOIN LATERAL (
        SELECT r.queue, r.task, r.suspect, r.priority
        FROM {schema}.runs r
        WHERE r.state = 'queued'
          AND (r.queue, r.task, r.suspect, r.priority) > (h.queue, h.task, h.suspect, h.priority)
        ORDER BY r.queue, r.task, r.suspect, r.priority
        LIMIT 1
    ) n
)
SELECT f.queue, f.task, min(f.run_at) AS since_at
FROM (
    SELECT h.queue, h.task,
           (SELECT r.run_at FROM {schema}.runs r
            WHERE r.state = 'queued' AND r.queue = h.queue AND r.task = h.task AND r.suspect = h.suspect
              AND r.priority = h.priority
            ORDER BY r.run_at LIMIT 1) AS run_at
    FROM heads h
) f
WHERE f.run_at <= coalesce(:now, now()) - :patience::interval
GROUP BY f.queue, f.task
ORDER BY f.queue, f.task;

-- name: watching.able
-- Which live nodes can run these tasks, and the queues that each serves. A node that does not say may serve any.
SELECT t.task, n.queues FROM unnest(:tasks::text[]) AS t (task)
JOIN {schema}.node_tasks t2 ON t2.task = t.task JOIN {schema}.nodes n ON n.id = t2.node_id
WHERE n.state = 'live'
UNION
SELECT t.task, 'null' FROM unnest(:tasks::text[]) AS t (task)
WHERE EXISTS (SELECT 1 FROM {schema}.nodes n WHERE n.state = 'live' AND n.queues IS NULL);
