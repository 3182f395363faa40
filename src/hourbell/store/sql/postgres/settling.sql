-- name: settling.settle
-- The fence: run, state, node and attempt, judged under the lock. Rows are locked in the order of their ids before any
-- is written. Each is looked up by its id and by nothing else (OFFSET keeps the other conditions out): the planner
-- believes that hardly any row is running, and by the state it would compare every row that is with every report. What
-- was asked to end is not queued again. What is handed back without a delay keeps its place in the queue, unless the clock
-- has gone back. Losses are written as they are: see claiming.claim.
WITH reported AS MATERIALIZED (
    SELECT u.*, l.noted_at,
           CASE WHEN l.is_unwanted AND (u.state = 'queued' OR u.outcome = 'cancelled') THEN 'cancelled'
                ELSE u.state END AS becomes
    FROM (
        SELECT r.* FROM unnest(:id::uuid[], :attempt::integer[], :state::text[], :outcome::text[], :failed::boolean[],
                               :delay::interval[], :error::text[], :result::text[], :started_at::timestamptz[],
                               :finished_at::timestamptz[])
            AS r (id, attempt, state, outcome, failed, delay, error, result, started_at, finished_at)
        ORDER BY r.id
    ) AS u
    CROSS JOIN LATERAL (
        SELECT f.state, f.node_id, f.attempt, f.started_at AS noted_at,
               f.cancel_requested_at IS NOT NULL AS is_unwanted
        FROM {schema}.runs f
        WHERE f.id = u.id
        OFFSET 0
        FOR NO KEY UPDATE OF f
    ) AS l
    WHERE l.state = 'running' AND l.node_id = :node AND l.attempt = u.attempt
),
written AS (
    UPDATE {schema}.runs r
    SET state = u.becomes,
        outcome = u.outcome,
        reason = CASE WHEN u.becomes = 'cancelled' THEN coalesce(r.reason, 'cancelled') END,
        failures = r.failures + u.failed::integer,
        losses = r.losses,
        run_at = CASE WHEN u.becomes <> 'queued' THEN r.run_at
                      WHEN u.outcome = 'handed_back' AND u.delay = '0' THEN least(r.run_at, coalesce(:now, now()))
                      ELSE coalesce(:now, now()) + make_interval(secs => extract(epoch FROM u.delay)::float8) END,
        node_id = CASE WHEN u.becomes = 'queued' THEN NULL ELSE r.node_id END,
        claim_id = CASE WHEN u.becomes = 'queued' THEN NULL ELSE r.claim_id END,
        error = u.error,
        result = u.result,
        started_at = CASE WHEN u.becomes = 'queued' THEN NULL ELSE coalesce(u.started_at, r.started_at) END,
        finished_at = CASE WHEN u.becomes <> 'queued' THEN coalesce(u.finished_at, coalesce(:now, now())) END
    FROM reported u
    WHERE r.id = u.id
    RETURNING r.id, r.state, u.attempt, u.outcome, u.error, coalesce(u.started_at, u.noted_at) AS started_at,
              u.finished_at, r.awaited, r.schedule_id
),
kept AS (
    INSERT INTO {schema}.attempts (run_id, attempt, node_id, started_at, finished_at, outcome, error)
    SELECT w.id, w.attempt, :node, w.started_at, coalesce(w.finished_at, coalesce(:now, now())), w.outcome, w.error
    FROM written w WHERE w.state = 'queued'
    ON CONFLICT (run_id, attempt) DO NOTHING
)
SELECT id, state, CASE WHEN awaited AND state <> 'queued' THEN schedule_id END AS passes_on FROM written;

-- name: settling.succeed
-- What nearly every report says, written without a look beforehand: nothing here depends on what stands in the row but
-- the fence, and that is judged again by who had to wait for the row. Rows are written in the order of their ids, by
-- their ids alone: what is appended to state and node keeps their indexes out, as above. Losses are written as they
-- are: see claiming.claim. Ids and attempts are texts of lists, instants seconds since 1970, for a driver has less to do
-- for these; no list of results stands for none. Answers how many were written; when it is not all, each is read back.
WITH written AS (
    UPDATE {schema}.runs r
    SET state = 'succeeded',
        outcome = 'succeeded',
        reason = NULL,
        losses = r.losses,
        error = NULL,
        result = u.result,
        started_at = coalesce(to_timestamp(u.started), r.started_at),
        finished_at = coalesce(to_timestamp(u.finished), coalesce(:now, now()))
    FROM (
        SELECT s.* FROM unnest(:ids::text::uuid[], :attempts::text::integer[], :result::text[],
                               :started::double precision[], :finished::double precision[])
            AS s (id, attempt, result, started, finished)
        ORDER BY s.id
        OFFSET 0
    ) AS u
    WHERE r.id = u.id AND r.attempt = u.attempt AND r.state || '' = 'running' AND r.node_id || '' = :node
    RETURNING r.awaited, r.schedule_id
)
SELECT count(*) AS written, array_agg(w.schedule_id) FILTER (WHERE w.awaited) AS passes_on FROM written w;

-- name: settling.read_back
-- A settlement without a row is looked at before it is judged: was it written by an earlier try whose answer was lost?
SELECT u.id, coalesce(r.state, u.state) AS state, CASE WHEN r.awaited THEN r.schedule_id END AS passes_on
FROM unnest(:id::uuid[], :attempt::integer[], :state::text[], :outcome::text[]) AS u (id, attempt, state, outcome)
LEFT JOIN {schema}.runs r
    ON r.id = u.id AND r.node_id = :node AND r.attempt = u.attempt AND r.outcome = u.outcome
    AND (r.state = u.state OR (r.state = 'cancelled' AND r.cancel_requested_at IS NOT NULL))
    AND r.finished_at IS NOT NULL
WHERE r.id IS NOT NULL
   OR EXISTS (
        SELECT 1 FROM {schema}.attempts a
        WHERE a.run_id = u.id AND a.attempt = u.attempt AND a.node_id = :node AND a.outcome = u.outcome);

-- name: settling.forget
-- What a run that is tried again and again has outgrown of its history.
DELETE FROM {schema}.attempts a
USING unnest(:id::uuid[], :newest::integer[]) AS u (id, newest)
WHERE a.run_id = u.id AND a.attempt <= u.newest;
