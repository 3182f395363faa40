-- What PostgreSQL does in its own way: row locks, arrays through unnest, notifications.

-- name: transaction.begin
-- Limits are set here, in SQL, because poolers refuse them as startup parameters. A frozen client must not
-- keep a row locked: the server ends its transaction.
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL idle_in_transaction_session_timeout = {idle};
SET LOCAL statement_timeout = {statement};
SET LOCAL lock_timeout = {lock};

-- name: transaction.commit
COMMIT;

-- name: transaction.rollback
ROLLBACK;

-- name: transaction.session
-- Our statements are short and the planner's guess for recursive ones is high: compiling them would cost more than
-- running them. Keepalives end the wait on a host that is gone. A database or role may ask for another isolation by
-- default; our single statements, which are transactions of their own, are made for this one.
SET default_transaction_isolation = 'read committed';
SET jit = off;
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;

-- name: firing.lock
-- Due schedules, earliest first; what another node has locked is passed over.
SELECT c.now_at, s.*
FROM (SELECT coalesce(:now, now()) AS now_at) c
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

-- name: firing.unfinished
-- A new statement, so a new snapshot: what ended before the lock was granted is not counted.
SELECT schedule_id, count(*) AS unfinished
FROM {schema}.runs
WHERE state IN ('queued', 'running') AND schedule_id = ANY (:ids::text[])
GROUP BY schedule_id;

-- name: firing.advance
-- Forward only, and only from the cursor that was seen.
UPDATE {schema}.schedules s
SET next_fire_at = u.next_fire_at, last_fire_at = u.last_fire_at, state = u.state,
    last_skip_id = u.last_skip_id, last_skip_reason = u.last_skip_reason
FROM unnest(:id::text[], :seen::timestamptz[], :next_fire_at::timestamptz[], :last_fire_at::timestamptz[],
            :state::text[], :last_skip_id::uuid[], :last_skip_reason::text[])
    AS u (id, seen, next_fire_at, last_fire_at, state, last_skip_id, last_skip_reason)
WHERE s.id = u.id AND s.next_fire_at = u.seen;

-- name: runs.insert
-- Fires, skips and requests alike. What is recorded already (same id, fire or key) is left as it is.
INSERT INTO {schema}.runs (
    id, schedule_id, task, args, state, reason, origin, fire_at, covers_until, covers_count, run_at, start_by, queue,
    priority, key, policies, on_lost, lost_limit, tracking_id, parent, created_at, finished_at)
SELECT u.id, u.schedule_id, u.task, u.args, u.state, u.reason, u.origin, u.fire_at, u.covers_until, u.covers_count,
       CASE WHEN u.state = 'queued' THEN coalesce(u.run_at, coalesce(:now, now()) + u.delay) END,
       u.start_by, u.queue, u.priority, u.key, u.policies, u.on_lost, u.lost_limit, u.tracking_id, u.parent,
       coalesce(:now, now()), CASE WHEN u.state <> 'queued' THEN coalesce(:now, now()) END
FROM unnest(:id::uuid[], :schedule_id::text[], :task::text[], :args::text[], :state::text[], :reason::text[],
            :origin::text[], :fire_at::timestamptz[], :covers_until::timestamptz[], :covers_count::bigint[],
            :run_at::timestamptz[], :delay::interval[], :start_by::timestamptz[], :queue::text[], :priority::integer[],
            :key::text[], :policies::text[], :on_lost::text[], :lost_limit::integer[], :tracking_id::text[],
            :parent::uuid[])
    AS u (id, schedule_id, task, args, state, reason, origin, fire_at, covers_until, covers_count, run_at, delay,
          start_by, queue, priority, key, policies, on_lost, lost_limit, tracking_id, parent)
ON CONFLICT DO NOTHING
RETURNING *;

-- name: runs.grow
-- A skip that goes on for the same reason grows its row.
UPDATE {schema}.runs r
SET covers_until = u.covers_until, covers_count = r.covers_count + u.covers_count, finished_at = coalesce(:now, now())
FROM unnest(:id::uuid[], :covers_until::timestamptz[], :covers_count::bigint[])
    AS u (id, covers_until, covers_count)
