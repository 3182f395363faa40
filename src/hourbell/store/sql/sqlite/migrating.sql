-- name: migrating.create_versions
CREATE TABLE IF NOT EXISTS migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    applied_at INTEGER NOT NULL
);

-- name: migrating.schema_exists
SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations') AS versioned;

-- name: migrating.applied
SELECT version, name FROM migrations ORDER BY version;

-- name: migrating.record
INSERT INTO migrations (version, name, applied_at) VALUES (:version, :name, coalesce(:now, now()));
