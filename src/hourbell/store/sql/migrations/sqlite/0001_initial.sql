-- Instants are whole microseconds since 1970-01-01 UTC; columns that hold one end in _at, _until or _by.
-- Nodes: one row a process. The row is the lock that a claim takes first.
CREATE TABLE nodes (
    id          TEXT PRIMARY KEY,
    host        TEXT NOT NULL,
    pid         INTEGER NOT NULL,
    version     TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('live', 'stopped', 'dead')),
    started_at  INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    renewals    INTEGER NOT NULL DEFAULT 0,
    running     INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE schedules (
    id               TEXT PRIMARY KEY,
    task             TEXT NOT NULL,
    trigger_spec     TEXT NOT NULL,
    args             TEXT NOT NULL,
    policies         TEXT NOT NULL,
    inherited        TEXT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('active', 'paused', 'finished', 'undeclared')),
    source           TEXT NOT NULL CHECK (source IN ('code', 'call')),
    note             TEXT,
    digest           TEXT,
    declared         TEXT,
    next_fire_at     INTEGER,
    last_fire_at     INTEGER,
    last_skip_id     TEXT,
    last_skip_reason TEXT,
    version          INTEGER NOT NULL DEFAULT 1,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    CONSTRAINT schedules_cursor_moves_forward CHECK (next_fire_at > last_fire_at),
    CONSTRAINT schedules_active_has_cursor CHECK (state <> 'active' OR next_fire_at IS NOT NULL)
);

-- What the firing step asks: which active schedule is due, earliest first.
CREATE INDEX schedules_due ON schedules (next_fire_at) WHERE state = 'active';

-- Which node's code declares which schedule, and every digest that was ever declared for it.
CREATE TABLE declarations (
    schedule_id TEXT NOT NULL,
    node_id     TEXT NOT NULL,
    digest      TEXT NOT NULL,
    PRIMARY KEY (schedule_id, node_id)
);
CREATE INDEX declarations_node ON declarations (node_id);

CREATE TABLE digests (
    schedule_id   TEXT NOT NULL,
    digest        TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    PRIMARY KEY (schedule_id, digest)
);

CREATE TABLE runs (
    id           TEXT PRIMARY KEY,
    schedule_id  TEXT,
    task         TEXT NOT NULL,
    args         TEXT NOT NULL,
    state        TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped')),
    reason       TEXT,
    origin       TEXT NOT NULL,
    fire_at      INTEGER,
    covers_until INTEGER,
    covers_count INTEGER,
    run_at       INTEGER,
    start_by     INTEGER,
    queue        TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    key          TEXT,
    policies     TEXT,
    on_lost      TEXT NOT NULL CHECK (on_lost IN ('retry', 'fail')),
    lost_limit   INTEGER NOT NULL,
    tracking_id  TEXT,
    parent       TEXT,
    node_id      TEXT,
    claim_id     TEXT,
    attempt      INTEGER NOT NULL DEFAULT 0,
    failures     INTEGER NOT NULL DEFAULT 0,
    losses       INTEGER NOT NULL DEFAULT 0,
    suspect      INTEGER GENERATED ALWAYS AS (CASE WHEN losses > min(2, lost_limit - 2) AND losses > 0 THEN 1 ELSE 0 END) STORED,
    outcome      TEXT,
    error        TEXT,
    result       TEXT,
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    finished_at  INTEGER,
    CONSTRAINT runs_running_has_node CHECK (state <> 'running' OR (node_id IS NOT NULL AND attempt > 0)),
    CONSTRAINT runs_queued_has_no_node CHECK (state <> 'queued' OR node_id IS NULL),
    CONSTRAINT runs_final_is_finished
        CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled', 'skipped'))),
    CONSTRAINT runs_skipped_has_reason CHECK (state <> 'skipped' OR reason IS NOT NULL)
);

-- The second lock of a fire; the cursor is the first. Requests by hand have no fire_at.
CREATE UNIQUE INDEX runs_fire ON runs (schedule_id, fire_at, origin) WHERE fire_at IS NOT NULL;
-- What a claim asks, task by task. Runs lost more than once are kept apart.
CREATE INDEX runs_claim ON runs (queue, task, suspect, priority, run_at, id) WHERE state = 'queued';
-- Unfinished runs of a schedule (overlap), and running runs of a node (rescue).
CREATE INDEX runs_unfinished ON runs (state, schedule_id, node_id) WHERE state IN ('queued', 'running');
-- SQLite uses a partial index only where the query repeats its condition, so the running ones have their own.
CREATE INDEX runs_running ON runs (node_id) WHERE state = 'running';
-- Idempotent requests; costs nothing for runs without a key.
CREATE UNIQUE INDEX runs_key ON runs (task, key) WHERE key IS NOT NULL;

-- Attempts that ended without ending their run; the last one stands in the run's own row.
CREATE TABLE attempts (
    run_id      TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    attempt     INTEGER NOT NULL,
    node_id     TEXT NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    error       TEXT,
    PRIMARY KEY (run_id, attempt)
);