WHERE r.id = u.id AND r.state = 'skipped' AND r.covers_until < u.covers_until
RETURNING r.id;

-- name: schedules.insert
INSERT INTO {schema}.schedules (
    id, task, trigger_spec, args, policies, inherited, state, source, note, digest, declared, next_fire_at,
    last_fire_at, created_at, updated_at)
SELECT u.*, coalesce(:now, now()), coalesce(:now, now())
FROM unnest(:id::text[], :task::text[], :trigger_spec::text[], :args::text[], :policies::text[], :inherited::text[],
            :state::text[], :source::text[], :note::text[], :digest::text[], :declared::text[],
            :next_fire_at::timestamptz[], :last_fire_at::timestamptz[]) AS u
ORDER BY 1
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: schedules.lock
SELECT s.*, coalesce(:now, now()) AS now_at
FROM {schema}.schedules s
WHERE s.id = ANY (:ids::text[])
ORDER BY s.id
FOR NO KEY UPDATE OF s;

-- name: declarations.facts
SELECT u.id,
       EXISTS (SELECT 1 FROM {schema}.digests d WHERE d.schedule_id = u.id AND d.digest = u.digest) AS seen_before,
       EXISTS (
           SELECT 1 FROM {schema}.declarations k JOIN {schema}.nodes n ON n.id = k.node_id
           WHERE k.schedule_id = u.id AND k.digest = u.stored AND k.node_id <> :node AND n.state = 'live'
       ) AS stored_is_live
FROM unnest(:id::text[], :digest::text[], :stored::text[]) AS u (id, digest, stored);

-- name: declarations.remember
INSERT INTO {schema}.declarations (schedule_id, node_id, digest)
SELECT u.id, :node, u.digest FROM unnest(:id::text[], :digest::text[]) AS u (id, digest)
ON CONFLICT (schedule_id, node_id) DO UPDATE SET digest = excluded.digest;

-- name: declarations.note_digest
INSERT INTO {schema}.digests (schedule_id, digest, first_seen_at)
SELECT u.id, u.digest, coalesce(:now, now()) FROM unnest(:id::text[], :digest::text[]) AS u (id, digest)
ON CONFLICT DO NOTHING;

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

-- name: runs.note_started
UPDATE {schema}.runs r
SET started_at = u.started_at
FROM unnest(:id::uuid[], :attempt::integer[], :started_at::timestamptz[]) AS u (id, attempt, started_at)
WHERE r.id = u.id AND r.state = 'running' AND r.node_id = :node AND r.attempt = u.attempt;

-- name: settling.settle
-- The fence: run, state, node and attempt. Rows are locked in the order of their ids before any is written.
WITH locked AS MATERIALIZED (
    SELECT r.id, r.started_at AS noted_at FROM {schema}.runs r
    WHERE r.id = ANY (:id::uuid[]) AND r.state = 'running' AND r.node_id = :node
    ORDER BY r.id
    FOR NO KEY UPDATE OF r
),
written AS (
    UPDATE {schema}.runs r
    SET state = u.state,
        outcome = u.outcome,
        reason = CASE WHEN u.state = 'cancelled' THEN 'cancelled' END,
        failures = r.failures + u.failed::integer,
        run_at = CASE WHEN u.state = 'queued' THEN coalesce(:now, now()) + u.delay ELSE r.run_at END,
        node_id = CASE WHEN u.state = 'queued' THEN NULL ELSE r.node_id END,
        claim_id = CASE WHEN u.state = 'queued' THEN NULL ELSE r.claim_id END,
        error = u.error,
        result = u.result,
        started_at = CASE WHEN u.state = 'queued' THEN NULL ELSE coalesce(u.started_at, r.started_at) END,
        finished_at = CASE WHEN u.state <> 'queued' THEN coalesce(u.finished_at, coalesce(:now, now())) END
    FROM locked l
    JOIN unnest(:id::uuid[], :attempt::integer[], :state::text[], :outcome::text[], :failed::boolean[],
                :delay::interval[], :error::text[], :result::text[], :started_at::timestamptz[],
                :finished_at::timestamptz[])
        AS u (id, attempt, state, outcome, failed, delay, error, result, started_at, finished_at) ON u.id = l.id
    WHERE r.id = u.id AND r.state = 'running' AND r.node_id = :node AND r.attempt = u.attempt
    RETURNING r.id, r.state, u.attempt, u.outcome, u.error, coalesce(u.started_at, l.noted_at) AS started_at,
              u.finished_at
),
kept AS (
    INSERT INTO {schema}.attempts (run_id, attempt, node_id, started_at, finished_at, outcome, error)
    SELECT w.id, w.attempt, :node, w.started_at, coalesce(w.finished_at, coalesce(:now, now())), w.outcome, w.error
    FROM written w WHERE w.state = 'queued'
    ON CONFLICT (run_id, attempt) DO NOTHING
)
SELECT id FROM written;

