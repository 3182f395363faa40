-- What SQLite does in its own way: one writer at a time (BEGIN IMMEDIATE is the lock), lists as JSON, one row a
-- statement. now() is never reached here: :now always carries the host's clock.

-- name: connection.journal
PRAGMA journal_mode = WAL;

-- name: connection.synchronous
PRAGMA synchronous = FULL;

-- name: connection.foreign_keys
PRAGMA foreign_keys = ON;

-- name: probe.table
CREATE TABLE probe (id INTEGER PRIMARY KEY, value TEXT);

-- name: probe.upsert
INSERT INTO probe (id, value) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET value = excluded.value RETURNING id;

-- name: probe.json
SELECT value FROM json_each('[1, 2]');

-- name: transaction.begin
BEGIN IMMEDIATE;

-- name: transaction.commit
COMMIT;

-- name: transaction.rollback
ROLLBACK;

-- name: firing.lock
SELECT c.now_at, s.*
FROM (SELECT coalesce(:now, now()) AS now_at) c
LEFT JOIN (
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
) s ON true;

-- name: firing.unfinished
SELECT schedule_id, count(*) AS unfinished
FROM runs
WHERE state IN ('queued', 'running') AND schedule_id IN (SELECT value FROM json_each(:ids))
GROUP BY schedule_id;

-- name: firing.advance
UPDATE schedules
SET next_fire_at = :next_fire_at, last_fire_at = :last_fire_at, state = :state,
    last_skip_id = :last_skip_id, last_skip_reason = :last_skip_reason
WHERE id = :id AND next_fire_at = :seen;

-- name: runs.insert
INSERT INTO runs (
    id, schedule_id, task, args, state, reason, origin, fire_at, covers_until, covers_count, run_at, start_by, queue,
    priority, key, policies, on_lost, lost_limit, tracking_id, parent, created_at, finished_at)
VALUES (
    :id, :schedule_id, :task, :args, :state, :reason, :origin, :fire_at, :covers_until, :covers_count,
    CASE WHEN :state = 'queued' THEN coalesce(:run_at, coalesce(:now, now()) + :delay) END,
    :start_by, :queue, :priority, :key, :policies, :on_lost, :lost_limit, :tracking_id, :parent,
    coalesce(:now, now()), CASE WHEN :state <> 'queued' THEN coalesce(:now, now()) END)
ON CONFLICT DO NOTHING
RETURNING *;

-- name: runs.grow
UPDATE runs
SET covers_until = :covers_until, covers_count = covers_count + :covers_count, finished_at = coalesce(:now, now())
WHERE id = :id AND state = 'skipped' AND covers_until < :covers_until
RETURNING id;

-- name: schedules.insert
INSERT INTO schedules (
    id, task, trigger_spec, args, policies, inherited, state, source, note, digest, declared, next_fire_at,
    last_fire_at, created_at, updated_at)
VALUES (
    :id, :task, :trigger_spec, :args, :policies, :inherited, :state, :source, :note, :digest, :declared, :next_fire_at,
    :last_fire_at, coalesce(:now, now()), coalesce(:now, now()))
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: schedules.lock
SELECT *, coalesce(:now, now()) AS now_at FROM schedules WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY id;

-- name: declarations.facts
SELECT :id AS id,
       EXISTS (SELECT 1 FROM digests WHERE schedule_id = :id AND digest = :digest) AS seen_before,
       EXISTS (
           SELECT 1 FROM declarations k JOIN nodes n ON n.id = k.node_id
           WHERE k.schedule_id = :id AND k.digest = :stored AND k.node_id <> :node AND n.state = 'live'
       ) AS stored_is_live;

-- name: declarations.remember
INSERT INTO declarations (schedule_id, node_id, digest) VALUES (:id, :node, :digest)
ON CONFLICT (schedule_id, node_id) DO UPDATE SET digest = excluded.digest;

-- name: declarations.note_digest
INSERT INTO digests (schedule_id, digest, first_seen_at) VALUES (:id, :digest, coalesce(:now, now()))
ON CONFLICT DO NOTHING;

-- name: nodes.is_live
SELECT id FROM nodes WHERE id = :node AND state = 'live';

