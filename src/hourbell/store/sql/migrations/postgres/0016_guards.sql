-- Names that one holder at a time has: work to be done once in a period, and locks. The result is JSON.
CREATE TABLE {schema}.guards (
    kind        text NOT NULL CHECK (kind IN ('once', 'lock')),
    name        text NOT NULL,
    period      text NOT NULL,
    state       text NOT NULL CHECK (state IN ('held', 'free', 'done', 'failed')),
    owner       text NOT NULL,
    fence       bigint NOT NULL,
    lease_until timestamptz NOT NULL,
    taken_at    timestamptz NOT NULL,
    ended_at    timestamptz CHECK ((ended_at IS NULL) = (state = 'held')),
    expires_at  timestamptz,
    result      text,
    error       text,
    PRIMARY KEY (kind, name, period)
);
CREATE INDEX guards_expired ON {schema}.guards (expires_at) WHERE expires_at IS NOT NULL;