-- name: settling.read_back
-- A settlement without a row is looked at before it is judged: was it written by an earlier try whose answer was lost?
SELECT u.id
FROM unnest(:id::uuid[], :attempt::integer[], :state::text[], :outcome::text[]) AS u (id, attempt, state, outcome)
WHERE EXISTS (
        SELECT 1 FROM {schema}.runs r
        WHERE r.id = u.id AND r.node_id = :node AND r.attempt = u.attempt AND r.state = u.state
          AND r.outcome = u.outcome AND r.finished_at IS NOT NULL)
   OR EXISTS (
        SELECT 1 FROM {schema}.attempts a
        WHERE a.run_id = u.id AND a.attempt = u.attempt AND a.node_id = :node AND a.outcome = u.outcome);

-- name: nodes.mark_dead
-- Both witnesses under the lock: expired by the database's clock, and still the number that was seen.
WITH expired AS MATERIALIZED (
    SELECT n.id
    FROM {schema}.nodes n
    JOIN unnest(:id::text[], :renewals::bigint[]) AS u (id, renewals) ON u.id = n.id AND u.renewals = n.renewals
    WHERE n.state = 'live' AND n.lease_until <= coalesce(:now, now())
    ORDER BY n.id
    FOR UPDATE OF n SKIP LOCKED
)
UPDATE {schema}.nodes SET state = 'dead' WHERE id = ANY (ARRAY(SELECT e.id FROM expired e)) RETURNING id;

-- name: nodes.end
-- A node that ends by itself. FOR UPDATE waits for its own claim in flight.
WITH mine AS MATERIALIZED (
    SELECT n.id FROM {schema}.nodes n WHERE n.id = :node AND n.state = 'live' FOR UPDATE OF n
)
UPDATE {schema}.nodes SET state = :state WHERE id = ANY (ARRAY(SELECT m.id FROM mine m)) RETURNING id;

-- name: nodes.gone
-- Whose runs wait to be handed on: nodes that have runs and are not live, or not there at all.
SELECT DISTINCT r.node_id
FROM {schema}.runs r
WHERE r.state = 'running'
  AND NOT EXISTS (SELECT 1 FROM {schema}.nodes n WHERE n.id = r.node_id AND n.state = 'live');

-- name: nodes.hand_on
-- Nothing is left running under these nodes. A loss counts against lost_limit; a hand-back does not.
WITH locked AS MATERIALIZED (
    SELECT r.id, r.attempt, r.node_id, r.started_at, r.losses,
           r.on_lost = 'fail' OR (:is_loss::boolean AND r.losses + 1 >= r.lost_limit) AS is_last
    FROM {schema}.runs r
    WHERE r.state = 'running' AND r.node_id = ANY (:nodes::text[])
    ORDER BY r.id
    FOR NO KEY UPDATE OF r
),
written AS (
    UPDATE {schema}.runs r
    SET state = CASE WHEN l.is_last THEN 'failed' ELSE 'queued' END,
        outcome = :outcome,
        losses = r.losses + :is_loss::boolean::integer,
        reason = CASE WHEN l.is_last THEN 'lost' END,
        error = CASE
            WHEN NOT l.is_last THEN NULL
            WHEN r.losses = 0 THEN 'lost with its node'
            ELSE 'lost with its node ' || (r.losses + 1) || ' times' END,
        run_at = CASE WHEN l.is_last THEN r.run_at ELSE coalesce(:now, now()) END,
        node_id = CASE WHEN l.is_last THEN r.node_id END,
        claim_id = CASE WHEN l.is_last THEN r.claim_id END,
        started_at = CASE WHEN l.is_last THEN r.started_at END,
        finished_at = CASE WHEN l.is_last THEN coalesce(:now, now()) END
    FROM locked l
    WHERE r.id = l.id AND r.state = 'running'
    RETURNING r.id, r.state
),
kept AS (
    INSERT INTO {schema}.attempts (run_id, attempt, node_id, started_at, finished_at, outcome, error)
    SELECT l.id, l.attempt, l.node_id, l.started_at, coalesce(:now, now()), :outcome, NULL
    FROM locked l JOIN written w ON w.id = l.id WHERE w.state = 'queued'
    ON CONFLICT (run_id, attempt) DO NOTHING
)
SELECT count(*) FILTER (WHERE state = 'queued') AS requeued, count(*) FILTER (WHERE state = 'failed') AS failed
FROM written;

