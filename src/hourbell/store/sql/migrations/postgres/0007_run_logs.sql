-- What the body said last of how far it has come: JSON, in no index, so that writing it moves no index entry.
ALTER TABLE {schema}.runs ADD COLUMN progress text;

-- What bodies logged, line by line; the node keeps each attempt within bounds.
CREATE TABLE {schema}.run_logs (
    run_id    uuid NOT NULL REFERENCES {schema}.runs (id) ON DELETE CASCADE,
    attempt   integer NOT NULL,
    number    bigint NOT NULL,
    logged_at timestamptz NOT NULL,
    level     integer NOT NULL,
    logger    text NOT NULL,
    message   text NOT NULL,
    PRIMARY KEY (run_id, attempt, number)
);
