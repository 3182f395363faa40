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

-- name: firing.advance
UPDATE schedules
SET next_fire_at = :next_fire_at, last_fire_at = :last_fire_at, state = :state,
    last_skip_id = :last_skip_id, last_skip_reason = :last_skip_reason
WHERE id = :id AND next_fire_at = :seen;
