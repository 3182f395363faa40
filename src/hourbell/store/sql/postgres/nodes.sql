-- name: nodes.state_tasks
INSERT INTO {schema}.node_tasks (task, node_id, concurrency)
SELECT u.task, :node, u.concurrency FROM unnest(:task::text[], :concurrency::integer[]) AS u (task, concurrency)
ON CONFLICT (task, node_id) DO NOTHING;

-- name: nodes.renew
-- An expired lease is never renewed: whoever is late takes a new id. With it comes the witnesses' material: a row for
-- each other live node with its renewal number, or one row without; no row at all when the lease is lost.
WITH renewed AS (
    UPDATE {schema}.nodes
    SET lease_until = coalesce(:now, now()) + :lease, renewals = renewals + 1, running = :running,
        clock_offset = coalesce(:clock_offset::double precision, clock_offset)
    WHERE id = :node AND state = 'live' AND lease_until > coalesce(:now, now())
    RETURNING coalesce(:now, now()) AS now_at
)
SELECT r.now_at, o.id, o.renewals, o.lease_until AS held_until, o.process
FROM renewed r LEFT JOIN {schema}.nodes o ON o.state = 'live' AND o.id <> :node;

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
UPDATE {schema}.nodes SET state = 'dead', running = 0 WHERE id = ANY (ARRAY(SELECT e.id FROM expired e)) RETURNING id;

-- name: nodes.mark_gone
-- Whose process is gone for certain: no clock and no number is asked, only whether it is the same one that was looked
-- for. FOR UPDATE passes over a node whose last claim is still being carried out.
WITH gone AS MATERIALIZED (
    SELECT n.id
    FROM {schema}.nodes n
    JOIN unnest(:id::text[], :process::text[]) AS u (id, process) ON u.id = n.id AND u.process = n.process
    WHERE n.state = 'live'
    ORDER BY n.id
    FOR UPDATE OF n SKIP LOCKED
)
UPDATE {schema}.nodes SET state = 'dead', running = 0 WHERE id = ANY (ARRAY(SELECT g.id FROM gone g)) RETURNING id;

-- name: nodes.end
-- A node that ends by itself. FOR UPDATE waits for its own claim in flight.
WITH mine AS MATERIALIZED (
    SELECT n.id FROM {schema}.nodes n WHERE n.id = :node AND n.state = 'live' FOR UPDATE OF n
)
UPDATE {schema}.nodes SET state = :state, running = 0 WHERE id = ANY (ARRAY(SELECT m.id FROM mine m)) RETURNING id;

-- name: nodes.hand_on
-- So many of the runs of these nodes at the most, whichever are found first: in the order of their ids, each batch would
-- read all that is left. They are locked in that order. A loss counts against lost_limit; a hand-back does not, and keeps
-- its place in the queue. What was asked to end is not queued again. Answers how many were found, and how many are queued
-- again, with each row that has ended, or one without a run.
WITH found AS MATERIALIZED (
    SELECT r.id FROM {schema}.runs r WHERE r.state = 'running' AND r.node_id = ANY (:nodes::text[]) LIMIT :limit
),
locked AS MATERIALIZED (
    SELECT r.id, r.attempt, r.node_id, r.started_at,
           CASE WHEN r.cancel_requested_at IS NOT NULL THEN 'cancelled'
                WHEN r.on_lost = 'fail' OR (:is_loss::boolean AND r.losses + 1 >= r.lost_limit) THEN 'failed'
                ELSE 'queued' END AS becomes
    FROM {schema}.runs r
    WHERE r.id = ANY (ARRAY(SELECT f.id FROM found f)) AND r.state || '' = 'running' AND r.node_id = ANY (:nodes::text[])
    ORDER BY r.id
    FOR NO KEY UPDATE OF r
),
written AS (
    UPDATE {schema}.runs r
    SET state = l.becomes,
        outcome = :outcome,
        losses = r.losses + :is_loss::boolean::integer,
        reason = CASE l.becomes WHEN 'failed' THEN 'lost' WHEN 'cancelled' THEN coalesce(r.reason, 'cancelled') END,
        error = CASE
            WHEN l.becomes <> 'failed' THEN NULL
            WHEN r.losses = 0 THEN 'lost with its node'
            ELSE 'lost with its node ' || (r.losses + 1) || ' times' END,
        run_at = CASE WHEN l.becomes <> 'queued' THEN r.run_at
                      WHEN :is_loss::boolean THEN coalesce(:now, now())
                      ELSE least(r.run_at, coalesce(:now, now())) END,
        node_id = CASE WHEN l.becomes <> 'queued' THEN r.node_id END,
        claim_id = CASE WHEN l.becomes <> 'queued' THEN r.claim_id END,
        started_at = CASE WHEN l.becomes <> 'queued' THEN r.started_at END,
        finished_at = CASE WHEN l.becomes <> 'queued' THEN coalesce(:now, now()) END
    FROM locked l
    -- Each by its id: as few rows as are expected to run, all of them would be read for each batch.
    WHERE r.id = l.id AND r.state || '' = 'running'
    RETURNING r.*
),
kept AS (
    INSERT INTO {schema}.attempts (run_id, attempt, node_id, started_at, finished_at, outcome, error)
    SELECT l.id, l.attempt, l.node_id, l.started_at, coalesce(:now, now()), :outcome, NULL
    FROM locked l
    -- No join: as few rows as are expected would be compared each with each.
    WHERE CASE WHEN l.id IN (SELECT w.id FROM written w WHERE w.state = 'queued') THEN true END
    ON CONFLICT (run_id, attempt) DO NOTHING
)
SELECT c.found, c.requeued, e.*
FROM (SELECT (SELECT count(*) FROM found) AS found, count(*) FILTER (WHERE state = 'queued') AS requeued FROM written) c
LEFT JOIN (SELECT * FROM written WHERE state <> 'queued') e ON true;
