-- What each node can run: the tasks it knows, with the limit that its code states (null: none), and its queues as JSON
-- (null: all of them; no value at all: a version that does not say).
CREATE TABLE {schema}.node_tasks (
    task        text NOT NULL,
    node_id     text NOT NULL,
    concurrency integer,
    PRIMARY KEY (task, node_id)
);
CREATE INDEX node_tasks_node ON {schema}.node_tasks (node_id);
ALTER TABLE {schema}.nodes ADD COLUMN queues text;

-- One row for each task that is limited over all nodes. It holds nothing: it is the lock under which a claim counts.
CREATE TABLE {schema}.task_limits (
    task text PRIMARY KEY
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- Set by a claim under a limit. Runs of other tasks never have an entry in the index, so they pay nothing for it.
ALTER TABLE {schema}.runs ADD COLUMN limited integer NOT NULL DEFAULT 0;
CREATE INDEX runs_limited ON {schema}.runs (task) WHERE state = 'running' AND limited = 1;
