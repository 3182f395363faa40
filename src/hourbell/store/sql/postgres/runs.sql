-- name: runs.request
-- One request by hand, which is most of them: what `runs.request_many` does for many, without what many need. It answers
-- what whoever asks does not know. A delay is seconds, however many: a day of an interval would be one of the session's
-- time zone, which has 23 or 25 hours when the clocks change.
INSERT INTO {schema}.runs (
    id, schedule_id, task, args, state, origin, run_at, queue, priority, key, policies, on_lost, lost_limit,
    tracking_id, parent, created_at)
VALUES (
    :id, :schedule_id, :task, :args, 'queued', :origin,
    coalesce(:run_at::timestamptz,
             coalesce(:now, now()) + make_interval(secs => extract(epoch FROM :delay::interval)::float8)),
    :queue, :priority, :key, :policies, :on_lost, :lost_limit, :tracking_id, :parent, coalesce(:now, now()))
ON CONFLICT DO NOTHING
RETURNING created_at, run_at;

-- name: runs.insert
-- Fires, skips and requests alike. What is recorded already (same id, fire or key) is left as it is.
INSERT INTO {schema}.runs (
    id, schedule_id, task, args, state, reason, origin, fire_at, covers_until, covers_count, run_at, start_by, queue,
    priority, key, policies, on_lost, lost_limit, tracking_id, parent, yielded_to, created_at, finished_at)
SELECT u.id, u.schedule_id, u.task, u.args, u.state, u.reason, u.origin, u.fire_at, u.covers_until, u.covers_count,
       CASE WHEN u.state = 'queued' THEN
           coalesce(u.run_at, coalesce(:now, now()) + make_interval(secs => extract(epoch FROM u.delay)::float8)) END,
       u.start_by, u.queue, u.priority, u.key, u.policies, u.on_lost, u.lost_limit, u.tracking_id, u.parent,
       u.yielded_to, coalesce(:now, now()), CASE WHEN u.state <> 'queued' THEN coalesce(:now, now()) END
FROM unnest(:id::uuid[], :schedule_id::text[], :task::text[], :args::text[], :state::text[], :reason::text[],
            :origin::text[], :fire_at::timestamptz[], :covers_until::timestamptz[], :covers_count::bigint[],
            :run_at::timestamptz[], :delay::interval[], :start_by::timestamptz[], :queue::text[], :priority::integer[],
            :key::text[], :policies::text[], :on_lost::text[], :lost_limit::integer[], :tracking_id::text[],
            :parent::uuid[], :yielded_to::uuid[])
    AS u (id, schedule_id, task, args, state, reason, origin, fire_at, covers_until, covers_count, run_at, delay,
          start_by, queue, priority, key, policies, on_lost, lost_limit, tracking_id, parent, yielded_to)
ON CONFLICT DO NOTHING
RETURNING *;

