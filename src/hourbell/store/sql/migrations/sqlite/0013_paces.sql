-- Lines that all nodes share: who starts something takes the next place in its line.
CREATE TABLE paces (
    name    TEXT PRIMARY KEY,
    free_at INTEGER NOT NULL
);
INSERT INTO paces (name, free_at) VALUES ('catch_up', 0);
