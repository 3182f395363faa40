-- Names that one holder at a time has: work to be done once in a period, and locks. The result is JSON.
CREATE TABLE guards (
    kind        TEXT NOT NULL CHECK (kind IN ('once', 'lock')),
    name        TEXT NOT NULL,
    period      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('held', 'free', 'done', 'failed')),
    owner       TEXT NOT NULL,
    fence       INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    taken_at    INTEGER NOT NULL,
    ended_at    INTEGER CHECK ((ended_at IS NULL) = (state = 'held')),
    expires_at  INTEGER,
    result      TEXT,
    error       TEXT,
    PRIMARY KEY (kind, name, period)
);
CREATE INDEX guards_expired ON guards (expires_at) WHERE expires_at IS NOT NULL;