-- name: claiming.places
-- Walking the distinct places of the claim's index: one probe each, however many runs wait there.
WITH RECURSIVE heads (place) AS (
    SELECT (SELECT json_array(queue, task, suspect, priority) FROM runs WHERE state = 'queued'
            ORDER BY queue, task, suspect, priority LIMIT 1)
    UNION ALL
    SELECT (SELECT json_array(queue, task, suspect, priority) FROM runs
            WHERE state = 'queued' AND (queue, task, suspect, priority)
                  > (json_extract(h.place, '$[0]'), json_extract(h.place, '$[1]'), json_extract(h.place, '$[2]'), json_extract(h.place, '$[3]'))
            ORDER BY queue, task, suspect, priority LIMIT 1)
    FROM heads h WHERE h.place IS NOT NULL
)
SELECT DISTINCT json_extract(h.place, '$[0]') AS queue, json_extract(h.place, '$[1]') AS task, json_extract(h.place, '$[2]') AS suspect
FROM heads h
WHERE h.place IS NOT NULL AND json_extract(h.place, '$[1]') IN (SELECT value FROM json_each(:tasks))
  AND (:queues IS NULL OR json_extract(h.place, '$[0]') IN (SELECT value FROM json_each(:queues)))
ORDER BY 1, 2, 3;

-- name: claiming.candidates
SELECT id, task, priority, run_at, suspect
FROM runs
WHERE state = 'queued' AND queue = :queue AND task = :task AND suspect = :suspect
  AND run_at <= coalesce(:now, now())
ORDER BY priority, run_at, id
LIMIT :room;

-- name: claiming.take
UPDATE runs
SET state = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN 'skipped' ELSE 'running' END,
    reason = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN 'missed' END,
    finished_at = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN coalesce(:now, now()) END,
    node_id = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN NULL ELSE :node END,
    claim_id = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN NULL ELSE :claim_id END,
    attempt = CASE WHEN attempt = 0 AND start_by < coalesce(:now, now()) THEN 0 ELSE attempt + 1 END,
    outcome = NULL, error = NULL
WHERE id = :id AND state = 'queued'
RETURNING *, coalesce(:now, now()) AS now_at;

-- name: runs.note_started
UPDATE runs SET started_at = :started_at
WHERE id = :id AND state = 'running' AND node_id = :node AND attempt = :attempt;

-- name: settling.keep
-- An attempt that ends without ending its run, written while the run still shows it.
INSERT INTO attempts (run_id, attempt, node_id, started_at, finished_at, outcome, error)
SELECT id, attempt, node_id, coalesce(:started_at, started_at), coalesce(:finished_at, coalesce(:now, now())),
       :outcome, :error
FROM runs
WHERE id = :id AND state = 'running' AND node_id = :node AND attempt = :attempt AND :state = 'queued'
ON CONFLICT (run_id, attempt) DO NOTHING;

-- name: settling.settle
-- The fence: run, state, node and attempt.
UPDATE runs
SET state = :state,
    outcome = :outcome,
    reason = CASE WHEN :state = 'cancelled' THEN 'cancelled' END,
    failures = failures + :failed,
    run_at = CASE WHEN :state = 'queued' THEN coalesce(:now, now()) + :delay ELSE run_at END,
    node_id = CASE WHEN :state = 'queued' THEN NULL ELSE node_id END,
    claim_id = CASE WHEN :state = 'queued' THEN NULL ELSE claim_id END,
    error = :error,
    result = :result,
    started_at = CASE WHEN :state = 'queued' THEN NULL ELSE coalesce(:started_at, started_at) END,
    finished_at = CASE WHEN :state <> 'queued' THEN coalesce(:finished_at, coalesce(:now, now())) END
WHERE id = :id AND state = 'running' AND node_id = :node AND attempt = :attempt
RETURNING id;

-- name: settling.read_back
SELECT :id AS id
WHERE EXISTS (
        SELECT 1 FROM runs
        WHERE id = :id AND node_id = :node AND attempt = :attempt AND state = :state AND outcome = :outcome
          AND finished_at IS NOT NULL)
   OR EXISTS (
        SELECT 1 FROM attempts
        WHERE run_id = :id AND attempt = :attempt AND node_id = :node AND outcome = :outcome);

-- name: nodes.mark_dead
UPDATE nodes SET state = 'dead'
WHERE id = :id AND renewals = :renewals AND state = 'live' AND lease_until <= coalesce(:now, now())
RETURNING id;

-- name: nodes.end
UPDATE nodes SET state = :state WHERE id = :node AND state = 'live' RETURNING id;

-- name: nodes.gone
SELECT DISTINCT r.node_id
FROM runs r
WHERE r.state = 'running' AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = r.node_id AND n.state = 'live');

-- name: nodes.keep_attempts
INSERT INTO attempts (run_id, attempt, node_id, started_at, finished_at, outcome, error)
SELECT id, attempt, node_id, started_at, coalesce(:now, now()), :outcome, NULL
FROM runs
WHERE state = 'running' AND node_id IN (SELECT value FROM json_each(:nodes))
  AND NOT (on_lost = 'fail' OR (:is_loss AND losses + 1 >= lost_limit))
