-- Nodes: one row a process. The row is the lock that a claim takes first.
CREATE TABLE {schema}.nodes (
    id          text PRIMARY KEY,
    host        text NOT NULL,
    pid         integer NOT NULL,
    version     text NOT NULL,
    state       text NOT NULL CHECK (state IN ('live', 'stopped', 'dead')),
    started_at  timestamptz NOT NULL,
    lease_until timestamptz NOT NULL,
    renewals    bigint NOT NULL DEFAULT 0,
    running     integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

CREATE TABLE {schema}.schedules (
    id               text PRIMARY KEY,
    task             text NOT NULL,
    trigger_spec     text NOT NULL,
    args             text NOT NULL,
    policies         text NOT NULL,
    inherited        text NOT NULL,
    state            text NOT NULL CHECK (state IN ('active', 'paused', 'finished', 'undeclared')),
    source           text NOT NULL CHECK (source IN ('code', 'call')),
    note             text,
    digest           text,
    declared         text,
    next_fire_at     timestamptz,
    last_fire_at     timestamptz,
    last_skip_id     uuid,
    last_skip_reason text,
    version          bigint NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT schedules_cursor_moves_forward CHECK (next_fire_at > last_fire_at),
    CONSTRAINT schedules_active_has_cursor CHECK (state <> 'active' OR next_fire_at IS NOT NULL)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

-- What the firing step asks: which active schedule is due, earliest first.
CREATE INDEX schedules_due ON {schema}.schedules (next_fire_at) WHERE state = 'active';

-- Which node's code declares which schedule, and every digest that was ever declared for it.
CREATE TABLE {schema}.declarations (
    schedule_id text NOT NULL,
    node_id     text NOT NULL,
    digest      text NOT NULL,
    PRIMARY KEY (schedule_id, node_id)
);
CREATE INDEX declarations_node ON {schema}.declarations (node_id);

CREATE TABLE {schema}.digests (
    schedule_id   text NOT NULL,
    digest        text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    PRIMARY KEY (schedule_id, digest)
);

CREATE TABLE {schema}.runs (
    id           uuid PRIMARY KEY,
    schedule_id  text,
    task         text NOT NULL,
    args         text NOT NULL,
    state        text NOT NULL
        CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped')),
    reason       text,
    origin       text NOT NULL,
    fire_at      timestamptz,
    covers_until timestamptz,
    covers_count bigint,
    run_at       timestamptz,
    start_by     timestamptz,
    queue        text NOT NULL,
    priority     integer NOT NULL,
    key          text,
    policies     text,
    on_lost      text NOT NULL CHECK (on_lost IN ('retry', 'fail')),
    lost_limit   integer NOT NULL,
    tracking_id  text,
    parent       uuid,
    node_id      text,
    claim_id     text,
    attempt      integer NOT NULL DEFAULT 0,
    failures     integer NOT NULL DEFAULT 0,
    losses       integer NOT NULL DEFAULT 0,
    -- A number, not a boolean: the planner rewrites "= false" so that an index on an expression is missed.
    suspect      integer GENERATED ALWAYS AS (CASE WHEN losses > least(2, lost_limit - 2) AND losses > 0 THEN 1 ELSE 0 END) STORED,
    outcome      text,
    error        text,
    result       text,
    created_at   timestamptz NOT NULL,
    started_at   timestamptz,
    finished_at  timestamptz,
    CONSTRAINT runs_running_has_node CHECK (state <> 'running' OR (node_id IS NOT NULL AND attempt > 0)),
    CONSTRAINT runs_queued_has_no_node CHECK (state <> 'queued' OR node_id IS NULL),
    CONSTRAINT runs_final_is_finished
        CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled', 'skipped'))),
    CONSTRAINT runs_skipped_has_reason CHECK (state <> 'skipped' OR reason IS NOT NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

-- The second lock of a fire; the cursor is the first. Requests by hand have no fire_at.
CREATE UNIQUE INDEX runs_fire ON {schema}.runs (schedule_id, fire_at, origin) WHERE fire_at IS NOT NULL;
-- What a claim asks, task by task. Runs lost more than once are kept apart.
CREATE INDEX runs_claim ON {schema}.runs (queue, task, suspect, priority, run_at, id) WHERE state = 'queued';
-- Unfinished runs of a schedule (overlap), and running runs of a node (rescue).
CREATE INDEX runs_unfinished ON {schema}.runs (state, schedule_id, node_id) WHERE state IN ('queued', 'running');
-- Idempotent requests; costs nothing for runs without a key.
CREATE UNIQUE INDEX runs_key ON {schema}.runs (task, key) WHERE key IS NOT NULL;

-- Attempts that ended without ending their run; the last one stands in the run's own row.
CREATE TABLE {schema}.attempts (
    run_id      uuid NOT NULL REFERENCES {schema}.runs (id) ON DELETE CASCADE,
    attempt     integer NOT NULL,
    node_id     text NOT NULL,
    started_at  timestamptz,
    finished_at timestamptz NOT NULL,
    outcome     text NOT NULL,
    error       text,
    PRIMARY KEY (run_id, attempt)
);
