-- What each node can run: the tasks it knows, with the limit that its code states (null: none), and its queues as JSON
-- (null: all of them; no value at all: a version that does not say).
CREATE TABLE node_tasks (
    task        TEXT NOT NULL,
    node_id     TEXT NOT NULL,
    concurrency INTEGER,
    PRIMARY KEY (task, node_id)
);
CREATE INDEX node_tasks_node ON node_tasks (node_id);
ALTER TABLE nodes ADD COLUMN queues TEXT;

-- Set by a claim under a limit. Runs of other tasks never have an entry in the index, so they pay nothing for it.
ALTER TABLE runs ADD COLUMN limited INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_limited ON runs (task) WHERE state = 'running' AND limited = 1;