-- name: runs.lock
SELECT * FROM {schema}.runs WHERE id = :id FOR NO KEY UPDATE;

-- name: runs.prune
DELETE FROM {schema}.runs
WHERE id = ANY (ARRAY(
    SELECT r.id FROM {schema}.runs r
    WHERE r.id < :boundary::uuid AND r.finished_at < coalesce(:now, now()) - :retention::interval
    ORDER BY r.id
    LIMIT :limit
    FOR UPDATE OF r SKIP LOCKED))
RETURNING id;

-- name: watching.next_work
-- One probe for each (queue, task, priority) that has queued runs, however many those are.
WITH RECURSIVE clock AS MATERIALIZED (SELECT coalesce(:now, now()) AS now_at),
heads AS (
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
),
due AS (
    SELECT coalesce((
               SELECT r.run_at FROM {schema}.runs r
               WHERE r.state = 'queued' AND r.queue = h.queue AND r.task = h.task AND r.suspect = h.suspect
                 AND r.priority = h.priority
               ORDER BY r.run_at LIMIT 1) <= c.now_at, false) AS is_due,
           (SELECT r.run_at FROM {schema}.runs r
            WHERE r.state = 'queued' AND r.queue = h.queue AND r.task = h.task AND r.suspect = h.suspect
              AND r.priority = h.priority AND r.run_at > c.now_at
            ORDER BY r.run_at LIMIT 1) AS later
    FROM heads h, clock c
    WHERE h.task = ANY (:tasks::text[]) AND (:queues::text[] IS NULL OR h.queue = ANY (:queues::text[]))
)
SELECT c.now_at,
       coalesce((SELECT s.next_fire_at FROM {schema}.schedules s WHERE s.state = 'active'
                 ORDER BY s.next_fire_at LIMIT 1) <= c.now_at, false) AS fire_due,
       (SELECT s.next_fire_at FROM {schema}.schedules s WHERE s.state = 'active' AND s.next_fire_at > c.now_at
        ORDER BY s.next_fire_at LIMIT 1) AS next_fire_at,
       (SELECT coalesce(bool_or(d.is_due), false) FROM due d) AS run_due,
       (SELECT min(d.later) FROM due d) AS next_run_at,
       (SELECT min(n.lease_until) FROM {schema}.nodes n WHERE n.state = 'live' AND n.id <> :node) AS lease_until
FROM clock c;

-- name: listening.notify
SELECT pg_notify(:channel, :payload);

-- name: migrating.schema_exists
SELECT to_regnamespace(:identifier) IS NOT NULL AS found,
       to_regclass(:identifier || '.migrations') IS NOT NULL AS versioned;

-- name: migrating.create_schema
CREATE SCHEMA {schema_name};

-- name: migrating.create_versions
CREATE TABLE IF NOT EXISTS {schema}.migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    applied_at timestamptz NOT NULL
);

-- name: migrating.lock
-- Held until the transaction ends, so a pooler cannot leak it. One key for every node that starts on this schema.
SELECT pg_advisory_xact_lock(hashtext('hourbell.migrations'), hashtext(:schema));

-- name: migrating.applied
SELECT version, name FROM {schema}.migrations ORDER BY version;

-- name: migrating.record
INSERT INTO {schema}.migrations (version, name, applied_at) VALUES (:version, :name, coalesce(:now, now()));
