-- name: claiming.claim
-- The node's own row is the lock, taken first: no live row, no claim. Each known task is asked for itself, so a backlog
-- of one costs the others nothing. Answers at least one row, whose is_live says whether the node may claim.
WITH RECURSIVE me AS MATERIALIZED (
    SELECT n.id FROM {schema}.nodes n WHERE n.id = :node AND n.state = 'live' FOR KEY SHARE
),
every_queue AS (
    (SELECT r.queue FROM {schema}.runs r WHERE r.state = 'queued' ORDER BY r.queue LIMIT 1)
    UNION ALL
    SELECT (SELECT r.queue FROM {schema}.runs r WHERE r.state = 'queued' AND r.queue > q.queue ORDER BY r.queue LIMIT 1)
    FROM every_queue q WHERE q.queue IS NOT NULL
),
asked AS (
    SELECT me.id AS node_id, q.queue, t.task, t.room
    FROM me, every_queue q, unnest(:tasks::text[], :rooms::integer[]) AS t (task, room)
    WHERE q.queue IS NOT NULL AND (:queues::text[] IS NULL OR q.queue = ANY (:queues::text[]))
),
locked AS MATERIALIZED (
    SELECT p.*
    FROM asked a CROSS JOIN LATERAL (
        SELECT f.* FROM (
            SELECT r.id, r.task, a.room, r.suspect, r.priority, r.run_at
            FROM {schema}.runs r
            WHERE r.state = 'queued' AND r.queue = a.queue AND r.task = a.task AND r.suspect = 0
              AND r.run_at <= coalesce(:now, now()) AND a.node_id IS NOT NULL
            ORDER BY r.priority, r.run_at, r.id
            LIMIT least(a.room, :limit::integer)
            FOR NO KEY UPDATE OF r SKIP LOCKED
        ) f
        UNION ALL
        SELECT l.* FROM (
            SELECT r.id, r.task, a.room, r.suspect, r.priority, r.run_at
            FROM {schema}.runs r
            WHERE r.state = 'queued' AND r.queue = a.queue AND r.task = a.task AND r.suspect = 1
              AND r.run_at <= coalesce(:now, now()) AND a.node_id IS NOT NULL
            ORDER BY r.priority, r.run_at, r.id
            LIMIT least(a.room, :limit::integer, :suspects::integer)
            FOR NO KEY UPDATE OF r SKIP LOCKED
        ) l
    ) p
),
allowed AS (
    SELECT l.*, row_number() OVER (PARTITION BY l.suspect ORDER BY l.priority, l.run_at, l.id) AS place FROM locked l
),
ranked AS (
    SELECT k.*, row_number() OVER (PARTITION BY k.task ORDER BY k.priority, k.run_at, k.id) AS place_in_task
    FROM allowed k WHERE k.suspect = 0 OR k.place <= :suspects::integer
),
picked AS MATERIALIZED (
    SELECT k.id FROM ranked k
    WHERE k.place_in_task <= k.room
    ORDER BY k.priority, k.run_at, k.id
    LIMIT :limit::integer
),
written AS (
    UPDATE {schema}.runs r
    SET state = CASE WHEN r.attempt = 0 AND r.start_by < coalesce(:now, now()) THEN 'skipped' ELSE 'running' END,
        reason = CASE WHEN r.attempt = 0 AND r.start_by < coalesce(:now, now()) THEN 'missed' END,
        finished_at = CASE WHEN r.attempt = 0 AND r.start_by < coalesce(:now, now()) THEN coalesce(:now, now()) END,
        node_id = CASE WHEN r.attempt = 0 AND r.start_by < coalesce(:now, now()) THEN NULL ELSE :node END,
        claim_id = CASE WHEN r.attempt = 0 AND r.start_by < coalesce(:now, now()) THEN NULL ELSE :claim_id END,
        attempt = CASE WHEN r.attempt = 0 AND r.start_by < coalesce(:now, now()) THEN 0 ELSE r.attempt + 1 END,
        outcome = NULL,
        error = NULL
    WHERE r.id = ANY (ARRAY(SELECT p.id FROM picked p))
    RETURNING r.*
)
SELECT EXISTS (SELECT 1 FROM me) AS is_live, coalesce(:now, now()) AS now_at, w.*
FROM (VALUES (1)) AS one LEFT JOIN written w ON true;
