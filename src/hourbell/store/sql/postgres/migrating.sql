-- name: migrating.schema_exists
SELECT to_regnamespace(:identifier) IS NOT NULL AS found,
       to_regclass(:identifier || '.migrations') IS NOT NULL AS versioned;

-- name: migrating.create_schema
CREATE SCHEMA {schema_name};

-- name: migrating.create_versions
CREATE TABLE IF NOT EXISTS {schema}.migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    applied_at timestamptz NOT NULL
);

-- name: migrating.lock
-- Held until the transaction ends, so a pooler cannot leak it. One key for every node that starts on this schema.
SELECT pg_advisory_xact_lock(hashtext('hourbell.migrations'), hashtext(:schema));

-- name: migrating.take_time
-- Once it is its turn, a migration takes as long as it takes; it waits for the locks of tables no longer than others do.
SET LOCAL statement_timeout = 0;

-- name: migrating.applied
SELECT version, name FROM {schema}.migrations ORDER BY version;

-- name: migrating.record
INSERT INTO {schema}.migrations (version, name, applied_at) VALUES (:version, :name, coalesce(:now, now()));
