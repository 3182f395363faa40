-- name: claiming.lock_limits
-- The rows under which limited tasks are counted, locked until the claim commits; those that another node has are
-- passed over. The node's own row comes first, as always. The least limit that a live node states is answered too.
WITH me AS MATERIALIZED (
    SELECT n.id FROM {schema}.nodes n WHERE n.id = :node AND n.state = 'live' FOR KEY SHARE
),
made AS (
    INSERT INTO {schema}.task_limits (task)
    SELECT t.task FROM me, unnest(:tasks::text[]) AS t (task) ORDER BY t.task
    ON CONFLICT (task) DO NOTHING
    RETURNING task
),
locked AS MATERIALIZED (
    SELECT l.task FROM {schema}.task_limits l
    WHERE l.task = ANY (:tasks::text[]) AND EXISTS (SELECT 1 FROM me)
    ORDER BY l.task
    FOR NO KEY UPDATE OF l SKIP LOCKED
)
SELECT k.task,
       (SELECT min(s.concurrency) FROM {schema}.node_tasks s JOIN {schema}.nodes n ON n.id = s.node_id
        WHERE s.task = k.task AND n.state = 'live') AS stated
FROM (SELECT task FROM locked UNION ALL SELECT task FROM made) k;

-- name: claiming.claim
-- The node's own row is the lock, taken first: no live row, no claim. Each known task is asked for itself, so a backlog
-- of one costs the others nothing. Limited tasks are counted here, under a snapshot later than the lock on their rows;
-- without any, nothing is counted. Answers a row whose is_live says whether the node may claim, which is no run, and one for
-- each run that is claimed or missed, with what such a run can have: null where that is as a `Run` is unless something is
-- said, which costs nothing on either side, and created_at only where it is not run_at. That it writes losses, as they
-- are, makes it cheap: PostgreSQL reads the expression of a generated column (suspect) anew for each row as long as it
-- finds that none of what stands in it is written.
WITH RECURSIVE me AS MATERIALIZED (
    SELECT n.id FROM {schema}.nodes n WHERE n.id = :node AND n.state = 'live' FOR KEY SHARE
),
every_queue AS (
    (SELECT r.queue FROM {schema}.runs r
     WHERE r.state = 'queued' AND r.run_at >= coalesce(:since::timestamptz, '-infinity')
       AND r.run_at <= coalesce(:until::timestamptz, 'infinity') ORDER BY r.queue LIMIT 1)
    UNION ALL
    SELECT (SELECT r.queue FROM {schema}.runs r
            WHERE r.state = 'queued' AND r.run_at >= coalesce(:since::timestamptz, '-infinity')
              AND r.run_at <= coalesce(:until::timestamptz, 'infinity') AND r.queue > q.queue
            ORDER BY r.queue LIMIT 1)
    FROM every_queue q WHERE q.queue IS NOT NULL
),
limits AS MATERIALIZED (
    SELECT u.task, u.name, u.most FROM unnest(:limited::text[], :names::text[], :mosts::integer[]) AS u (task, name, most)
),
left_over AS MATERIALIZED (
    SELECT l.name, min(l.most) - sum((
               SELECT count(*) FROM {schema}.runs r WHERE r.state = 'running' AND r.limited = 1 AND r.task = l.task
           )) AS room
    FROM limits l GROUP BY l.name
),
asked AS (
    SELECT me.id AS node_id, q.queue, t.task, coalesce(l.name, t.task) AS name,
           greatest(0, least(t.room, o.room))::integer AS room
    FROM me CROSS JOIN every_queue q CROSS JOIN unnest(:tasks::text[], :rooms::integer[]) AS t (task, room)
    LEFT JOIN limits l ON l.task = t.task LEFT JOIN left_over o ON o.name = l.name
    WHERE q.queue IS NOT NULL AND (:queues::text[] IS NULL OR q.queue = ANY (:queues::text[]))
),
locked AS MATERIALIZED (
    SELECT p.*, a.name, a.room
    FROM asked a CROSS JOIN LATERAL (
        SELECT f.* FROM (
            SELECT r.id, r.priority, r.run_at, r.on_lost = 'fail' OR r.losses > 0 AS at_once, 0 AS suspicion
            FROM {schema}.runs r
            WHERE r.state = 'queued' AND r.queue = a.queue AND r.task = a.task AND r.suspect = 0
              AND r.run_at >= coalesce(:since::timestamptz, '-infinity')
              AND r.run_at <= least(:until::timestamptz, coalesce(:now, now()))
              AND a.node_id IS NOT NULL
            ORDER BY r.priority, r.run_at, r.id
            LIMIT least(a.room, :limit::integer)
            FOR NO KEY UPDATE OF r SKIP LOCKED
        ) f
        UNION ALL
        SELECT l.* FROM (
            SELECT r.id, r.priority, r.run_at, r.on_lost = 'fail' OR r.losses > 0 AS at_once,
                   CASE WHEN r.losses >= r.lost_limit - 1 THEN :all_suspects::integer ELSE 1 END AS suspicion
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
    SELECT l.*, sum(l.suspicion) OVER in_order AS suspicion_so_far,
           count(*) FILTER (WHERE l.at_once) OVER in_order AS at_once_so_far
    FROM locked l WINDOW in_order AS (ORDER BY l.priority, l.run_at, l.id)
),
ranked AS (
    SELECT k.*, row_number() OVER (PARTITION BY k.name ORDER BY k.priority, k.run_at, k.id) AS place_in_task
    FROM allowed k
    WHERE (k.suspicion = 0 OR k.suspicion_so_far <= :suspects::integer)
      AND (NOT k.at_once OR k.at_once_so_far <= :slots::integer)
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
        limited = CASE WHEN r.task = ANY (:limited::text[]) THEN 1 ELSE r.limited END,
        losses = r.losses,
        outcome = NULL,
        error = NULL
    WHERE r.id = ANY (ARRAY(SELECT p.id FROM picked p))
    RETURNING r.id::text, r.schedule_id, r.task, r.args, r.state, r.reason, r.origin, r.fire_at, r.run_at, r.start_by,
              nullif(r.queue, 'default') AS queue, nullif(r.priority, 0) AS priority, r.key, r.policies,
              nullif(r.on_lost, 'retry') AS on_lost, nullif(r.lost_limit, 5) AS lost_limit, r.tracking_id, r.parent,
              r.attempt, nullif(r.failures, 0) AS failures, nullif(r.losses, 0) AS losses,
              nullif(r.created_at, r.run_at) AS created_at, r.finished_at, r.yielded_to, r.progress
)
SELECT w.*, head.is_live, head.now_at
FROM (VALUES (EXISTS (SELECT 1 FROM me), coalesce(:now, now()))) AS head (is_live, now_at) FULL JOIN written w ON false;

-- name: claiming.named
-- The one run that a hint named, unless claiming.claim would have to weigh it against others. All nodes hear a hint at
-- once and one of them gets the run; so the run is locked first here, and the node's own row only by who has it: the
-- others have written nothing, and do not wait for the disk. That the order of locks is another is safe, for who locks a
-- node's row against this waits for no run that is queued. Found by its id alone: what is appended to the state keeps the
-- queue's index out. Answers a row, which is the run where its id is not null.
WITH named AS MATERIALIZED (
    SELECT r.id FROM {schema}.runs r
    WHERE r.id = :id AND r.state || '' = 'queued' AND r.task = :task AND r.queue = :queue AND r.losses = 0
      AND r.start_by IS NULL AND r.run_at <= coalesce(:now, now())
    FOR NO KEY UPDATE SKIP LOCKED
),
me AS MATERIALIZED (
    SELECT n.id FROM {schema}.nodes n
    WHERE n.id = :node AND n.state = 'live' AND EXISTS (SELECT 1 FROM named)
    FOR KEY SHARE OF n
),
written AS (
    UPDATE {schema}.runs r
    SET state = 'running', node_id = :node, claim_id = :claim_id, attempt = r.attempt + 1, losses = r.losses,
        outcome = NULL, error = NULL
    WHERE r.id = (SELECT d.id FROM named d CROSS JOIN me)
    RETURNING r.id::text, r.schedule_id, r.task, r.args, r.state, r.reason, r.origin, r.fire_at, r.run_at, r.start_by,
              nullif(r.queue, 'default') AS queue, nullif(r.priority, 0) AS priority, r.key, r.policies,
              nullif(r.on_lost, 'retry') AS on_lost, nullif(r.lost_limit, 5) AS lost_limit, r.tracking_id, r.parent,
              r.attempt, nullif(r.failures, 0) AS failures, nullif(r.losses, 0) AS losses,
              nullif(r.created_at, r.run_at) AS created_at, r.finished_at, r.yielded_to, r.progress
)
SELECT w.*, head.is_live, head.now_at
FROM (
    SELECT EXISTS (SELECT 1 FROM {schema}.nodes n WHERE n.id = :node AND n.state = 'live') AS is_live,
           coalesce(:now, now()) AS now_at
) head LEFT JOIN written w ON true;
