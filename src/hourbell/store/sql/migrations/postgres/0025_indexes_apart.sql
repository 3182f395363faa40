-- One index for what is unfinished of a schedule, and one for what a node runs, in place of one for both. That one could
-- be taken for the queue as well, and was, wherever the planner believed the queue to be short: it then read every entry
-- that was still there of runs long ended. Runs without a schedule now cost one entry less.
CREATE INDEX runs_of_schedule ON {schema}.runs (schedule_id)
    WHERE state IN ('queued', 'running') AND schedule_id IS NOT NULL;
CREATE INDEX runs_running ON {schema}.runs (node_id) WHERE state = 'running';
DROP INDEX {schema}.runs_unfinished;

-- The same for what is asked to end: said without the state, so that nothing but this index can be read for it.
CREATE INDEX runs_asked_to_end ON {schema}.runs (node_id) WHERE cancel_requested_at IS NOT NULL AND finished_at IS NULL;
DROP INDEX {schema}.runs_cancelling;

-- What a node can make in a second, autovacuum must be able to clear away in a second; at its usual pace it falls behind
-- by minutes, and the table grows by all that is dead meanwhile.
ALTER TABLE {schema}.runs SET (autovacuum_vacuum_cost_limit = 1000);
