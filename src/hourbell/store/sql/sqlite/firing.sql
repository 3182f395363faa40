-- name: firing.lock
-- Those that differ in nothing but their ids and arguments are one row, as on PostgreSQL.
SELECT c.now_at, c.pause_over, EXISTS (SELECT 1 FROM nodes WHERE id = :node AND state = 'live') AS is_live, s.*
FROM (SELECT coalesce(:now, now()) AS now_at,
             EXISTS (SELECT 1 FROM schedules
                     WHERE state = 'paused' AND resume_at <= coalesce(:now, now())
                       AND id NOT IN (SELECT value FROM json_each(:exclude))) AS pause_over) c
LEFT JOIN (
    SELECT json_group_array(CAST(due.id AS TEXT)) AS ids, json_group_array(CAST(due.args AS TEXT)) AS args, due.task,
           due.trigger_spec, due.policies, due.inherited, due.source, due.next_fire_at, due.last_skip_id,
           due.last_skip_reason, due.is_declared
    FROM (
        SELECT d.*,
               d.source <> 'code' OR EXISTS (
                   SELECT 1 FROM declarations k JOIN nodes n ON n.id = k.node_id
                   WHERE k.schedule_id = d.id AND n.state = 'live'
               ) AS is_declared
        FROM schedules d
        WHERE d.state = 'active' AND d.next_fire_at <= coalesce(:now, now())
          AND d.id NOT IN (SELECT value FROM json_each(:exclude))
        ORDER BY d.next_fire_at
        LIMIT :limit
    ) due
    GROUP BY due.task, due.trigger_spec, due.policies, due.inherited, due.source, due.next_fire_at, due.last_skip_id,
             due.last_skip_reason, due.is_declared
    ORDER BY due.next_fire_at
) s ON true;

-- name: firing.record
-- Plans of one run: the fire becomes a run. Each schedule names its plan by number. What the firing node takes is recorded
-- as claimed by it. All at once: see settling.succeed.
WITH plans AS MATERIALIZED (
    SELECT key + 1 AS number, json_extract(value, '$[0]') AS fire_at, json_extract(value, '$[1]') AS run_at,
           json_extract(value, '$[2]') AS start_by, json_extract(value, '$[3]') AS queue,
           json_extract(value, '$[4]') AS priority, json_extract(value, '$[5]') AS policies,
           json_extract(value, '$[6]') AS on_lost, json_extract(value, '$[7]') AS lost_limit,
           json_extract(value, '$[8]') AS is_taken
    FROM json_each(:plans)
),
fires AS MATERIALIZED (
    SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS schedule_id,
           json_extract(value, '$[2]') AS plan
    FROM json_each(:fires)
)
INSERT INTO runs (
    id, schedule_id, task, args, state, origin, fire_at, run_at, start_by, queue, priority, policies, on_lost, lost_limit,
    node_id, claim_id, attempt, created_at)
SELECT f.id, s.id, s.task, s.args, CASE WHEN p.is_taken THEN 'running' ELSE 'queued' END, 'fire', p.fire_at, p.run_at,
       p.start_by, p.queue, p.priority, p.policies, p.on_lost, p.lost_limit, CASE WHEN p.is_taken THEN :node END,
       CASE WHEN p.is_taken THEN :claim_id END, p.is_taken, max(coalesce(:now, now()), p.fire_at)
FROM fires f CROSS JOIN plans p ON p.number = f.plan CROSS JOIN schedules s ON s.id = f.schedule_id
WHERE +s.next_fire_at = p.fire_at
ON CONFLICT DO NOTHING;

-- name: firing.refused
-- The ids under which nothing was inserted, because the fires are recorded already.
SELECT i.value AS id FROM json_each(:ids) i WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = i.value);

-- name: firing.move
-- The cursors move on from these fires; without a further one the schedule is finished.
UPDATE schedules
SET next_fire_at = m.next_fire_at, last_fire_at = m.fire_at, last_skip_id = NULL, last_skip_reason = NULL,
    state = CASE WHEN m.next_fire_at IS NULL THEN 'finished' ELSE schedules.state END
FROM (
    SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS fire_at,
           json_extract(value, '$[2]') AS next_fire_at
    FROM json_each(:moves)
) AS m
WHERE schedules.id = m.id AND +schedules.next_fire_at = m.fire_at;

-- name: firing.advance
UPDATE schedules
SET next_fire_at = :next_fire_at, last_fire_at = :last_fire_at, state = :state,
    last_skip_id = :last_skip_id, last_skip_reason = :last_skip_reason
WHERE id = :id AND next_fire_at = :seen;
