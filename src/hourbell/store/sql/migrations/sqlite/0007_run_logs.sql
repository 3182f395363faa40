-- What the body said last of how far it has come: JSON.
ALTER TABLE runs ADD COLUMN progress TEXT;

-- What bodies logged, line by line; the node keeps each attempt within bounds.
CREATE TABLE run_logs (
    run_id    TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    attempt   INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    logged_at INTEGER NOT NULL,
    level     INTEGER NOT NULL,
    logger    TEXT NOT NULL,
    message   TEXT NOT NULL,
    PRIMARY KEY (run_id, attempt, number)
) WITHOUT ROWID;
