-- name: firing.lock
-- Due schedules, earliest first; what another node has locked is passed over.
SELECT c.now_at, c.pause_over, s.*
FROM (SELECT coalesce(:now, now()) AS now_at,
             EXISTS (SELECT 1 FROM {schema}.schedules p
                     WHERE p.state = 'paused' AND p.resume_at <= coalesce(:now, now())
                       AND p.id <> ALL (:exclude::text[])) AS pause_over) c
LEFT JOIN LATERAL (
    SELECT d.*,
           d.source <> 'code' OR EXISTS (
               SELECT 1 FROM {schema}.declarations k JOIN {schema}.nodes n ON n.id = k.node_id
               WHERE k.schedule_id = d.id AND n.state = 'live'
           ) AS is_declared
    FROM {schema}.schedules d
    WHERE d.state = 'active' AND d.next_fire_at <= coalesce(:now, now()) AND d.id <> ALL (:exclude::text[])
    ORDER BY d.next_fire_at
    LIMIT :limit
    FOR NO KEY UPDATE OF d SKIP LOCKED
) s ON true;

-- name: firing.advance
-- Forward only, and only from the cursor that was seen.
UPDATE {schema}.schedules s
SET next_fire_at = u.next_fire_at, last_fire_at = u.last_fire_at, state = u.state,
    last_skip_id = u.last_skip_id, last_skip_reason = u.last_skip_reason
FROM unnest(:id::text[], :seen::timestamptz[], :next_fire_at::timestamptz[], :last_fire_at::timestamptz[],
            :state::text[], :last_skip_id::uuid[], :last_skip_reason::text[])
    AS u (id, seen, next_fire_at, last_fire_at, state, last_skip_id, last_skip_reason)
WHERE s.id = u.id AND s.next_fire_at = u.seen;