-- name: runs.request_many
-- Requests by hand. What all have in common is a value and an empty list, which `unnest` fills up with nulls; a driver has
-- less to do for a text of a list than for a list. Answers when it was, and where one was recorded already (same id or
-- key) which are new: of the others nothing is known, and each is read.
WITH made AS (
    INSERT INTO {schema}.runs (
        id, schedule_id, task, args, state, origin, run_at, queue, priority, key, policies, on_lost, lost_limit,
        tracking_id, parent, created_at)
    SELECT u.id, coalesce(u.schedule_id, :schedule_id::text), coalesce(u.task, :task::text), u.args, 'queued',
           coalesce(u.origin, :origin::text),
           coalesce(u.run_at, :run_at::timestamptz,
                    coalesce(:now, now())
                    + make_interval(secs => extract(epoch FROM coalesce(u.delay, :delay::interval, '0'))::float8)),
           coalesce(u.queue, :queue::text), coalesce(u.priority, :priority::integer), coalesce(u.key, :key::text),
           coalesce(u.policies, :policies::text), coalesce(u.on_lost, :on_lost::text),
           coalesce(u.lost_limit, :lost_limit::integer), coalesce(u.tracking_id, :tracking_id::text),
           coalesce(u.parent, :parent::uuid), coalesce(:now, now())
    FROM unnest(:ids::text::uuid[], :args::text[],
                :schedule_id_of_each::text[], :task_of_each::text[], :origin_of_each::text[],
                :run_at_of_each::timestamptz[], :delay_of_each::interval[], :queue_of_each::text[],
                :priority_of_each::integer[], :key_of_each::text[], :policies_of_each::text[],
                :on_lost_of_each::text[], :lost_limit_of_each::integer[], :tracking_id_of_each::text[],
                :parent_of_each::uuid[])
        AS u (id, args, schedule_id, task, origin, run_at, delay, queue, priority, key, policies, on_lost, lost_limit,
              tracking_id, parent)
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT coalesce(:now, now()) AS created_at,
       CASE WHEN count(*) < cardinality(:ids::text::uuid[]) THEN coalesce(array_agg(m.id), '{}') END AS ids
FROM made m;

-- name: runs.grow
-- A skip that goes on for the same reason grows its row, found by its id: see logs.note_progress.
UPDATE {schema}.runs r
SET covers_until = u.covers_until, covers_count = r.covers_count + u.covers_count, finished_at = coalesce(:now, now())
FROM unnest(:id::uuid[], :covers_until::timestamptz[], :covers_count::bigint[])
    AS u (id, covers_until, covers_count)
WHERE r.id = u.id AND r.state || '' = 'skipped' AND r.covers_until < u.covers_until
RETURNING r.id;

-- name: runs.note_started
-- By their ids: see logs.note_progress.
UPDATE {schema}.runs r
SET started_at = u.started_at
FROM unnest(:id::uuid[], :attempt::integer[], :started_at::timestamptz[]) AS u (id, attempt, started_at)
WHERE r.id = u.id AND r.state || '' = 'running' AND r.node_id || '' = :node AND r.attempt = u.attempt;

-- name: runs.schedules
SELECT DISTINCT schedule_id FROM {schema}.runs WHERE id = ANY (:ids::uuid[]) AND schedule_id IS NOT NULL;

-- name: runs.lock
SELECT * FROM {schema}.runs WHERE id = :id FOR NO KEY UPDATE;

-- name: runs.prune_succeeded
-- Most runs, oldest first, as they stand in the primary key, among so many of all.
DELETE FROM {schema}.runs
WHERE id = ANY (ARRAY(
    SELECT r.id FROM {schema}.runs r
    WHERE r.id = ANY (ARRAY(
        SELECT s.id FROM (
            SELECT o.id, o.state, o.finished_at FROM {schema}.runs o
            WHERE o.id > coalesce(:beyond::uuid, '00000000-0000-0000-0000-000000000000') AND o.id < :boundary::uuid
            ORDER BY o.id
            LIMIT :most
        ) s
        WHERE s.state = 'succeeded' AND s.finished_at < coalesce(:now, now()) - :retention::interval
        ORDER BY s.id
        LIMIT :limit))
      AND r.state || '' = 'succeeded'
    FOR UPDATE OF r SKIP LOCKED))
RETURNING id;

-- name: runs.kept
-- The run at so many, oldest first; nothing where there are fewer.
SELECT o.id FROM {schema}.runs o
WHERE o.id > coalesce(:beyond::uuid, '00000000-0000-0000-0000-000000000000') AND o.id < :boundary::uuid
ORDER BY o.id LIMIT 1 OFFSET :most;

-- name: runs.prune_aside
DELETE FROM {schema}.runs
WHERE id = ANY (ARRAY(
    SELECT r.id FROM {schema}.runs r
    WHERE r.state IN ('failed', 'cancelled', 'skipped') AND r.state = :state
      AND r.id > coalesce(:beyond::uuid, '00000000-0000-0000-0000-000000000000') AND r.id < :boundary::uuid
      AND r.finished_at < coalesce(:now, now()) - :retention::interval
    ORDER BY r.id
    LIMIT :limit
    FOR UPDATE OF r SKIP LOCKED))
RETURNING id;

-- name: runs.list_aside
-- As runs.list, for a state that few runs end in, by the index of these: nothing else is in this order. Said with an
-- equality, the primary key would be as well, and was taken for it: it reads all the others too.
SELECT * FROM (
    SELECT * FROM {schema}.runs
    WHERE state IN ('failed', 'cancelled', 'skipped') AND state >= :state AND (state, id) < (:state, :cursor::uuid)
    ORDER BY state DESC, id DESC LIMIT :most
) r
WHERE (task = :task OR :task IS NULL) AND (state = :state OR :state IS NULL)
  AND (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
ORDER BY state DESC, id DESC LIMIT :limit;

-- name: runs.seen_aside
SELECT id FROM {schema}.runs
WHERE state IN ('failed', 'cancelled', 'skipped') AND state >= :state AND (state, id) < (:state, :cursor::uuid)
ORDER BY state DESC, id DESC LIMIT 1 OFFSET :most;

-- name: runs.list_queued
-- What has not ended, by the index of that: the order is one that the primary key does not have.
SELECT * FROM {schema}.runs
WHERE state = 'queued' AND id::text COLLATE "C" < :cursor::text
  AND (task = :task OR :task IS NULL) AND (state = :state OR :state IS NULL)
  AND (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
ORDER BY id::text COLLATE "C" DESC LIMIT :limit;

-- name: runs.list_running
SELECT * FROM {schema}.runs
WHERE state = 'running' AND id::text COLLATE "C" < :cursor::text
  AND (task = :task OR :task IS NULL) AND (state = :state OR :state IS NULL)
  AND (schedule_id = :schedule_id OR :schedule_id IS NULL) AND (tracking_id = :tracking_id OR :tracking_id IS NULL)
  AND (reason = :reason OR :reason IS NULL) AND (replace(error, :error, '') <> error OR :error IS NULL)
  AND (finished_at >= :since OR :since IS NULL) AND (finished_at < :until OR :until IS NULL)
ORDER BY id::text COLLATE "C" DESC LIMIT :limit;
