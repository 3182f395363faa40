-- Lines that all nodes share: who starts something takes the next place in its line.
CREATE TABLE {schema}.paces (
    name    text PRIMARY KEY,
    free_at timestamptz NOT NULL
);
INSERT INTO {schema}.paces (name, free_at) VALUES ('catch_up', 'epoch');
