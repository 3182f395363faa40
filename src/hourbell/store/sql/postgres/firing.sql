-- name: firing.lock
-- Due schedules, earliest first; what another node has locked is passed over. The row of the node that offers to take
-- runs is locked before them, and is_live says whether it may. Those that differ in nothing but their ids and arguments
-- are one row of the answer: many say the same, and are due together. Who holds what it locks until it is due, locks
-- also what is due by then, where that is soon.
WITH me AS MATERIALIZED (
    SELECT n.id FROM {schema}.nodes n WHERE n.id = :node::text AND n.state = 'live' FOR KEY SHARE
),
due AS MATERIALIZED (
    SELECT d.id, d.task, d.trigger_spec, d.args, d.policies, d.inherited, d.source, d.next_fire_at, d.last_skip_id,
           d.last_skip_reason,
           d.source <> 'code' OR EXISTS (
               SELECT 1 FROM {schema}.declarations k JOIN {schema}.nodes n ON n.id = k.node_id
               WHERE k.schedule_id = d.id AND n.state = 'live'
           ) AS is_declared
    FROM {schema}.schedules d
    WHERE d.state = 'active' AND d.id <> ALL (:exclude::text[]) AND (SELECT count(*) FROM me) >= 0
      AND d.next_fire_at <= greatest(coalesce(:now, now()),
                                     least(:until::timestamptz, coalesce(:now, now()) + :longest::interval))
    ORDER BY d.next_fire_at
    LIMIT :limit
    FOR NO KEY UPDATE OF d SKIP LOCKED
)
SELECT c.now_at, c.pause_over, (SELECT count(*) FROM me) > 0 AS is_live, s.*
FROM (SELECT coalesce(:now, now()) AS now_at,
             EXISTS (SELECT 1 FROM {schema}.schedules p
                     WHERE p.state = 'paused' AND p.resume_at <= coalesce(:now, now())
                       AND p.id <> ALL (:exclude::text[])) AS pause_over) c
LEFT JOIN (
    SELECT array_agg(d.id) AS ids, array_agg(d.args) AS args, d.task, d.trigger_spec, d.policies, d.inherited, d.source,
           d.next_fire_at, d.last_skip_id, d.last_skip_reason, d.is_declared
    FROM due d
    GROUP BY d.task, d.trigger_spec, d.policies, d.inherited, d.source, d.next_fire_at, d.last_skip_id,
             d.last_skip_reason, d.is_declared
    ORDER BY d.next_fire_at
) s ON true;

-- name: firing.record
-- Plans of one run: the cursor moves on from the fire, and the fire becomes a run; without a further fire the schedule
-- is finished. Each schedule names its plan by number. Answers the ids of runs that were not inserted because their
-- fires are recorded already. What the firing node takes is recorded as claimed by it.
WITH moved AS (
    UPDATE {schema}.schedules s
    SET next_fire_at = (:next_fire_at::timestamptz[])[u.plan], last_fire_at = (:fire_at::timestamptz[])[u.plan],
        last_skip_id = NULL, last_skip_reason = NULL,
        state = CASE WHEN (:next_fire_at::timestamptz[])[u.plan] IS NULL THEN 'finished' ELSE s.state END
    FROM unnest(:id::uuid[], :schedule_id::text[], :plan::integer[]) AS u (id, schedule_id, plan)
    WHERE s.id = u.schedule_id AND s.next_fire_at = (:fire_at::timestamptz[])[u.plan]
    RETURNING u.id, s.id AS schedule_id, s.task, s.args, u.plan, (:is_taken::boolean[])[u.plan] AS is_taken
),
recorded AS (
    INSERT INTO {schema}.runs (
        id, schedule_id, task, args, state, origin, fire_at, run_at, start_by, queue, priority, policies, on_lost,
        lost_limit, node_id, claim_id, attempt, created_at)
    SELECT m.id, m.schedule_id, m.task, m.args, CASE WHEN m.is_taken THEN 'running' ELSE 'queued' END, 'fire',
           (:fire_at::timestamptz[])[m.plan], (:run_at::timestamptz[])[m.plan], (:start_by::timestamptz[])[m.plan],
           (:queue::text[])[m.plan], (:priority::integer[])[m.plan], (:policies::text[])[m.plan],
           (:on_lost::text[])[m.plan], (:lost_limit::integer[])[m.plan],
           CASE WHEN m.is_taken THEN :node::text END, CASE WHEN m.is_taken THEN :claim_id::text END,
           CASE WHEN m.is_taken THEN 1 ELSE 0 END,
           greatest(coalesce(:now, now()), (:fire_at::timestamptz[])[m.plan])
    FROM moved m
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT i.id FROM unnest(:id::uuid[]) AS i (id) EXCEPT SELECT r.id FROM recorded r;

-- name: firing.advance
-- Forward only, and only from the cursor that was seen.
UPDATE {schema}.schedules s
SET next_fire_at = u.next_fire_at, last_fire_at = u.last_fire_at, state = u.state,
    last_skip_id = u.last_skip_id, last_skip_reason = u.last_skip_reason
FROM unnest(:id::text[], :seen::timestamptz[], :next_fire_at::timestamptz[], :last_fire_at::timestamptz[],
            :state::text[], :last_skip_id::uuid[], :last_skip_reason::text[])
    AS u (id, seen, next_fire_at, last_fire_at, state, last_skip_id, last_skip_reason)
WHERE s.id = u.id AND s.next_fire_at = u.seen;