ON CONFLICT (run_id, attempt) DO NOTHING;

-- name: nodes.fail_lost
UPDATE runs
SET state = 'failed', outcome = :outcome, reason = 'lost', losses = losses + :is_loss,
    error = CASE WHEN losses = 0 THEN 'lost with its node' ELSE 'lost with its node ' || (losses + 1) || ' times' END,
    finished_at = coalesce(:now, now())
WHERE state = 'running' AND node_id IN (SELECT value FROM json_each(:nodes))
  AND (on_lost = 'fail' OR (:is_loss AND losses + 1 >= lost_limit))
RETURNING id;

-- name: nodes.requeue_lost
UPDATE runs
SET state = 'queued', outcome = :outcome, losses = losses + :is_loss, reason = NULL, error = NULL,
    run_at = coalesce(:now, now()), node_id = NULL, claim_id = NULL, started_at = NULL
WHERE state = 'running' AND node_id IN (SELECT value FROM json_each(:nodes))
RETURNING id;

-- name: runs.lock
SELECT * FROM runs WHERE id = :id;

-- name: runs.prune
DELETE FROM runs
WHERE id IN (
    SELECT r.id FROM runs r
    WHERE r.id < :boundary AND r.finished_at < coalesce(:now, now()) - :retention
    ORDER BY r.id
    LIMIT :limit)
RETURNING id;

-- name: watching.next_work
-- One probe for each (queue, task, priority) that has queued runs, however many those are.
WITH RECURSIVE heads (place) AS (
    SELECT (SELECT json_array(queue, task, suspect, priority) FROM runs WHERE state = 'queued'
            ORDER BY queue, task, suspect, priority LIMIT 1)
    UNION ALL
    SELECT (SELECT json_array(queue, task, suspect, priority) FROM runs
            WHERE state = 'queued' AND (queue, task, suspect, priority)
                  > (json_extract(h.place, '$[0]'), json_extract(h.place, '$[1]'), json_extract(h.place, '$[2]'), json_extract(h.place, '$[3]'))
            ORDER BY queue, task, suspect, priority LIMIT 1)
    FROM heads h WHERE h.place IS NOT NULL
),
due AS (
    SELECT coalesce((
               SELECT r.run_at FROM runs r
               WHERE r.state = 'queued' AND r.queue = json_extract(h.place, '$[0]') AND r.task = json_extract(h.place, '$[1]') AND r.suspect = json_extract(h.place, '$[2]')
                 AND r.priority = json_extract(h.place, '$[3]') AND r.run_at IS NOT NULL
               ORDER BY r.run_at LIMIT 1) <= coalesce(:now, now()), false) AS is_due,
           (SELECT r.run_at FROM runs r
            WHERE r.state = 'queued' AND r.queue = json_extract(h.place, '$[0]') AND r.task = json_extract(h.place, '$[1]') AND r.suspect = json_extract(h.place, '$[2]')
                 AND r.priority = json_extract(h.place, '$[3]')
                 AND r.run_at > coalesce(:now, now())
            ORDER BY r.run_at LIMIT 1) AS later
    FROM heads h
    WHERE h.place IS NOT NULL AND json_extract(h.place, '$[1]') IN (SELECT value FROM json_each(:tasks))
      AND (:queues IS NULL OR json_extract(h.place, '$[0]') IN (SELECT value FROM json_each(:queues)))
)
SELECT coalesce(:now, now()) AS now_at,
       coalesce((SELECT next_fire_at FROM schedules WHERE state = 'active' ORDER BY next_fire_at LIMIT 1)
                <= coalesce(:now, now()), false) AS fire_due,
       (SELECT next_fire_at FROM schedules WHERE state = 'active' AND next_fire_at > coalesce(:now, now())
        ORDER BY next_fire_at LIMIT 1) AS next_fire_at,
       (SELECT coalesce(max(is_due), false) FROM due) AS run_due,
       (SELECT min(later) FROM due) AS next_run_at,
       (SELECT min(lease_until) FROM nodes WHERE state = 'live' AND id <> :node) AS lease_until;

-- name: watching.changed
-- Moves whenever another connection has committed, in this process or any other; costs microseconds.
PRAGMA data_version;

-- name: migrating.create_versions
CREATE TABLE IF NOT EXISTS migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    applied_at INTEGER NOT NULL
);

-- name: migrating.schema_exists
SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations') AS versioned;

-- name: migrating.applied
SELECT version, name FROM migrations ORDER BY version;

-- name: migrating.record
INSERT INTO migrations (version, name, applied_at) VALUES (:version, :name, coalesce(:now, now()));
